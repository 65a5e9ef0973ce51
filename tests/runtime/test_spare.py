"""What is made ready for the next start."""

from __future__ import annotations

import contextlib
import mmap
import os
import resource
import select
import signal

import pytest

from tests.runtime.conftest import Box
from tests.waiting import until
from tuidock.engine.linux import process, sockets
from tuidock.engine.runtime import starting

PAGES = 1024
_NO_HUGE_PAGES = 15


def test_memory_is_owned_before_it_is_touched() -> None:
    """Fails without `own_memory`: the child then takes a fault for each of the pages."""
    block = mmap.mmap(-1, PAGES * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    block.madvise(_NO_HUGE_PAGES)
    block[:: mmap.PAGESIZE] = b"x" * PAGES
    child = os.fork()
    if child == 0:
        process.own_memory(process.shared_memory())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        block[:: mmap.PAGESIZE] = b"y" * PAGES
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
        os._exit(0 if faults < PAGES / 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert block[:1] == b"x"


def test_memory_that_is_mapped_later_is_left_alone() -> None:
    """A stub has room for 8 MB of calls, and uses hardly any. Fails if `own_memory` looks up what
    is mapped by itself.
    """
    child = os.fork()
    if child == 0:
        areas = process.shared_memory()
        block = mmap.mmap(-1, PAGES * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        block.madvise(_NO_HUGE_PAGES)
        process.own_memory(areas)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        block[:: mmap.PAGESIZE] = b"x" * PAGES
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
        os._exit(0 if faults >= PAGES else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_who_asks_does_not_wait_for_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The piece that is being copied is the last. Fails if `_own_in_peace` does not look."""
    ours, theirs = sockets.pair()
    owned: list[tuple[int, int]] = []

    def own(areas: list[tuple[int, int]]) -> None:
        owned.extend(areas)
        if len(owned) == 3:
            ours.send(b"a start")

    monkeypatch.setattr(process, "own_memory", own)
    starting._own_in_peace([(0, 5), (1 << 30, 2 << 30)], theirs)
    piece = starting._PIECE
    base = 1 << 30
    assert owned == [(0, 5), (base, base + piece), (base + piece, base + 2 * piece)]
    ours.close()
    theirs.close()


def test_a_spare_is_there_when_a_start_is_over(box: Box) -> None:
    """Fails if the launcher does not notice the end of a start."""
    first = box.process(f"tuidock-monitor {box.detached('sleep', '1000')[:12]}")

    def spare() -> tuple[int, ...]:
        """The spare monitor, or its starter with the monitor as parent; not the first's."""
        pid = box.find("tuidock-spare")
        family = (pid, _parent(pid))
        return () if 0 in family or first in family else family

    family = until(spare)
    assert isinstance(family, tuple)
    second = box.detached("sleep", "1000")
    assert box.process(f"tuidock-monitor {second[:12]}") in family


def test_a_container_gets_namespaces_that_were_made_ahead(box: Box) -> None:
    """Fails without `birth.prepare`, or when a start makes its own all the same."""
    box.run("true")
    ahead = until(lambda: _networks(box) - {os.readlink("/proc/self/ns/net")})
    container = box.detached("sleep", "1000")
    assert {os.readlink(f"/proc/{box.state(container).pid}/ns/net")} == ahead


def _networks(box: Box) -> set[str]:
    """Network namespaces of the spare monitor, its starter and its stub."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
            shown = file.read().rstrip(b"\0").decode()
            if shown.startswith("tuidock-spare") and shown.endswith(box.layout.root):
                found.add(os.readlink(f"/proc/{pid}/ns/net"))
    return found


def test_a_killed_spare_is_replaced(box: Box) -> None:
    """Fails if the launcher gives up when the spare does not take the request."""
    assert box.run("echo", "one") == (0, "one\n")
    box.process("tuidock-spare")
    while spare := box.find("tuidock-spare"):
        with contextlib.suppress(ProcessLookupError):  # since the last turn
            _kill(spare)
    assert box.run("echo", "two") == (0, "two\n")


def _kill(pid: int) -> None:
    """Returns when it is dead: its name goes before its descriptors, where a request could be."""
    pidfd = os.pidfd_open(pid)
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    assert select.select([pidfd], [], [], 5)[0]
    os.close(pidfd)


def _parent(pid: int) -> int:
    """0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def test_a_killed_stem_is_replaced(box: Box) -> None:
    """Fails if the launcher does not plant another: the second start finds the spare gone."""
    assert box.run("echo", "one") == (0, "one\n")
    first = box.process("tuidock-stem")
    os.kill(first, signal.SIGKILL)
    assert box.run("echo", "two") == (0, "two\n")
    assert box.run("echo", "three") == (0, "three\n")
    assert until(lambda: box.find("tuidock-stem")) != first


def test_the_stem_leaves_with_the_launcher(box: Box) -> None:
    """Fails if the stem keeps a copy of the launcher's end of the line."""
    assert box.run("echo", "one") == (0, "one\n")
    box.process("tuidock-stem")
    os.kill(box.process("tuidock-launcher"), signal.SIGKILL)
    until(lambda: not box.find("tuidock-stem"))
    until(lambda: not box.find("tuidock-spare"))
