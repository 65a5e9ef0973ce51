"""The processes of a container by their numbers outside and inside, with their users.

Names of users are those of the container's own passwd(5). Invariant: it is only read where it
lies in the overlay that we mounted; anything else may be a file system of the container's own
making, which could let us wait for ever.
"""

from __future__ import annotations

import os
from contextlib import suppress

from tuidock.engine.anatomy import Member
from tuidock.engine.linux.openat2 import IN_ROOT, RESOLVE_NO_XDEV, openat2, read_opened
from tuidock.engine.metrics.processes import inside as inside_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST = 200
"""Processes that are told of."""
_PATH = "etc/passwd"
_PASSWD = 1 << 20
"""Bytes of it that are read at most."""
_COMMAND = 300


class Users:
    """Who the numbers of a container's users are: its uid_map, and its passwd."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._names: dict[int, str] | None = None

    def name(self, uid: int) -> str:
        """Of a uid inside; empty when the container has no name for it, or shows us none."""
        if self._names is None:
            self._names = self._read()
        return self._names.get(uid, "")

    def _read(self) -> dict[int, str]:
        found: dict[int, str] = {}
        with suppress(OSError, ValueError):  # an image without users, or one that is not ours
            for line in _passwd(self._pid).splitlines():
                fields = line.split(":")
                if len(fields) > 3 and fields[2].isdecimal():
                    found.setdefault(int(fields[2]), fields[0])
        return found


def _passwd(pid: int) -> str:
    """Raises OSError."""
    root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not _is_overlay(pid, root):
            return ""
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        file = openat2(root, _PATH, flags, IN_ROOT | RESOLVE_NO_XDEV)
        return read_opened(file, _PATH, _PASSWD).decode(errors="replace")
    finally:
        os.close(root)


def _is_overlay(pid: int, directory: int) -> bool:
    """By the number of its mount: to ask the file system itself might take for ever."""
    with open(f"/proc/self/fdinfo/{directory}", encoding="ascii") as file:
        number = next(line.split()[1] for line in file if line.startswith("mnt_id:"))
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="replace") as file:
        return any(line.startswith(f"{number} ") and " - overlay " in line for line in file)


def members(pids: Iterable[int], users: Users) -> tuple[Member, ...]:
    """By pid; one that ends meanwhile is left out. Raises OSError for what is forbidden."""
    found = []
    for pid in sorted(pids)[:_MOST]:
        try:
            found.append(_member(pid, users))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return tuple(found)


def _member(pid: int, users: Users) -> Member:
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    with open(f"/proc/{pid}/uid_map", encoding="ascii") as file:
        id_map = file.read()
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read(_COMMAND).rstrip(b"\0").replace(b"\0", b" ")
    uid = int(status["Uid"].split()[1])
    uid_inside = inside_of(uid, id_map)
    return Member(
        pid=pid,
        inside=int(status["NSpid"].split()[-1]),
        uid=uid,
        uid_inside=uid_inside,
        name=users.name(uid_inside),
        state=status["State"],
        command=words.decode(errors="replace") or f"[{status['Name']}]",
    )
