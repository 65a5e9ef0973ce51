"""Values to words, as docker spells them: pure functions, shared by the command line and the interface.

Imports nothing but types, so that it costs a verb nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from tuidock.engine.types import Container, Port, Status

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def size(count: float) -> str:
    """Bytes in decimal units with four significant digits, as `docker images`: `63.32MB`."""
    return _scaled(count, 1000.0, ("B", "kB", "MB", "GB", "TB", "PB"))


def binary_size(count: float) -> str:
    """Bytes in binary units with four significant digits, as `docker stats`: `1.934MiB`."""
    return _scaled(count, 1024.0, ("B", "KiB", "MiB", "GiB", "TiB", "PiB"))


def _scaled(count: float, base: float, units: tuple[str, ...]) -> str:
    value, index = float(count), 0
    while value >= base and index < len(units) - 1:
        value /= base
        index += 1
    return f"{value:.4g}{units[index]}"


def short_bytes(count: float) -> str:
    """Bytes in at most five columns, for tables and graphs: `512K`, `1.5M`, `12G` (binary)."""
    value, unit = float(count), "B"
    for unit in ("B", "K", "M", "G", "T", "P"):
        if value < 1000 or unit == "P":
            break
        value /= 1024
    if unit == "B":
        return f"{int(value)}B"
    return f"{value:.1f}{unit}" if value < 10 else f"{value:.0f}{unit}"


def percent(fraction: float) -> str:
    """A fraction as a percentage with two places: 0.25 is `25.00%`."""
    return f"{fraction * 100:.2f}%"


def duration(seconds: float) -> str:
    """A length of time in one rounded unit, in docker's words: `About a minute`, `3 hours`."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < MINUTE:
        return f"{whole} seconds"
    if whole < 2 * MINUTE:
        return "About a minute"
    if whole < HOUR:
        return f"{whole // MINUTE} minutes"
    if round(whole / HOUR) == 1:
        return "About an hour"
    return _days(whole)


def _days(whole: int) -> str:
    if whole < 2 * DAY:
        return f"{round(whole / HOUR)} hours"
    if whole < 14 * DAY:
        return f"{whole // DAY} days"
    if whole < 60 * DAY:
        return f"{whole // (7 * DAY)} weeks"
    if whole < 730 * DAY:
        return f"{whole // (30 * DAY)} months"
    return f"{whole // (365 * DAY)} years"


def short_duration(seconds: float) -> str:
    """A length of time in at most four columns: `45s`, `12m`, `3h`, `5d`."""
    whole = max(0, int(seconds))
    for unit, length in (("d", DAY), ("h", HOUR), ("m", MINUTE)):
        if whole >= length:
            return f"{whole // length}{unit}"
    return f"{whole}s"


def short_id(identifier: str) -> str:
    """The first twelve hex digits of an id or a digest."""
    return identifier.removeprefix("sha256:")[:12]


def port(published: Port) -> str:
    """One published port: `0.0.0.0:8080->80/tcp`."""
    address = published.host_ip or "0.0.0.0"
    inner = f"{published.container_port}/{published.protocol}"
    return f"{address}:{published.host_port}->{inner}" if published.host_port else inner


def ports(published: Sequence[Port]) -> str:
    return ", ".join(port(each) for each in published)


def status(container: Container, now: float) -> str:
    """Docker's status column: `Up 5 minutes (Paused)`, `Exited (137) 2 hours ago`."""
    if container.status is Status.CREATED:
        return "Created"
    if container.status in (Status.RUNNING, Status.PAUSED):
        paused = " (Paused)" if container.status is Status.PAUSED else ""
        return f"Up {duration(now - container.started)}{paused}"
    if container.exit is None:
        return str(container.status).capitalize()
    return f"Exited ({container.exit.code}) {duration(now - container.exit.at)} ago"


def timestamp(at: float) -> str:
    """RFC 3339 in UTC with nanoseconds' width, as docker prints times in `inspect`."""
    import time

    if not at:
        return "0001-01-01T00:00:00Z"
    whole = int(at)
    stem = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
    return f"{stem}.{round((at - whole) * 1e9) % 1_000_000_000:09d}Z"
