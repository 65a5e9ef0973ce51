"""What stands before the engine: deeds are noted, and with --read-only none is done."""

from __future__ import annotations

import asyncio
import inspect
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.ui.conftest import Stage, staged
from tuidock.cli.main import _find_verb
from tuidock.cli.parser import Parser
from tuidock.cli.verbs import VERBS as COMMAND_LINE
from tuidock.commands import EQUALS
from tuidock.config import Config
from tuidock.deed import KEPT, Deed
from tuidock.deeds import COMMANDS, FLOWS
from tuidock.diary import Diary
from tuidock.engine import api
from tuidock.engine.errors import MonitorGone, ReadOnly
from tuidock.engine.fake import FakeEngine
from tuidock.engine.filesystem import CommitSpec
from tuidock.engine.readonly import PARTS, READING, read_only
from tuidock.engine.types import ContainerSpec, ExecSpec, Limits, Port
from tuidock.masking import MASK, masked, masked_words
from tuidock.screens.base import DockScreen
from tuidock.verbs import VERBS

SPEC = ContainerSpec(
    "nginx:1.29", "more", ("nginx",), env=("A=b",), ports=(Port(80, host_port=8081),)
)
SAMPLES: dict[str, tuple[Any, ...]] = {
    "images.pull": ("alpine:3.22", "linux/arm64"),
    "images.remove": ("redis:8", True),
    "images.tag": ("redis:8", "mine:1"),
    "containers.create": (SPEC,),
    "containers.start": ("web",),
    "containers.stop": ("web", 2.0),
    "containers.restart": ("web",),
    "containers.kill": ("web", "HUP"),
    "containers.signal": ("web", 4010, "TERM"),
    "containers.pause": ("web",),
    "containers.unpause": ("web",),
    "containers.remove": ("web", True),
    "containers.rename": ("web", "front"),
    "containers.prune": (),
    "containers.update": (
        "web",
        Limits(memory=1 << 30, cpus=1.5, pids=0, device_read_bps=(("/dev/sda", 5),)),
    ),
    "containers.exec": ("web", ExecSpec(("sh", "-l"), ("A=b",), "0", "/", True, True, True)),
    "containers.attach": ("web",),
    "containers.debug": ("web",),
    "files.copy_out": ("web", "/etc", "/tmp"),
    "files.copy_in": ("/etc/hosts", "web", "/tmp"),
    "files.revert": ("web", "/etc/passwd"),
    "files.extract": ("web", "/tmp", None),
    "files.commit": ("web", CommitSpec("mine:2", "me", "why", ("CMD x",))),
}
"""Arguments for each method that changes something."""


def methods() -> set[str]:
    """All that the engine's Protocols have, by their whole names."""
    parts = {"": api.Engine, "images.": api.Images, "registry.": api.Registry}
    parts |= {"containers.": api.Containers, "files.": api.Files}
    found = set()
    for place, part in parts.items():
        for name, member in vars(part).items():
            if not name.startswith("_") and inspect.isfunction(member):
                found.add(f"{place}{name}")
    return found


def parsed(words: list[str]) -> None:
    """Raises UsageError when the command line does not understand it."""
    verb, rest = _find_verb(words)
    module = __import__(f"tuidock.cli.verbs.{COMMAND_LINE[verb].module}", fromlist=["arguments"])
    parser = Parser(verb, "")
    module.arguments(parser)
    parser.parse_args(rest)


def test_every_method_is_known_to_read_or_has_its_words() -> None:
    assert methods() == READING | COMMANDS.keys()
    assert not READING & (COMMANDS.keys() - {"files.copy_out"})
    assert SAMPLES.keys() == COMMANDS.keys()


@pytest.mark.parametrize("method", SAMPLES)
def test_the_words_of_a_deed_are_a_command_line(method: str) -> None:
    words = COMMANDS[method](lambda key: key, *SAMPLES[method])
    parsed(words)
    assert COMMAND_LINE[_find_verb(words)[0]].changes or words[0] == "cp"


def test_the_command_that_a_verb_equals_is_one() -> None:
    for command in (*(verb.command for verb in VERBS.values()), *EQUALS.values()):
        if command:
            parsed(command.replace("{}", "web").split())
    silent = [verb.id for verb in VERBS.values() if verb.call is not None and not verb.command]
    assert not silent


@pytest.mark.parametrize("method", sorted(COMMANDS.keys() - READING))
async def test_a_reading_engine_refuses_at_once(method: str) -> None:
    """Seen to fail with the method's name in READING."""
    engine = FakeEngine()
    part, _, name = method.partition(".")
    with pytest.raises(ReadOnly):
        getattr(getattr(read_only(engine), part), name)(*SAMPLES[method])
    assert part in PARTS
    assert not engine.containers.calls


