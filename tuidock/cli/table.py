"""Plain tables on stdout, aligned as docker's."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP = 3
_NARROWEST = 10


def render(
    titles: Sequence[str], rows: Sequence[Sequence[str]], narrowest: int = _NARROWEST
) -> str:
    """Lines of a table; the last column is not padded, any other has `narrowest` at least."""
    lines = [list(titles), *[list(row) for row in rows]]
    widths = [
        max(narrowest, _GAP + max(len(line[column]) for line in lines))
        for column in range(len(titles))
    ]
    return "\n".join(
        "".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
