"""Turning out whoever looks into a container that is to be removed by force.

A visit lasts as long as its client likes, who may be asleep. Invariant: only keepers of this
container and this store are signalled, each by its pidfd.
"""

from __future__ import annotations

import json
import os
import select
import signal
from contextlib import suppress

from tuidock.engine.errors import RuntimeFailure
from tuidock.engine.linux.proc import open_pidfd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuidock.engine.layout import Layout

_STEPS = ((signal.SIGUSR1, 2.0), (signal.SIGKILL, 10.0))
"""What a keeper is sent, and the seconds that it gets to be gone: it may sleep in the kernel."""


def turn_out(layout: Layout, container_id: str) -> None:
    """End all visits; returns when they are over. Raises RuntimeFailure when one does not end."""
    for pidfd in _keepers(layout, container_id):
        _end(pidfd)


def _end(pidfd: int) -> None:
    for number, seconds in _STEPS:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, number)
        if select.select([pidfd], [], [], seconds)[0]:
            return
    raise RuntimeFailure(
        "a process that looks into the container does not end",
        "it sleeps in the kernel, perhaps on a file system that does not answer",
    )


def _keepers(layout: Layout, container_id: str) -> Iterator[int]:
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with suppress(ProcessLookupError, FileNotFoundError):
            pidfd = open_pidfd(int(entry))
            try:
                if _visits(int(entry), layout, container_id):
                    yield pidfd
            finally:
                os.close(pidfd)


def _visits(pid: int, layout: Layout, container_id: str) -> bool:
    """Whether it is a keeper, by its words; its guest has the same, and another leader."""
    with open(f"/proc/{pid}/cmdline", "rb", buffering=0) as file:
        words = _all_of(file.fileno()).split(b"\0")
    if len(words) < 3 or b"containers.files.keeper import" not in words[-3]:
        return False
    try:
        request = json.loads(words[-2])
        mine = (request["id"], request["root"]) == (container_id, layout.root)
    except (ValueError, KeyError, TypeError):  # somebody who wears its words, in a container
        return False
    return mine and os.getpgid(pid) == pid


def _all_of(descriptor: int) -> bytes:
    found = b""
    while piece := os.read(descriptor, 1 << 16):
        found += piece
    return found
