"""A system call of a record as a line, much as strace(1) writes it.

Pure. Numbers that have names in the kernel's headers get them where a reader needs them: options
of prctl(2), attributes of mounts, namespaces, errnos.
"""

from __future__ import annotations

import errno
import struct

from tuidock.engine.linux import mount as m
from tuidock.engine.linux import process as p
from tuidock.engine.linux.arena import NEVER
from tuidock.engine.runtime.capabilities import ALL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tuidock.engine.containers.anatomy.kinds import Call

NAMESPACES = (
    ("user", p.CLONE_NEWUSER),
    ("mnt", p.CLONE_NEWNS),
    ("pid", p.CLONE_NEWPID),
    ("net", p.CLONE_NEWNET),
    ("uts", p.CLONE_NEWUTS),
    ("ipc", p.CLONE_NEWIPC),
    ("cgroup", p.CLONE_NEWCGROUP),
)
"""(name in /proc/PID/ns, flag of clone(2)) each."""
_FLAG_NAMES = {"mnt": "CLONE_NEWNS"}
_ATTRIBUTES = (
    ("ro", m.MOUNT_ATTR_RDONLY),
    ("nosuid", m.MOUNT_ATTR_NOSUID),
    ("nodev", m.MOUNT_ATTR_NODEV),
    ("noexec", m.MOUNT_ATTR_NOEXEC),
    ("idmapped", m.MOUNT_ATTR_IDMAP),
)
_PRCTL = {
    value: name for name, value in vars(p).items() if name.startswith("PR_") and name.count("_") > 1
}
_PAGE = 4096
"""What is larger is rather an address or a set of flags than a number."""
_FSCONFIG = {
    m.FSCONFIG_SET_FLAG: "SET_FLAG",
    m.FSCONFIG_SET_STRING: "SET_STRING",
    m.FSCONFIG_CMD_CREATE: "CMD_CREATE",
}


def line(call: Call) -> str:
    """`openat2(7, "proc", ...) = 9`."""
    name, arguments, result = call
    return f"{name}({', '.join(_arguments(name, arguments))}){_result(result)}"


def _result(result: int | None) -> str:
    if result is None:
        return ""
    if result == NEVER:
        return "  left out"
    if result < 0:
        return f" = -{errno.errorcode.get(-result, -result)}"
    return f" = {result}"


def _arguments(name: str, arguments: list[Any]) -> list[str]:
    shown = [_shown(each) for each in arguments]
    match name:
        case "prctl" | "fsconfig":
            at, names = (0, _PRCTL) if name == "prctl" else (1, _FSCONFIG)
            shown[at] = names.get(arguments[at], shown[at])
            if arguments[0] == p.PR_CAPBSET_DROP and name == "prctl":
                shown[1] = capability(arguments[1])
        case "fsmount":
            shown[2] = attributes(arguments[2]) or "0"
        case "mount_setattr":
            shown[3] = attributes(setattr_flags(arguments)) or "0"
        case "unshare" | "clone3" | "setns":
            shown = [flag_names(flags_of(call_flags(name, arguments))) or shown[0]]
    return shown


def _shown(argument: Any) -> str:
    if isinstance(argument, dict):
        return f"<{argument['size']} bytes>"
    if isinstance(argument, str):
        return f'"{argument}"'
    if argument in (None, m.AT_FDCWD):
        return "AT_FDCWD" if argument else "NULL"
    return str(argument) if argument < _PAGE else hex(argument)


def capability(number: int) -> str:
    """Its name, or the number of one that is newer than we are."""
    return ALL[number] if number < len(ALL) else str(number)


def call_flags(name: str, arguments: list[Any]) -> int:
    """The flags of a call that makes or joins namespaces."""
    if name == "clone3":
        return int.from_bytes(bytes.fromhex(arguments[0]["hex"])[:8], "little")
    return int(arguments[1] if name == "setns" else arguments[0])


def flags_of(flags: int) -> list[str]:
    """The namespaces among the flags of clone(2)."""
    return [name for name, flag in NAMESPACES if flags & flag]


def flag_names(namespaces: list[str]) -> str:
    """As <linux/sched.h> spells them."""
    return "|".join(_FLAG_NAMES.get(name, f"CLONE_NEW{name.upper()}") for name in namespaces)


def attributes(flags: int) -> str:
    """Attributes of a mount in the words of mount(8)."""
    return ",".join(name for name, flag in _ATTRIBUTES if flags & flag)


def setattr_flags(arguments: list[Any]) -> int:
    """What mount_setattr(2) sets: the first word of its structure."""
    return int(struct.unpack_from("=Q", bytes.fromhex(arguments[3]["hex"]))[0])


def filter_length(arguments: list[Any]) -> int:
    """Instructions of the seccomp filter that a prctl(2) loads: struct sock_fprog."""
    return int(struct.unpack_from("@H", bytes.fromhex(arguments[2]["hex"]))[0])
