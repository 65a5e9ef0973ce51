"""What the engine can leave on a machine, listed by asking the kernel.

Invariant: looking changes nothing, so that two looks can be compared.
"""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import subprocess
from collections.abc import Iterator

Traces = dict[str, frozenset[str]]
"""Kind of thing to the things of that kind, each a line fit for a person."""

TEMPORARY = "/tmp/td-"
"""What the temporary directories of tests begin with; short, for socket paths end at 108 bytes."""


def look() -> Traces:
    """Everything on this machine that an engine may have made."""
    return {
        "mount": frozenset(_mounts()),
        "cgroup": frozenset(_cgroups()),
        "interface": frozenset(os.listdir("/sys/class/net")),
        "nft table": frozenset(_tables()),
        "process": frozenset(_processes()),
        "network namespace": frozenset(glob.glob("/run/netns/*")),
        "directory": frozenset(glob.glob(TEMPORARY + "*")),
    }


def since(before: Traces, marks: list[str] | None = None) -> list[str]:
    """What is there now and was not before, a line each.

    With `marks` only what carries one of them: somebody else may be running an engine too.
    """
    return [
        f"{kind}: {thing}"
        for kind, now in look().items()
        for thing in sorted(now - before[kind])
        if marks is None or any(mark in thing for mark in marks)
    ]


def _mounts() -> Iterator[str]:
    with open("/proc/self/mountinfo") as lines:
        for line in lines:
            fields, _, tail = line.partition(" - ")
            yield f"{fields.split()[4]} ({tail.split()[0]})"


def _cgroups() -> Iterator[str]:
    for directory, names, _ in os.walk("/sys/fs/cgroup"):
        for name in names:
            if "tuidock" in name:
                yield f"{directory}/{name}"


def _tables() -> list[str]:
    nft = shutil.which("nft", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if nft is None or os.geteuid() != 0:
        return []
    return subprocess.run(
        [nft, "list", "tables"], capture_output=True, text=True
    ).stdout.splitlines()


def _processes() -> Iterator[str]:
    ours = _ancestry()
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        if pid not in ours and (description := describe(pid)) and not _is_dead_child(pid):
            yield description


def _is_dead_child(pid: int) -> bool:
    """A launcher that this process started is reaped when it starts another one; an orphan
    when the machine's first process gets to it, which may take seconds.
    """
    with contextlib.suppress(OSError):
        state, parent = _read(pid, "stat").rpartition(")")[2].split()[:2]
        return state == "Z" and int(parent) in (1, os.getpid())
    return False


def describe(pid: int) -> str:
    """One line for a process of an engine; empty for any other, and for one that is gone."""
    try:
        name, command = _read(pid, "comm").strip(), _read(pid, "cmdline").replace("\0", " ").strip()
        group = next((g for g in _read(pid, "cgroup").split() if "tuidock" in g), "")
    except OSError:
        return ""
    engine = name.startswith("tuidock") or "-m tuidock" in command or "tuidock.engine" in command
    files = "" if engine or group else bundle(pid)
    if not engine and not group and not files:
        return ""
    return " ".join([f"{pid} {name}: {command[:200]}", group, files, *_open_files(pid)]).rstrip()


def bundle(pid: int) -> str:
    """Where a container of a test has its /etc/hosts from: whose it is, where it has no cgroup.

    Seen in a file system that may begin at /tmp as well as at its root.
    """
    with contextlib.suppress(OSError):
        for line in _read(pid, "mountinfo").splitlines():
            source, target = line.split()[3:5]
            if target == "/etc/hosts" and (found := source.partition("/td-")[2]):
                return f"{TEMPORARY}{found}"
    return ""


def _open_files(pid: int) -> list[str]:
    """Paths under open descriptors: they tell one engine's launcher from another's."""
    paths = set()
    with contextlib.suppress(OSError):
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            paths.add(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
    return sorted(path for path in paths if path.startswith("/") and path != "/dev/null")[:4]


def _read(pid: int, file: str) -> str:
    with open(f"/proc/{pid}/{file}", errors="replace") as text:
        return text.read()


def _ancestry() -> set[int]:
    """This process and those above it, whose command lines may well say tuidock."""
    chain, pid = {os.getpid()}, os.getppid()
    with contextlib.suppress(OSError):
        while pid > 1:
            chain.add(pid)
            pid = int(_read(pid, "stat").rpartition(")")[2].split()[1])
    return chain
