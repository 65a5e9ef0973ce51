"""From value to text: bytes, ages, shares, short names. Pure functions, no state.

Invariant: a text has a known greatest width, so that columns never jump.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from tuidock.engine.types import Container, Port, Status

_UNITS = ("B", "K", "M", "G", "T", "P")
_AGES = ((60, "s"), (60, "m"), (24, "h"), (7, "d"), (52, "w"))


def size(count: float) -> str:
    """Bytes in at most six characters, `1.5G`; the unit is a power of 1024."""
    for unit in _UNITS:
        if count < 999.5 or unit == _UNITS[-1]:
            break
        count /= 1024
    return f"{count:.0f}{unit}" if unit == "B" or count >= 99.95 else f"{count:.1f}{unit}"


def rate(per_second: float) -> str:
    """Bytes each second, `1.5M/s`."""
    return f"{size(per_second)}/s"


def cpu(cores: float) -> str:
    """Cores as docker's percentage, `137%`: 100% is one core."""
    percent = cores * 100
    return f"{percent:.1f}%" if percent < 99.95 else f"{percent:.0f}%"


def cores(count: float) -> str:
    """A number of cores without idle zeros, `1.5`."""
    return f"{count:g}"


def age(seconds: float) -> str:
    """The greatest unit alone, `3h`."""
    left = max(0.0, seconds)
    for length, unit in _AGES:
        if left < length:
            return f"{int(left)}{unit}"
        left /= length
    return f"{int(left)}y"


def moment(at: float) -> str:
    """A point in time, in UTC; 0 is what images without a date carry."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at)) if at > 0 else "no date"


def date(at: float) -> str:
    """A day and a time of it, by the clock on the wall."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def clock(at: float) -> str:
    """The time of a day, by the clock on the wall."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def day_clock(at: float) -> str:
    """The same with its day, `Nov 22 08:15:57`."""
    return time.strftime("%b %d %H:%M:%S", time.localtime(at))


def short_id(digest: str) -> str:
    """Twelve characters, as docker prints ids."""
    return digest.removeprefix("sha256:")[:12]


def reference(full: str) -> str:
    """A reference as people type it: docker.io and `library` unsaid."""
    return full.removeprefix("docker.io/").removeprefix("library/")


def status(it: Container, now: float) -> str:
    """What a container does and since when, `up 3h`, `exited 3, 2d`."""
    if it.status is Status.RUNNING:
        return f"up {age(now - it.started)}"
    if it.status is Status.EXITED and it.exit is not None:
        why = "oom" if it.exit.oom_killed else f"exit {it.exit.code}"
        return f"{why}, {age(now - it.exit.at)}"
    return str(it.status)


_HEALTH = {"starting": "…", "healthy": "✓", "unhealthy": "✗"}


def health(it: Container) -> str:
    """One mark for what the probes of a container say; empty without a health check."""
    return _HEALTH.get(it.health, "")


def port(it: Port) -> str:
    """`8080→80`, with the protocol when it is not tcp."""
    suffix = "" if it.protocol == "tcp" else f"/{it.protocol}"
    return f"{it.host_port or '?'}→{it.container_port}{suffix}"


def ports(them: Sequence[Port]) -> str:
    return " ".join(port(it) for it in them)


def count(number: int, noun: str) -> str:
    """`1 image`, `2 images`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def path(text: str, width: int) -> str:
    """A path or reference cut at its beginning, where it says least."""
    return text if len(text) <= width else "…" + text[len(text) - width + 1 :]
