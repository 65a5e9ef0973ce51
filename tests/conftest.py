"""What every test shares: honest skips, the machine as it was found, a store of one's own."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from tests import machine, root_only
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout
from tuidock.engine.linux.files import remove_path

Seen = TypeVar("Seen", list[str], set[int])

AS_ROOT = os.geteuid() == 0
REQUIRE = AS_ROOT or "TUIDOCK_REQUIRE" in os.environ
"""Nothing may be skipped, but by an ordinary user what says why it needs root."""
ALONE = "TUIDOCK_ALONE" in os.environ
"""Nobody else runs an engine here: compare the whole machine, not only what is known as ours."""

left_out: Counter[str] = Counter()
marks: list[str] = []
"""What tells this run's things from another's: tags and paths of its layouts."""

# A shell's background job begins with these ignored, and so would everything that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)


# --- skips --------------------------------------------------------------------------------


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    registry = shutil.which("docker-registry")
    for item in items:
        why = _why_root(item)
        if why and not AS_ROOT and not _on_the_fake_engine(item):
            item.add_marker(pytest.mark.skip(reason=f"needs root: {why}"))
        elif item.get_closest_marker("registry") and not registry and not AS_ROOT:
            item.add_marker(pytest.mark.skip(reason="needs Debian's docker-registry"))


def _why_root(item: pytest.Item) -> str:
    """The reason of `root_only` that a test gives; empty for one that needs no root.

    Raises pytest.UsageError for a mark without one: nobody would know what is missed.
    """
    if not (mark := item.get_closest_marker("root")):
        return ""
    if len(mark.args) != 1 or mark.args[0] not in root_only.REASONS.values():
        raise pytest.UsageError(f"{item.nodeid}: mark.root needs a reason of tests/root_only.py")
    return str(mark.args[0])


def _on_the_fake_engine(item: pytest.Item) -> bool:
    """The contract's tests are for both engines; what needs root is the real one."""
    return getattr(item, "callspec", None) is not None and (
        item.callspec.params.get("engine") == "fake"  # type: ignore[attr-defined]
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    report = yield
    return _honest(report, excused=not AS_ROOT and item.get_closest_marker("root"))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):  # type: ignore[no-untyped-def]
    report = yield
    return _honest(report)


def _honest(report, *, excused=None):  # type: ignore[no-untyped-def]
    """A skip is a failure where everything is there or can be had; elsewhere it is counted.

    An ordinary user is excused where the test says why it needs root.
    """
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        left_out[reason.removeprefix("Skipped: ")] += 1
        if REQUIRE and not excused:
            report.outcome = "failed"
            report.longrepr = f"{report.nodeid} was skipped, and nothing may be here: {reason}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if left_out:
        terminalreporter.section("left out")
        for reason, count in left_out.most_common():
            terminalreporter.write_line(f"{count:5} tests: {reason}")


# --- the machine as it was found ------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def _as_found() -> Iterator[None]:
    """A run ends with the machine as it found it; set up first, so torn down last."""
    before = machine.look()
    yield
    left = _settled(lambda: machine.since(before, None if ALONE else marks))
    assert not left, "the tests left behind:\n  " + "\n  ".join(left)


def _settled(look: Callable[[], Seen], seconds: float = 60.0) -> Seen:
    """What `look` still sees when it has seen nothing, or the time is up."""
    deadline = time.monotonic() + seconds
    while (left := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


# --- a store of one's own -------------------------------------------------------------------


@pytest.fixture
def layout() -> Iterator[Layout]:
    """A fresh root and run root with a short path; whatever runs there afterwards is ended."""
    base = tempfile.mkdtemp(prefix=machine.TEMPORARY.removeprefix("/tmp/"), dir="/tmp")
    place = Layout(f"{base}/root", f"{base}/run")
    place.make()
    marks.extend((base, place.tag))
    yield place
    vacate(place)
    remove_path(base)


def vacate(place: Layout) -> None:
    """Remove what one store runs, and end by force what is there then. For after a test only."""
    if os.path.exists(place.database):
        core = Core(place)
        for container in core.containers.list():
            if os.path.isdir(place.container(container.id)):  # not a row that a test made up
                core.containers.remove(container.id, force=True)
        if os.path.exists(f"/sys/class/net/td{place.tag}"):  # kept a while for the next start
            core.network.sweep(set())
        core.close()
    power_off(place)


def power_off(place: Layout) -> None:
    """End all that one store runs, unasked, and what the kernel keeps for it.

    At one moment, as when the power goes: all are stopped first, so that nobody sees another's end.
    """
    mine = [os.path.dirname(place.root), place.tag]

    def running(number: int = signal.SIGKILL) -> set[int]:
        lines = machine.look()["process"]
        found = {int(line.split()[0]) for line in lines if any(mark in line for mark in mine)}
        for pid in found:
            _send(pid, number)
        return found

    groups = [group for group in machine.look()["cgroup"] if place.tag in group]
    for group in groups:
        _thaw(group)
    stopped: set[int] = set()
    while not (found := running(signal.SIGSTOP)) <= stopped:
        stopped |= found
    assert not _settled(running), f"cannot end {running()}"
    for group in sorted(groups, reverse=True):
        _remove_cgroup(group)
    for mount in sorted(machine.look()["mount"], reverse=True):
        if (path := mount.rpartition(" (")[0]).startswith(mine[0]):
            subprocess.run(["umount", "-l", path], check=True)


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _thaw(group: str) -> None:
    """A frozen process does not even die of SIGKILL, on v1."""
    for name, value in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
        for path in glob.glob(f"{group}/**/{name}", recursive=True):
            with open(path, "w") as file:
                file.write(value)


def _remove_cgroup(directory: str) -> None:
    for path, _, _ in os.walk(directory, topdown=False):
        os.rmdir(path)
