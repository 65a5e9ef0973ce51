"""What a system call or a step of a birth was for: its kind.

Pure. A step of the runtime has a name, and consists of calls; some names stand for several things
(`enter / as the user` takes capabilities away, too), which the calls tell apart. Invariant: every
call of a birth has a kind; `call` is what has no better one.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Call = Sequence[Any]
    """[name, arguments, result] of a record."""

_STEPS = (
    (r"enter the cgroup$", "cgroup.enter"),
    (r"become root of the user namespace$", "user.root"),
    (r"open the store$", "outside.store"),
    (r"open the device ", "outside.device"),
    (r"open the terminal$", "terminal"),
    (r"open |map the ids of ", "outside.bind"),
    (r"make all mounts private$", "mount.private"),
    (r"overlay \d+ layers$", "mount.overlay"),
    (r"mount tmpfs on /dev$", "mount.dev"),
    (r"mount tmpfs on /dev/shm$", "mount.shm"),
    (r"mount cgroups on ", "mount.cgroup"),
    (r"mount (proc|sysfs|devpts|mqueue|tmpfs) on ", r"mount.\1"),
    (r"mount (?!where)", "mount.other"),
    (r"bind /dev/(null|zero|full|u?random|tty)$", r"device.\1"),
    (r"bind .* to /etc/(hosts|hostname|resolv\.conf)$", r"bind.\1"),
    (r"bind .* to /dev/shm$", "bind.shm"),
    (r"bind .* to .*|mount where ", "bind.volume"),
    (r"give the device ", "device.given"),
    (r"link /dev/", "link"),
    (r"make the root read-only$", "readonly.root"),
    (r"make .* read-only$", "readonly.path"),
    (r"sysctl ", "sysctl"),
    (r"pivot into the root$", "pivot"),
    (r"set the hostname$", "hostname"),
    (r"bring up lo$", "loopback"),
    (r"look up the user ", "user.look"),
    (r"join the namespaces", "join"),
    (r"copy the shared memory", "join.memory"),
    (r"make /", "directory.make"),
    (r"close descriptors$", "descriptors"),
    (r"enter .* as the user$", "command.look"),
    (r"execute the command$", "exec"),
)
_CALLS = {
    "chdir": "directory.enter",
    "getcwd": "directory.enter",
    "setresuid": "user.command",
    "setresgid": "user.command",
    "setgroups": "user.command",
    "capset": "capabilities.set",
    "sethostname": "hostname",
    "execve": "exec",
    "execveat": "exec",
    "setns": "join",
    "setsid": "session",
    "umask": "session",
    "rt_sigaction": "signals",
    "rt_sigprocmask": "signals",
    "fchown": "stdio.own",
    "faccessat2": "command.look",
}
_PRCTL = {
    4: "dumpable",
    8: "user.command",
    22: "seccomp",
    24: "capabilities.bounding",
    38: "no_new_privs",
    47: "capabilities.bounding",
}
"""By the number of its option, <linux/prctl.h>."""
_KEPT = ("pivot", "mount.", "bind.", "device.", "user.root", "terminal", "join")
"""Steps whose calls all serve one end, whatever they are elsewhere."""
_CGROUP, _FILES = 0x02000000, 0x400


def kind_of(step: str, call: Call) -> str:
    """What a call of a step was for."""
    name, arguments = call[0], call[1]
    of_step = kind_of_step(step)
    if name == "prctl":
        return _PRCTL.get(arguments[0], of_step)
    if name == "unshare":
        return "namespace.cgroup" if arguments[0] & _CGROUP else "descriptors"
    if name in ("clone3", "clone"):
        return "clone"
    if step.startswith("mask "):
        return "mask.look" if name in ("openat2", "openat") else "mask"
    if of_step.startswith(_KEPT):
        return of_step
    return _CALLS.get(name, "loopback" if not step else of_step)


def kind_of_step(step: str) -> str:
    """What a step was for, by its name."""
    for pattern, kind in _STEPS:
        if match := re.match(pattern, step):
            return match.expand(kind)
    return "call"


_NETWORK = (
    ("made bridge", "network.bridge"),
    ("wrote firewall", "network.firewall"),
    ("make the interface", "network.veth"),
    ("set hairpin", "network.hairpin"),
    ("bring eth0 up", "network.up"),
    ("give ", "network.address"),
    ("set the container's default route", "network.route"),
    ("wait until packets pass", "network.wait"),
)


def kind_of_network(done: str) -> str:
    """What a step of the network was for: those are told by the client that wired it."""
    if " carries " in done:
        return "network.carrier"
    return next((kind for words, kind in _NETWORK if done.startswith(words)), "network.port")


def kind_of_write(path: str) -> str:
    """What a file was written for."""
    name = path.rpartition("/")[2]
    if not path.startswith("/proc/"):
        return "cgroup.file"
    return {"oom_score_adj": "oom_score"}.get(name, f"ids.{name}")


PARTS = frozenset(
    (
        "make the cgroup",
        "open the output",
        "make the namespaces",
        "map user ids",
        "open what comes from outside",
        "plan the mounts",
        "furnish the root",
        "listen",
        "wait for the network",
        "become the command",
        "create the container",
        "watch the first process",
        "execute the command",
    )
)
"""All parts that a birth, ours or another runtime's, may have."""
