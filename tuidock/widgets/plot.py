"""Numbers to glyphs: areas in braille dots, sparklines, gauges, scales with round ends.

Pure functions, no widget, no colour but theme variables. Invariant: what comes back has
exactly the width and height asked for, whatever the numbers (none, zero, too many, not finite).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isfinite, log10

from textual.content import Content

BRAILLE = 0x2800
LEFT_DOTS = (0x00, 0x40, 0x44, 0x46, 0x47)
"""Dots of the left half of a cell, filled from below to heights 0 to 4."""
RIGHT_DOTS = (0x00, 0x80, 0xA0, 0xB0, 0xB8)
EIGHTHS = " ▁▂▃▄▅▆▇"
"""Without the full block: curves of rows above one another stay apart."""

WARNING = 0.75
"""From this share of the limit on a value is worth a look."""
DANGER = 0.9


def heights(values: Sequence[float], columns: int, top: float, levels: int) -> list[int]:
    """The newest values as heights 0 to `levels`, right-aligned; anything above 0 is seen."""
    newest = values[-columns:] if columns > 0 else []
    scaled = [_height(value, top, levels) for value in newest]
    return [0] * (columns - len(scaled)) + scaled


def _height(value: float, top: float, levels: int) -> int:
    if not isfinite(value) or value <= 0 or top <= 0:
        return 0
    return max(1, round(min(1.0, value / top) * levels))


def area(values: Sequence[float], width: int, height: int, top: float) -> list[str]:
    """A filled curve, `height` strings of `width` braille cells, two values to a cell."""
    dots = heights(values, width * 2, top, height * 4)
    rows = []
    for row in range(height):
        base = (height - 1 - row) * 4
        fill = [max(0, min(4, dot - base)) for dot in dots]
        pairs = zip(fill[::2], fill[1::2], strict=True)
        rows.append("".join(_braille(left, right) for left, right in pairs))
    return rows


def _braille(left: int, right: int) -> str:
    bits = LEFT_DOTS[left] | RIGHT_DOTS[right]
    return chr(BRAILLE + bits) if bits else " "


def nice_top(peak: float, *, binary: bool = False) -> float:
    """The round number at or above `peak`: 1, 2 or 5 times a power of ten, or a power of two."""
    if not isfinite(peak) or peak <= 0:
        return 1.0
    if binary:
        unit = 1024.0 ** max(0, int(_log(peak, 1024)))
        return next(n for n in _round_counts() if n * unit >= peak) * unit
    unit = 10.0 ** ceil(log10(peak) - 1)
    return next(n * unit for n in (1, 2, 2.5, 5, 10) if n * unit >= peak * 0.9999)


def _log(value: float, base: float) -> float:
    return log10(value) / log10(base) if value > 1 else 0.0


def _round_counts() -> list[int]:
    return [1, 2, 4, 5, 8, 10, 16, 20, 32, 40, 50, 64, 80, 100, 128, 200, 256, 400, 512, 800, 1024]


def span(seconds: float) -> str:
    """A length of time for an axis: `45s`, `2m`, `2m30s`, `1h`."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if whole >= 3600:
        hours, minutes = divmod(minutes, 60)
        return f"{hours}h{minutes:02}m" if minutes else f"{hours}h"
    return f"{rest}s" if not minutes else f"{minutes}m{rest:02}s" if rest else f"{minutes}m"


def level_style(fraction: float) -> str:
    """How near a value is to its limit, as a theme variable."""
    if fraction >= DANGER:
        return "$text-error"
    return "$text-warning" if fraction >= WARNING else "$text-success"


def sparkline(
    values: Sequence[float], width: int, maximum: float | None = None, style: str = "$text-accent"
) -> Content:
    """The newest `width` values as one line of blocks; `maximum` None scales to the largest."""
    finite = [value for value in values[-width:] if isfinite(value)] if width > 0 else []
    top = maximum if maximum else max(finite, default=0.0)
    return Content.styled(
        "".join(EIGHTHS[h] for h in heights(values, width, top, len(EIGHTHS) - 1)), style
    )


def gauge(fraction: float | None, width: int, label: str = "", style: str = "") -> Content:
    """A bar of `width` cells with its label at the right end; green, then amber, then red.

    `fraction` None (no limit) draws the empty track. `style` overrides the traffic light.
    """
    bar = max(0, width - len(label) - (1 if label else 0))
    share = 0.0 if fraction is None or not isfinite(fraction) else max(0.0, min(1.0, fraction))
    halves = round(share * bar * 2) or (1 if share > 0 and bar else 0)
    filled = "━" * (halves // 2) + ("╸" if halves % 2 else "")
    colour = style or level_style(share)
    track = Content.styled("─" * (bar - len(filled)), "$foreground 25%")
    text = Content.styled(f" {label}" if label else "", "$foreground")
    return Content.assemble(Content.styled(filled, colour), track, text)
