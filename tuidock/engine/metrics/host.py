"""Facts of the host: what `info` prints, and the door to what `doctor` finds."""

from __future__ import annotations

import os

from tuidock.engine.cgroups.hierarchies import mode
from tuidock.engine.layout import Layout
from tuidock.engine.named import NamedTuple
from tuidock.engine.types import Finding


class Facts(NamedTuple):
    """What does not change while the machine runs."""

    kernel: str
    architecture: str
    operating_system: str
    hostname: str
    cpus: int
    memory: int
    """Bytes."""
    cgroup: str
    """`v1`, `v2`, `hybrid` or `none`."""


def facts() -> Facts:
    """Ask the kernel and os-release(5). Raises OSError without /proc."""
    host = os.uname()
    return Facts(
        kernel=host.release,
        architecture=host.machine,
        operating_system=_operating_system(),
        hostname=host.nodename,
        cpus=os.cpu_count() or 1,
        memory=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        cgroup=mode(),
    )


def doctor(layout: Layout) -> list[Finding]:
    """What this machine offers to containers and lacks, each with a remedy.

    Tries the kernel's features in a throw-away process; takes a part of a second.
    """
    from tuidock.engine.metrics.checks import findings

    return findings(layout)


def _operating_system() -> str:
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            with open(path) as file:
                return pretty_name(file.read())
        except FileNotFoundError:
            continue
    return os.uname().sysname


def pretty_name(text: str) -> str:
    """PRETTY_NAME of an os-release file; its default is `Linux`."""
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            return value.strip().strip("\"'")
    return "Linux"