async def test_no_key_and_no_name_of_an_action_gets_through() -> None:
    """Every verb, by its key and as the palette does it, then whatever asks is answered.

    Two defences: keys are dim, and the engine refuses. Seen to fail with both taken out.
    """
    async with staged(read_only=True, config=Config(confirm=False)) as stage:
        before = await stage.engine.containers.list(), await stage.engine.images.list()
        for verb in VERBS.values():
            if verb.alters:
                await everywhere(stage, verb.scope, verb.binding_action, verb.key)
        assert not stage.calls
        assert (await stage.engine.containers.list(), await stage.engine.images.list()) == before
        assert stage.shows("read-only")


async def test_a_narrow_screen_says_too_that_nothing_may_change() -> None:
    async with staged(read_only=True, size=(80, 24)) as stage:
        assert "read-only" in stage.text().splitlines()[0]


async def test_what_no_verb_does_is_refused_too() -> None:
    """Seen to fail without `read_only` in TuidockApp: the limit was changed."""
    async with staged(read_only=True) as stage:
        await stage.press("L", "right", "enter")
        await stage.until(lambda: stage.shows("read-only: update is refused"))
        assert not stage.calls
        with pytest.raises(ReadOnly):
            await stage.app.engine.containers.stop("web")


async def everywhere(stage: Stage, scope: str, action: str, keys: str) -> None:
    pane = scope if scope in stage.app.MODES else "containers"
    stage.app.action_pane(pane)
    await stage.pilot.pause()
    screen = stage.app.screen
    assert isinstance(screen, DockScreen)
    await stage.app.run_action(action, screen)
    for key in filter(None, keys.split(",")):
        await stage.press(key)
    await stage.press("enter")
    for _ in range(3):
        if stage.app.screen is not screen:
            await stage.press("escape")


async def test_verbs_are_dim_where_nothing_may_change() -> None:
    async with staged(read_only=True) as stage:
        enabled = {
            binding.binding.id: binding.enabled
            for binding in stage.app.screen.active_bindings.values()
        }
        wrong = [
            name for name, on in enabled.items() if name in VERBS and VERBS[name].alters and on
        ]
        assert not wrong
        assert enabled["container.logs" if "container.logs" in enabled else "container.limits"]


# --- deeds ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "verb", [verb.id for verb in VERBS.values() if verb.call is not None], ids=str
)
async def test_a_verb_is_noted_as_its_command(verb: str) -> None:
    async with staged(config=Config(confirm=False)) as stage:
        it = next(it for it in stage.world.containers.values() if it.status in VERBS[verb].when)
        stage.app.go_to(it.id)
        await stage.pilot.pause()
        stage.app.screen.action_verb(verb)  # type: ignore[attr-defined]
        await stage.until(lambda: stage.world.deeds)
        (deed,) = stage.world.deeds
        assert deed.line == "tuidock " + VERBS[verb].command.format(it.name)
        assert not deed.problem


async def test_a_deed_that_failed_says_why(stage: Stage) -> None:
    stage.engine.containers.failures["stop"] = MonitorGone("no answer", "look at `ps`")
    await stage.press("s")
    await stage.until(lambda: stage.world.deeds)
    assert stage.world.deeds[0].problem == "no answer"


async def test_what_was_done_is_there_next_time_without_its_secrets(tmp_path: Path) -> None:
    """Seen to fail without `masked_words` in diary."""
    memory = str(tmp_path / "deep" / "state.json")
    async with staged(memory=memory) as stage:
        spec = ContainerSpec("nginx:1.29", "more", env=("API_TOKEN=hunter2", "A=b"))
        await stage.app.engine.containers.create(spec)
        await stage.until(lambda: stage.world.deeds)
        assert "hunter2" in stage.world.deeds[0].line
    kept = tmp_path / "deep" / "deeds.jsonl"
    assert stat.S_IMODE(os.stat(kept).st_mode) == 0o600
    assert "hunter2" not in kept.read_text()
    async with staged(memory=memory) as stage:
        await stage.until(lambda: stage.world.deeds)
        await stage.press("9")
        assert stage.shows(f"create --name more -e 'API_TOKEN={MASK}' -e A=b nginx:1.29")
        await stage.press("r")
        await stage.until(lambda: stage.shows("its secrets were not kept"))


def test_a_diary_has_an_end(tmp_path: Path) -> None:
    path = tmp_path / "deeds.jsonl"
    diary = Diary(str(path))
    path.write_text("no deed\n")
    for number in range(2 * KEPT + 1):
        assert not diary.append(Deed(float(number), ("tuidock", "start", str(number))))
    found = diary.load()
    assert len(found) == KEPT
    assert found[-1].words[2] == str(2 * KEPT)
    assert len(path.read_text().splitlines()) == KEPT
    assert Diary(str(path)).load() == found


