"""The house keeps its own rules: style, types, layers, sizes, and words that must not appear."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.readme import README, rendered
from tests import busybox, root_only
from tuidock.cli.verbs import ALIASES, GROUPS, VERBS
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout

HOUSE = Path(__file__).parent.parent


def run(*command: str) -> str:
    """The output of a command that must succeed; its complaints are the assertion."""
    done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def written(suffix: str = ".py") -> Iterator[Path]:
    """Files of the project that end so, ours and under version control or about to be."""
    for part in ("tuidock", "tests", "bench", "scripts", "docs", "."):
        pattern = f"*{suffix}" if part == "." else f"**/*{suffix}"
        found = (HOUSE / part).glob(pattern)
        # In a git worktree .git is a file, git's own, and says where the repository lies.
        yield from (path for path in found if path.is_file() and path.name != ".git")


# --- style, types, layers -------------------------------------------------------------------


def test_ruff_finds_nothing() -> None:
    run(sys.executable, "-m", "ruff", "check", ".")


def test_everything_is_formatted() -> None:
    run(sys.executable, "-m", "ruff", "format", "--check", ".")


def test_types_are_strict() -> None:
    run(sys.executable, "-m", "mypy")


def test_layers_hold() -> None:
    """The contracts of pyproject.toml: docs/architecture.md's table of who may import whom."""
    run(sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()")


def test_every_room_has_a_door_plate() -> None:
    """Each module says in its first words what it knows."""
    silent = [
        str(path.relative_to(HOUSE))
        for path in written()
        if path.name != "__init__.py" and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent


# --- sizes ----------------------------------------------------------------------------------


def test_files_stay_under_400_lines() -> None:
    sizes = {str(p.relative_to(HOUSE)): len(p.read_text().splitlines()) for p in written()}
    assert not {path: size for path, size in sizes.items() if size > 400}


def test_functions_stay_short() -> None:
    """Median at most 9 lines, nine in ten at most 30; docstrings do not count."""
    lengths = sorted(length for path in (HOUSE / "tuidock").rglob("*.py") for length in spans(path))
    assert statistics.median(lengths) <= 9
    assert lengths[len(lengths) * 9 // 10] <= 30


def spans(path: Path) -> Iterator[int]:
    """Lines of each function in a file, from its first statement to its last."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            yield (node.end_lineno or 0) - body[0].lineno + 1 if body else 1


# --- words ----------------------------------------------------------------------------------

# Spelled so that this file does not find itself.
UNWANTED = [r"/wor[k]/(main|shared)", r"/tmp/[v]/", r"py[p]i\b", r"pyen[v]", r"\.examp[l]e\.com"]


@pytest.mark.parametrize("pattern", UNWANTED)
def test_nothing_here_knows_where_it_was_written(pattern: str) -> None:
    guilty = [
        f"{path.relative_to(HOUSE)}: {match[0]}"
        for suffix in (".py", ".md", ".toml", ".tcss", "")
        for path in written(suffix)
        if path.suffix == suffix
        for match in re.finditer(pattern, path.read_text(errors="replace"))
    ]
    assert not guilty


def test_links_between_documents_lead_somewhere() -> None:
    lost = [
        f"{path.relative_to(HOUSE)} -> {target}"
        for path in written(".md")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
        if not (path.parent / target).exists()
    ]
    assert not lost


def test_the_tables_of_the_readme_are_those_of_the_code() -> None:
    """`python -m scripts.readme` writes them."""
    text = README.read_text()
    assert rendered(text) == text


def test_commands_in_the_documents_exist() -> None:
    unknown = [
        f"{path.name}: {match[0]}"
        for path in written(".md")
        for match in re.finditer(r"(?:^|`|\$ )tuidock ([a-z]+)", code(path.read_text()), re.M)
        if match[1] not in {*VERBS, *ALIASES, *GROUPS}
    ]
    assert not unknown


def code(markdown: str) -> str:
    """Fenced blocks and code spans, a line each."""
    return "\n".join(re.findall(r"^```.*?^```|`[^`\n]+`", markdown, re.M | re.DOTALL))


# --- import diet ----------------------------------------------------------------------------

HEAVY = {"asyncio", "dataclasses", "requests", "pyroute2", "textual", "rich", "logging", "typing"}
NOT_THE_CLIENTS = {
    *(f"tuidock.engine.runtime.{name}" for name in "foreign birth rootfs plan bpf config".split()),
    *(f"tuidock.engine.runtime.{name}" for name in "neighbours staging execute terminal".split()),
    *(f"tuidock.engine.linux.{name}" for name in "bpf stub arena process openat2".split()),
    "tuidock.engine.answers",
    "tuidock.engine.runtime.health",
    "tuidock.engine.cgroups.cgroup",
    "tuidock.engine.cgroups.hierarchies",
    "ctypes",
    "locale",
}
"""Half of the time that a client takes, for what launcher and monitor do in its place."""


def loaded_by(*statements: str) -> set[str]:
    """Names of the modules in a bare interpreter after these statements."""
    lines = ["import sys", f"sys.path.insert(0, {str(HOUSE)!r})", *statements]
    lines += ["sys.stdout.write(' '.join(sys.modules))"]
    return set(run(sys.executable, "-I", "-S", "-c", "\n".join(lines)).split())


def test_the_words_are_cheap() -> None:
    loaded = loaded_by("import tuidock.engine.types, tuidock.engine.errors, tuidock.engine.layout")
    assert not loaded & (HEAVY | {"subprocess", "pathlib", "hashlib"})


def test_the_monitor_is_small() -> None:
    """Launcher, monitor and init are one warm program that every container's monitor shares."""
    loaded = loaded_by("import tuidock.engine.runtime.launcher")
    assert not loaded & (HEAVY | {"subprocess", "pathlib", "hashlib", "sqlite3", "argparse"})


def test_run_imports_nothing_heavy(layout: Layout) -> None:
    """`tuidock run`, from the words on the command line to a container that is gone again."""
    core = Core(layout)
    core.images.add(busybox.config(), [busybox.layer()], busybox.REFERENCE)
    roots = ["--root", layout.root, "--runroot", layout.runroot]
    words = [*roots, "run", "--rm", "--network", "none", busybox.REFERENCE, "true"]
    command = "from tuidock.cli.main import run", f"assert run({words}) == 0"
    loaded_by(*command)  # the first starts the launcher, and tries what its host can do
    loaded = loaded_by(*command)
    assert core.containers.list() == []
    core.close()
    assert not loaded & (HEAVY | NOT_THE_CLIENTS | {"subprocess", "pathlib", "hashlib"})
    assert "_sqlite3" in loaded  # it did look into the store


def test_every_room_is_on_the_plan() -> None:
    """Packages and the modules beside them; docs/architecture.md says what each knows."""
    plan = (HOUSE / "docs" / "architecture.md").read_text()
    code = HOUSE / "tuidock"
    packages = {path.parent for path in code.rglob("*.py")} - {code, code / "engine"}
    rooms = [f"{path.name}/`" for path in packages if (path / "__init__.py").exists()]
    modules = [path.name for place in (code, code / "engine") for path in place.glob("*.py")]
    missing = [name for name in {*rooms, *modules} - {"__init__.py"} if name not in plan]
    assert sorted(missing) == []


def test_modules_on_the_plan_exist() -> None:
    plan = (HOUSE / "docs" / "architecture.md").read_text()
    known = [f"/{path.relative_to(HOUSE)}" for path in (HOUSE / "tuidock").rglob("*.py")]
    named = re.findall(r"`([\w/]+\.py)`", plan)
    assert named
    assert [name for name in named if not any(k.endswith(f"/{name}") for k in known)] == []


def test_every_attack_is_tried_somewhere() -> None:
    """Each line of docs/hardening.md ends with its tests; that they exist is looked at below."""
    lines = (HOUSE / "docs" / "hardening.md").read_text().splitlines()
    cases = [line for line in lines if line.startswith("| ") and not line.startswith("| case ")]
    assert len(cases) > 40
    assert [case for case in cases if "tests/" not in case.split("|")[-2]] == []


def test_whatever_needs_root_is_explained() -> None:
    """An ordinary user reads in docs/rootless.md what was left out, and why, and nothing else."""
    _, table = (HOUSE / "docs" / "rootless.md").read_text().split("| a test says | because |\n")
    rows = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()[1:]]
    assert sorted(filter(None, rows)) == sorted(root_only.REASONS.values())
    tests = "".join(path.read_text() for path in (HOUSE / "tests").rglob("test_*.py"))
    assert not re.findall(r"pytest\.mark\.root\b(?!\(root_only\.)", tests), "a mark says no reason"
    assert [name for name in root_only.REASONS if f"root_only.{name})" not in tests] == []


@pytest.mark.parametrize("mark", ["root", "root('because')", "root(root_only.IDS, 1)"])
def test_a_mark_without_a_true_reason_is_refused(tmp_path: Path, mark: str) -> None:
    test = tmp_path / "test_it.py"
    test.write_text(
        f"import pytest\nfrom tests import root_only\n@pytest.mark.{mark}\ndef test_it(): pass\n"
    )
    words = ("-p", "tests.conftest", "-c", "pyproject.toml", "--collect-only", "-q", str(test))
    done = subprocess.run(
        (sys.executable, "-m", "pytest", *words), cwd=HOUSE, capture_output=True, text=True
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout
    assert "test_it: mark.root needs a reason" in done.stderr


def test_tests_named_in_the_documents_exist() -> None:
    for document in written(".md"):
        for named in re.findall(r"tests/[\w/]+\.py", document.read_text()):
            assert (HOUSE / named).exists(), f"{document.name} names {named}"
