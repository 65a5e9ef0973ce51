"""The way from words to a verb: what is refused, in which words, with which exit code."""

from __future__ import annotations

import sys

import pytest

from tuidock import __version__
from tuidock.cli import spec
from tuidock.cli.main import run
from tuidock.cli.parser import Parser
from tuidock.cli.verbs import ALIASES, GROUPS, VERBS
from tuidock.engine.layout import Layout


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    for verb in VERBS:
        assert f"\n  {verb} " in text


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"tuidock version {__version__}\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nosuch"], 1, "'nosuch' is not a tuidock command"),
        (["rnu"], 1, "Did you mean 'tuidock run'?"),
        (["--nosuch", "ps"], 125, "unknown flag: --nosuch"),
        (["ps", "--nosuch"], 125, "unknown flag or argument: --nosuch"),
        (["--log-level", "loud", "ps"], 125, "unknown log level: loud"),
        (["--root"], 125, "flag needs an argument: --root"),
        (["image"], 125, "image ls"),
        (["image", "nosuch"], 1, "'image nosuch' is not a tuidock command"),
        (["run", "--cpus", "many", "x"], 125, "invalid number of CPUs: 'many'"),
        (["run"], 125, "the following arguments are required: IMAGE"),
    ],
)
def test_mistakes_are_told(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str], layout: Layout
) -> None:
    if words[0] in ("ps", "run"):
        words = ["--root", layout.root, "--runroot", layout.runroot, *words]
    assert run(words) == code
    output = capsys.readouterr()
    assert said in output.err
    assert output.out == ""


def test_the_interface_needs_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 1
    assert "needs a terminal" in capsys.readouterr().err


def test_the_interface_needs_a_terminal_that_can_be_drawn_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the look at TERM it would begin to draw (seen: a screen full of sequences)."""
    monkeypatch.setenv("TERM", "dumb")
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setattr("tuidock.app.run", lambda *_, **__: 0)
    assert run([]) == 1
    assert "TERM=dumb" in capsys.readouterr().err


def test_an_unusable_root_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--root", "/proc/nosuch", "--runroot", "/proc/nosuch", "ps"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("tuidock: cannot use /proc/nosuch: ")
    assert len(lines) == 2


def test_longer_spellings_lead_to_known_verbs() -> None:
    assert set(ALIASES.values()) <= set(VERBS)
    assert {pair.split()[0] for pair in (*ALIASES, *VERBS) if " " in pair} == set(GROUPS)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run([*verb.split(), "--help"])
    assert ended.value.code == 0
    assert f"usage: tuidock {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--rm", "image"], (True, "image", [])),
        (["--rm=false", "image", "--rm=true"], (False, "image", ["--rm=true"])),
        (["--rm=true", "image", "-it"], (True, "image", ["-it"])),
        (["-itP", "image", "sh", "-c", "x y"], (False, "image", ["sh", "-c", "x y"])),
    ],
)
def test_flags_end_at_the_image(words: list[str], wanted: tuple[bool, str, list[str]]) -> None:
    parser = Parser("run", "")
    spec.arguments(parser)
    options = parser.parse_args(words)
    assert (options.rm, options.image, options.command) == wanted
