"""The mounts of a container's mount namespace, from its mountinfo (proc(5))."""

from __future__ import annotations

from tuidock.engine.anatomy import Mounted
from tuidock.engine.linux.mountinfo import plain

_BY_TARGET = {
    "/": "mount.overlay",
    "/dev": "mount.dev",
    "/dev/shm": "mount.shm",
    "/etc/hosts": "bind.hosts",
    "/etc/hostname": "bind.hostname",
    "/etc/resolv.conf": "bind.resolv.conf",
    "/dev/console": "terminal",
}
_BY_TYPE = {
    "proc": "mount.proc",
    "sysfs": "mount.sysfs",
    "devpts": "mount.devpts",
    "mqueue": "mount.mqueue",
    "cgroup": "mount.cgroup",
    "cgroup2": "mount.cgroup",
}
_NODES = ("null", "zero", "full", "random", "urandom", "tty")


def mounts(pid: int) -> tuple[Mounted, ...]:
    """In the order in which they were made. Raises OSError."""
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="replace") as file:
        return tuple(_mounted(line) for line in file)


def _mounted(line: str) -> Mounted:
    left, _, right = line.rstrip("\n").partition(" - ")
    fields = left.split(" ")
    kind, source, _options = right.split(" ", 2)
    root, target, options = plain(fields[3]), plain(fields[4]), tuple(fields[5].split(","))
    return Mounted(target, kind, plain(source), root, options, _kind(target, kind, root, options))


def _kind(target: str, kind: str, root: str, options: tuple[str, ...]) -> str:
    if target in _BY_TARGET:
        return _BY_TARGET[target]
    if target.startswith(("/proc/", "/sys/")) and not target.startswith("/sys/fs/cgroup"):
        covers = kind == "tmpfs" or root == "/null"
        return "mask" if covers else "readonly.path" if "ro" in options else "mount.other"
    name = target.removeprefix("/dev/")
    if target.startswith("/dev/") and kind not in _BY_TYPE:
        return f"device.{name}" if name in _NODES else "device.given"
    if kind == "tmpfs":
        return "mount.cgroup" if target.startswith("/sys/fs/cgroup") else "mount.tmpfs"
    return _BY_TYPE.get(kind, "bind.volume")
