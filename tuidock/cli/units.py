"""Values as people type them: sizes, times, durations; every refusal is one clear line."""

from __future__ import annotations

import time

from tuidock.engine.errors import BadSpec

_SIZES = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_DIGITS = 18
"""What a signed number of 64 bits can hold for certain."""
_DURATIONS = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 0.001,
    "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0,
}  # fmt: skip


def size(text: str) -> int:
    """`512m`, `1.5g`, `64MiB`, `1000`: bytes, binary units as docker. Raises BadSpec."""
    number, unit = _split(text)
    unit = unit.removesuffix("ib") if unit.endswith("ib") else unit
    if len(unit) == 2 and unit.endswith("b"):
        unit = unit[0]
    if number is None or unit not in _SIZES:
        raise BadSpec(f"invalid size: '{text}'", "write a number with b, k, m or g: 256m")
    return int(number * _SIZES[unit])


def swap_size(text: str) -> int:
    """As `size`, and -1 for unlimited."""
    return -1 if text == "-1" else size(text)


def cores(text: str) -> float:
    """`1.5`: cores. Raises BadSpec."""
    number, unit = _split(text)
    if number is None or unit:
        raise BadSpec(f"invalid number of CPUs: '{text}'", "write a number of cores: 1.5")
    return number


def integer(text: str) -> int:
    """A whole number, maybe negative. Raises BadSpec."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _DIGITS:
        raise BadSpec(f"invalid number: '{text[:40]}'")
    return int(text)


def duration(text: str) -> float:
    """`10`, `1m30s`, `250ms`: seconds. Raises BadSpec."""
    number, unit = _split(text)
    if number is not None and not unit:
        return number
    total, rest = 0.0, text
    while rest or not text:
        digits = len(rest) - len(rest.lstrip("0123456789."))
        letters = len(rest[digits:]) - len(rest[digits:].lstrip("nuµmsdh"))
        unit = rest[digits : digits + letters]
        amount = rest[:digits]
        if not amount.strip(".") or amount.count(".") > 1 or unit not in _DURATIONS:
            raise BadSpec(f"invalid duration: '{text}'", "write 30s, 5m, 1h30m")
        total += float(amount) * _DURATIONS[unit]
        rest = rest[digits + letters :]
    return total


def patience(text: str) -> float:
    """As `duration`, and -1 for ever."""
    return -1.0 if text == "-1" else duration(text)


def moment(text: str) -> float:
    """An RFC 3339 time, seconds since the epoch, or a duration before now. Raises BadSpec."""
    number, unit = _split(text)
    if number is not None and not unit:
        return number
    if len(text) >= 10 and text[4] == "-":
        return _rfc3339(text)
    return time.time() - duration(text)


def _rfc3339(text: str) -> float:
    from datetime import datetime

    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise BadSpec(f"invalid time: '{text}'", "write 2026-01-31T12:00:00Z, or 10m") from None


def _split(text: str) -> tuple[float | None, str]:
    """A leading number and what follows it, in lower case."""
    cleaned = text.strip().lower()
    digits = len(cleaned) - len(cleaned.lstrip("0123456789."))
    try:
        return float(cleaned[:digits]), cleaned[digits:].strip()
    except ValueError:
        return None, cleaned
