"""Amounts as people type and step them: bytes, cores, counts.

Pure functions. Invariant: what `size_text`, `cores_text` write, `parse_size`, `parse_cores` read
back as the same amount.
"""

from __future__ import annotations

import re

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
KIB, MIB, GIB = 1024, 1024**2, 1024**3
LEAST_MEMORY = 6 * MIB
"""Docker's own least limit."""


def parse_size(text: str) -> int:
    """Bytes from `256m`, `1.5g`, `64MiB`, `4096`; units are powers of 1024, as docker's.

    Raises ValueError with words for a person.
    """
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise ValueError("a size is a number with b, k, m or g: 256m, 1.5g")
    return int(float(found[1]) * 1024 ** _POWERS[found[2].lower()])


def size_text(count: int) -> str:
    """Bytes as `parse_size` reads them, in the largest unit that is exact to two places."""
    for power, unit in ((4, "t"), (3, "g"), (2, "m"), (1, "k")):
        text = f"{count / 1024**power:.2f}".rstrip("0").rstrip(".") + unit
        if count >= 1024**power and parse_size(text) == count:
            return text
    return str(count)


def parse_cores(text: str) -> float:
    """Cores from `1.5` or `150%`. Raises ValueError with words for a person."""
    body = text.strip()
    try:
        cores = float(body[:-1]) / 100 if body.endswith("%") else float(body)
    except ValueError:
        raise ValueError("CPU is a number of cores, 1.5, or a share of one, 50%") from None
    if not 0 <= cores < 4096:
        raise ValueError("CPU is a number of cores between 0.01 and 4096")
    return round(cores, 3)


def cores_text(cores: float) -> str:
    """Cores without idle zeros, `1.5`."""
    return f"{cores:g}"


def parse_count(text: str) -> int:
    """A whole number. Raises ValueError with words for a person."""
    try:
        number = int(text.strip())
    except ValueError:
        raise ValueError("a whole number is wanted, such as 100") from None
    if number < 0:
        raise ValueError("the number cannot be negative")
    return number


def step_size(count: int, steps: int, *, least: int = LEAST_MEMORY, finest: int = MIB) -> int:
    """Up or down by an eighth of the power of two below, at least `finest`, never under `least`."""
    for _ in range(abs(steps)):
        unit = max(finest, 1 << max(0, (count if steps > 0 else count - 1).bit_length() - 4))
        count = _next(count, unit, steps)
    return max(least, count)


def step_cores(cores: float, steps: int) -> float:
    """Up or down to the next multiple of 0.05 below one core, of 0.25 above, never under 0.05."""
    hundredths = round(cores * 100)
    for _ in range(abs(steps)):
        unit = 5 if hundredths < 100 or (hundredths == 100 and steps < 0) else 25
        hundredths = _next(hundredths, unit, steps)
    return max(5, hundredths) / 100


def _next(count: int, unit: int, steps: int) -> int:
    """The multiple of `unit` above (or, with negative steps, below) a count."""
    return (count // unit + 1) * unit if steps > 0 else (-(-count // unit) - 1) * unit


def step_count(count: int, steps: int) -> int:
    """Up or down by one below 20, by a tenth of the power of ten above, never under 1."""
    for _ in range(abs(steps)):
        at = count if steps > 0 else count - 1
        unit = 1 if at < 20 else 5 if at < 100 else 10 ** (len(str(at)) - 2) * 5
        count = _next(count, unit, steps)
    return max(1, count)
