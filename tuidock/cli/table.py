"""Plain tables on stdout, aligned as docker's."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP = 3
_NARROWEST = 10


def render(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines of a table; the last column is not padded."""
    lines = [list(titles), *[list(row) for row in rows]]
    widths = [
        max(_NARROWEST, *(len(line[column]) for line in lines)) for column in range(len(titles))
    ]
    return "\n".join(
        "".join(cell.ljust(width + _GAP) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
