"""A rehearsal of a monitor's idle life, in the launcher, before the first fork.

The interpreter fills caches at first use, in objects all over its memory; what is filled before
a fork is shared by all monitors, what is filled after it each has for itself. Invariant: the
rehearsal touches no store and leaves no descriptor.
"""

from __future__ import annotations

import ctypes
import marshal
import mmap
import os

from tuidock.engine.blackbox.recorder import Recorder
from tuidock.engine.cgroups.cgroup import Cgroup, open_cgroup
from tuidock.engine.cgroups.hierarchies import find
from tuidock.engine.layout import Layout
from tuidock.engine.linux import dozing, ground, sockets
from tuidock.engine.runtime.birth import Born
from tuidock.engine.runtime.protocol import encode
from tuidock.engine.runtime.starting import hand_over
from tuidock.engine.runtime.watching import take_over

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.runtime.monitor import Monitor

_TURNS = 12
"""The interpreter rewrites code for the types that it met after eight."""
_POOL, _POOL_HEAD = 16384, 48
"""Bytes of CPython's pools of objects of one size, and of their head."""
_MOST_HOLES = 2000
_BYTES_HEAD = 33
_fillers: list[bytes] = []
_CONFIG = {"annotations": {"tuidock.id": "", "tuidock.log": "1000000:1"}}


def fill_holes() -> None:
    """Put objects in all places that are free between older ones.

    What is made from now on lies side by side, in pages that few other objects share.
    """
    for size in range(48, 513, 16):
        for _ in range(_MOST_HOLES):
            filler = bytes(size - _BYTES_HEAD)
            _fillers.append(filler)
            if id(filler) % _POOL == _POOL_HEAD:
                break


def rehearse() -> None:
    """Take over a container that is none, and hear it for a moment."""
    cgroup = open_cgroup("rehearsal", "rehearsal")
    for _ in range(_TURNS):
        ours, theirs = sockets.pair()
        output, written = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        pidfd = os.pidfd_open(os.getpid())
        born = Born(os.getpid(), pidfd, cgroup, {output: "stdout"}, -1)
        hand_over(theirs, _CONFIG, born, (output, theirs.fileno()))
        message, descriptors = ours.receive(sockets.SMALL_MESSAGE)
        monitor = take_over(_Nowhere("", ""), marshal.loads(message), descriptors)
        _record(monitor)
        _run(monitor, written)
        monitor.recorder.close()
        descriptors.remove(monitor.listener.fileno())
        for descriptor in (output, written, pidfd, *descriptors):
            os.close(descriptor)
        for each in (monitor.listener, monitor.intake, ours, theirs):
            each.close()
    _doze()


def _doze() -> None:
    """Give back a page that was never written to."""
    with mmap.mmap(-1, mmap.PAGESIZE) as page:
        start = ctypes.addressof(ctypes.c_char.from_buffer(page))
        ground.areas.append((start, start + mmap.PAGESIZE))
        for _ in range(_TURNS):
            page[0] = 1
            dozing.doze({}, 0)
        ground.areas.clear()


def _record(monitor: Monitor) -> None:
    """Of this machine as a whole, into memory."""
    ring = os.memfd_create("rehearsal")
    monitor.recorder = Recorder(f"/proc/self/fd/{ring}")
    monitor.recorder.begin(lambda: Cgroup(find(), ".", "."), os.getpid(), new_run=True)
    os.close(ring)


def _run(monitor: Monitor, written: int) -> None:
    client, line = sockets.pair()
    monitor.door.newcomers[line.fileno()] = line
    client.send(encode({"op": "attach"}))
    for _ in range(_TURNS):
        monitor.timers.after(0.0, int)
        os.write(written, b"rehearsed\n")
        monitor.turn()
    client.close()
    monitor.turn()


class _Nowhere(Layout):
    """Its one file is /dev/null."""

    def log(self, container_id: str) -> str:
        return "/dev/null"

    intake = log
