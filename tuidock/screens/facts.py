"""Facts as styled text: a table of words and values, the vital signs.

Pure functions from the engine's nouns to `Content`; styles name theme variables.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.content import Content

from tuidock import format as fmt
from tuidock.engine.types import Sample

_WORD = 12
"""Columns for a word on the left."""


def pairs(rows: Iterable[tuple[str, str]]) -> Content:
    """Words on the left, values on the right, one pair a line."""
    lines = [Content.assemble((f"{word:<{_WORD}}", "$quiet"), " ", value) for word, value in rows]
    return Content("\n").join(lines)


def hung(content: Content, width: int) -> Content:
    """The same, values that are too long for a line going on below where they begin."""
    lines: list[Content] = []
    for line in content.split("\n", allow_blank=True):
        is_pair = line.plain[_WORD - 1 : _WORD + 1] == "  " and line.plain[_WORD + 1 :].strip()
        if line.cell_length <= width or width < 2 * _WORD or not is_pair:
            lines.append(line)
            continue
        lines += hanging(line[: _WORD + 1], line[_WORD + 1 :], width)
    return Content("\n").join(lines)


def hanging(head: Content, text: Content, width: int) -> list[Content]:
    """What stands beside a head, going on below where it begins."""
    first, *more = text.wrap(max(1, width - head.cell_length)) or [Content()]
    return [Content.assemble(head, first), *(it.pad_left(head.cell_length) for it in more)]


def vital_signs(past: Sequence[Sample], width: int) -> Content:
    """The measures without a graph, in lines of at most that width."""
    now = past[-1]
    before = past[-2] if len(past) > 1 else now
    passed = (now.at - before.at) or 1.0
    signs = [
        ("net", f"↓{fmt.rate((now.network_rx - before.network_rx) / passed)}"
                f" ↑{fmt.rate((now.network_tx - before.network_tx) / passed)}"),
        ("block", f"r {fmt.size(now.block_read)} w {fmt.size(now.block_write)}"),
        ("pids", f"{now.pids} of {now.pids_limit}" if now.pids_limit else str(now.pids)),
        ("cache", fmt.size(now.memory_cache)),
        ("peak", fmt.size(now.memory_peak)),
        ("throttled", f"{now.throttled:.0%}"),
    ]  # fmt: skip
    pressure = max(now.pressure_cpu, now.pressure_memory, now.pressure_io)
    if pressure >= 1:
        signs.append(("pressure", f"{pressure:.0f}%"))
    if now.oom_kills:
        signs.insert(0, ("OOM kills", str(now.oom_kills)))
    parts = [
        Content.assemble((word, "$quiet"), " ", (value, "$foreground")) for word, value in signs
    ]
    return flowing(parts, width)


def flowing(parts: Iterable[Content], width: int) -> Content:
    """One after the other, three cells apart; what does not fit goes on the next line whole."""
    lines: list[Content] = []
    for part in parts:
        if lines and lines[-1].cell_length + 3 + part.cell_length <= width:
            lines[-1] = Content.assemble(lines[-1], "   ", part)
        else:
            lines.append(part)
    return Content("\n").join(lines)
