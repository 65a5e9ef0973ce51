"""What `doctor` tells an ordinary user: ids, limits and life beyond a session.

Each finding that is not `ok` names the command, root's or the user's own, that mends it.
"""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterable, Iterator

from tuidock.engine.linux import systemd
from tuidock.engine.types import Finding

_FIRST, _ENOUGH = 100000, 65536
"""Where ranges of subordinate ids begin by login.defs(5), and how many one user gets."""
_DELEGATE = "/etc/systemd/system/user@.service.d/delegate.conf"


def findings() -> Iterator[Finding]:
    """All of them, in the order in which a person would mend them."""
    yield from subordinate_ids("/etc/subuid", "/etc/subgid")
    yield from programs()
    yield from lingering()


def name() -> str:
    """The calling user's name, or its number where it has none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def subordinate_ids(*paths: str) -> Iterator[Finding]:
    """Ranges of subuid(5) and subgid(5), which all containers of the user share."""
    user = name()
    first = next_free(paths)
    ids = f"{first}-{first + _ENOUGH - 1}"
    for path in paths:
        count = subordinate_count(path, user, os.geteuid())
        if count >= _ENOUGH:
            yield Finding(path, "ok", f"{count} ids for {user}, shared by all of its containers")
        else:
            remedy = f"usermod --add-subuids {ids} --add-subgids {ids} {user}"
            detail = f"{count} ids for {user}: images' users beside root cannot be used"
            yield Finding(path, "warning", detail, remedy)


def _ranges(path: str) -> list[tuple[str, int, int]]:
    """(user, first, count) of every good line; none without the file."""
    try:
        with open(path) as file:
            lines = [line.strip().split(":") for line in file]
    except FileNotFoundError:
        return []
    return [
        (user, int(first), int(count))
        for user, first, count in (line for line in lines if len(line) == 3)
        if first.isdecimal() and count.isdecimal()
    ]


def next_free(paths: Iterable[str]) -> int:
    """The first id above everybody's: nobody may get ids that another user has."""
    return max([_FIRST, *(first + count for path in paths for _, first, count in _ranges(path))])


def subordinate_count(path: str, user: str, uid: int) -> int:
    """Ids that a subuid(5) file gives to a user."""
    return sum(count for who, _, count in _ranges(path) if who in (user, str(uid)))


def programs() -> Iterator[Finding]:
    """The setuid programs that hand out subordinate ids."""
    for program in ("newuidmap", "newgidmap"):
        if shutil.which(program):
            yield Finding(program, "ok", "installed")
        else:
            detail = "not installed: images' users beside root cannot be used"
            yield Finding(program, "warning", detail, "apt-get install uidmap")


def delegation(lacking: Iterable[str]) -> str:
    """The command that gives an ordinary user the controllers that it lacks."""
    if not systemd.has_booted():
        return f"chown {name()} a cgroup with these controllers, and start from a child of it"
    if not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        return "boot with systemd.unified_cgroup_hierarchy=1: only cgroup v2 is delegated to users"
    if not systemd.has_manager():
        return f"loginctl enable-linger {name()}"
    return (
        f"mkdir -p {os.path.dirname(_DELEGATE)}; printf '[Service]\\n"
        f"Delegate={' '.join(sorted({'cpu', 'io', 'memory', 'pids', *lacking}))}\\n' >{_DELEGATE}; "
        f"systemctl daemon-reload; systemctl restart user@{os.geteuid()}.service"
    )


def lingering() -> Iterator[Finding]:
    """Whether containers go on when their user logs out."""
    if systemd.has_booted() and not systemd.lingers(name()):
        detail = "containers end when you log out of your last session"
        yield Finding("lingering", "warning", detail, f"loginctl enable-linger {name()}")