def test_a_diary_that_cannot_be_written_says_so_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    diary = Diary(str(tmp_path / "file" / "deeds.jsonl"))
    assert "File exists" in diary.append(Deed(0.0, ("tuidock", "stop", "web")))
    assert not diary.append(Deed(0.0, ("tuidock", "stop", "web")))


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("POSTGRES_PASSWORD", "x", MASK),
        ("github_token", "abc", MASK),
        ("AWS_SECRET_ACCESS_KEY", "abc", MASK),
        ("TLS_KEY", "abc", MASK),
        ("APIKEY", "abc", MASK),
        ("DB_PWD", "abc", MASK),
        ("PASSWORD", "", ""),
        ("MONKEY", "see", "see"),
        ("KEYBOARD", "us", "us"),
        ("AUTHOR", "me", "me"),
        (
            "DATABASE_URL",
            "postgres://app:s3cr3t@db:5432/shop",
            f"postgres://app:{MASK}@db:5432/shop",
        ),
        ("REDIS", "redis://:pw@cache/0", f"redis://:{MASK}@cache/0"),
        ("DATABASE_URL", "postgres://db/shop", "postgres://db/shop"),
    ],
)
def test_secrets_are_known_by_name_and_by_shape(name: str, value: str, shown: str) -> None:
    assert masked(name, value) == shown


def test_a_command_line_keeps_its_secrets() -> None:
    words = ("tuidock", "run", "-e", "TOKEN=abc", "--env", "PATH=/bin", "img", "a=b")
    shown = ("tuidock", "run", "-e", f"TOKEN={MASK}", "--env", "PATH=/bin", "img", "a=b")
    assert masked_words(words) == shown


# --- jobs -----------------------------------------------------------------------------------


async def test_a_pull_is_a_job_that_outlives_its_screen(stage: Stage) -> None:
    stage.app.pull("alpine:3.22")
    await stage.press("8")
    assert stage.shows("alpine:3.22")
    assert [job.kind for job in stage.app.jobs.running()] == ["pull"]
    await stage.press("v")
    assert stage.shows("esc leaves it running")
    await stage.press("escape", "1")
    for _ in range(200):
        await stage.turn(1)
        if not stage.app.jobs.running():
            break
    (job,) = stage.world.jobs.values()
    assert not job.problem
    assert stage.world.deeds[-1].line == "tuidock pull alpine:3.22"
    await stage.press("8")
    assert stage.shows("done")
    await stage.press("d")
    assert not stage.world.jobs


async def test_a_job_is_cancelled_and_says_so() -> None:
    async with staged(config=Config(confirm=False)) as stage:
        stage.app.pull("alpine:3.22")
        await stage.press("8", "d")
        await stage.until(lambda: not stage.app.jobs.running())
        (job,) = stage.world.jobs.values()
        assert job.problem == "cancelled"
        assert stage.world.deeds[-1].problem == "cancelled"
        assert stage.shows("cancelled")


async def test_prune_is_a_job(stage: Stage) -> None:
    await stage.press("X", "y")
    await stage.until(lambda: stage.world.jobs and not stage.app.jobs.running())
    (job,) = stage.world.jobs.values()
    assert job.said == ("2 containers removed, 0B reclaimed",)


async def test_who_leaves_is_asked_about_jobs(stage: Stage) -> None:
    """Seen to fail without the look at `jobs.running` in action_leave: it was gone at once."""
    stage.app.pull("alpine:3.22")
    await stage.press("ctrl+q")
    assert stage.shows("Jobs are running")
    assert stage.shows("pull alpine:3.22")
    await stage.press("escape")
    assert stage.app.jobs.running()
    await stage.press("q")
    await stage.until(lambda: stage.shows("Jobs are running"))
    await stage.press("down", "enter")
    await stage.until(lambda: not stage.app.jobs.running())
    assert stage.app.return_code == 0


async def test_a_job_with_a_bug_ends_too(stage: Stage) -> None:
    async def broken(say: object) -> None:
        raise ValueError("bug")

    stage.app.jobs.begin("copy", "x", ("tuidock", "cp"), broken)
    await stage.until(lambda: not stage.app.jobs.running())
    assert stage.world.jobs[1].problem == "a bug ended it"
    await asyncio.sleep(0)
    assert type(stage.app.screen).__name__ == "BugScreen"


def test_flows_are_methods() -> None:
    assert COMMANDS.keys() >= FLOWS
