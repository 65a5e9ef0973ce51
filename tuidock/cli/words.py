"""Values in docker's words, for scripts that parse them; the interface has its own, shorter ones.

Imports nothing but types, so that it costs a verb nothing.
"""

from __future__ import annotations

import time
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


def moment(at: float) -> str:
    """As docker's lists write a time: `2026-01-31 12:00:00 +0000 UTC`, in the zone here."""
    return time.strftime("%Y-%m-%d %H:%M:%S %z %Z", time.localtime(at))


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
        word = "Paused" if container.status is Status.PAUSED else _health(container)
        return f"Up {duration(now - container.started)}" + (f" ({word})" if word else "")
    if container.exit is None:
        return str(container.status).capitalize()
    word = "Restarting" if container.status is Status.RESTARTING else "Exited"
    if not container.exit.at:  # nobody saw when
        return f"{word} ({container.exit.code})"
    return f"{word} ({container.exit.code}) {duration(now - container.exit.at)} ago"


def _health(container: Container) -> str:
    return "health: starting" if container.health == "starting" else container.health
