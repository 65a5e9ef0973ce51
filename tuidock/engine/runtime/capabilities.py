"""Capabilities: the kernel's list, docker's default set, and `--cap-add` and `--cap-drop`."""

from __future__ import annotations

from tuidock.engine.errors import BadSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

ALL = tuple(
    f"CAP_{name}"
    for name in (  # in the order of <linux/capability.h>, from 0
        "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP "
        "LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER "
        "SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE "
        "SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP "
        "MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF "
        "CHECKPOINT_RESTORE"
    ).split()
)

DEFAULT = frozenset(
    f"CAP_{name}"
    for name in (
        "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP "
        "NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE"
    ).split()
)
"""What docker leaves to root in a container."""

_NUMBER = {name: number for number, name in enumerate(ALL)}


def bits(names: Iterable[str]) -> int:
    """Names as the kernel's bit mask."""
    return sum(1 << _NUMBER[name] for name in set(names))


def granted(added: Iterable[str], dropped: Iterable[str], *, privileged: bool) -> list[str]:
    """Docker's rules: ALL counts first, what is added wins over what `--cap-drop ALL` took.

    Raises BadSpec for a name that is none.
    """
    add, drop = _known(added), _known(dropped)
    if privileged:
        chosen = set(ALL)
    elif "ALL" in drop:
        chosen = set(ALL if "ALL" in add else ()) | (add - {"ALL"})
    else:
        chosen = (set(ALL) if "ALL" in add else set(DEFAULT) | add) - drop
    return [name for name in ALL if name in chosen]


def available(names: list[str], insisted: Iterable[str]) -> list[str]:
    """Those of `names` that a process of ours may have at all, in its own user namespace.

    Raises BadSpec for one that was named by `insisted` and cannot be had.
    """
    bounding = _bounding()
    for name in sorted(_known(insisted) - {"ALL"}):
        if name in names and not bounding >> _NUMBER[name] & 1:
            raise BadSpec(
                f"invalid CapAdd: capability not supported by your kernel or not available in the "
                f'current environment: "{name}"'
            )
    return [name for name in names if bounding >> _NUMBER[name] & 1]


def _bounding() -> int:
    with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
        return next(int(line.split()[1], 16) for line in file if line.startswith("CapBnd:"))


def _known(names: Iterable[str]) -> set[str]:
    found = set()
    for name in names:
        full = name.upper() if name.upper().startswith("CAP_") else f"CAP_{name.upper()}"
        if full == "CAP_ALL":
            found.add("ALL")
        elif full in _NUMBER:
            found.add(full)
        else:
            raise BadSpec(f"invalid capability: {name}", "names as in capabilities(7), or ALL")
    return found
