"""CPUs as a list that the kernel reads (`0-2,7`), and as a map of little boxes.

Pure functions. Invariant: `list_text` of what `parse_list` read names the same CPUs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from textual.content import Content

ALLOWED, BARRED = "■", "□"
"""Told apart without any colour."""


def parse_list(text: str) -> frozenset[int]:
    """CPUs of cpuset(7)'s list format. Raises ValueError with words for a person."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        last = last if "-" in part else first
        if not (first.isdecimal() and last.isdecimal()) or int(first) > int(last):
            raise ValueError("cores are a list such as 0-2,7")
        found.update(range(int(first), min(int(last), 1 << 16) + 1))
    return frozenset(found)


def list_text(cores: Collection[int]) -> str:
    """The shortest list, in order: `0-2,7`."""
    runs: list[list[int]] = []
    for core in sorted(cores):
        if runs and core == runs[-1][1] + 1:
            runs[-1][1] = core
        else:
            runs.append([core, core])
    return ",".join(f"{a}-{b}" if a != b else str(a) for a, b in runs)


def cell_width(cores: Sequence[int]) -> int:
    """Columns of one box with its number and the air behind it."""
    return len(str(max(cores, default=0))) + 2


def per_row(cores: Sequence[int], width: int) -> int:
    """Boxes in a line; by eights where there are more than that, as machines are made."""
    fitting = max(1, width // cell_width(cores))
    return fitting // 8 * 8 if fitting >= 8 and len(cores) > fitting else fitting


def core_map(
    cores: Sequence[int], allowed: Collection[int], width: int, cursor: int | None = None
) -> list[Content]:
    """The machine's CPUs in lines of boxes, full ones may be used; `cursor` is an index."""
    step, cell = per_row(cores, width), cell_width(cores)
    lines = []
    for start in range(0, len(cores), step):
        boxes = [
            _box(core, cell, allowed=core in allowed, here=start + index == cursor)
            for index, core in enumerate(cores[start : start + step])
        ]
        lines.append(Content("").join(boxes))
    return lines


def _box(core: int, cell: int, *, allowed: bool, here: bool) -> Content:
    style = "$text-accent bold" if allowed else "$foreground 50%"
    if here:
        style = "bold $block-cursor-foreground on $block-cursor-background"
    word = f"{ALLOWED if allowed else BARRED}{core}"
    return Content.styled(word, style) + Content(" " * (cell - len(word)))


def core_at(cores: Sequence[int], width: int, x: int, y: int) -> int | None:
    """The index of the box at a place of the map; None beside it."""
    step, cell = per_row(cores, width), cell_width(cores)
    index = y * step + x // cell
    return index if 0 <= x < step * cell and 0 <= index < len(cores) else None
