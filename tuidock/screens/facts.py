"""Facts as styled text: a table of words and values, the vital signs.

Pure functions from the engine's nouns to `Content`; styles name theme variables.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.content import Content

from tuidock import format as fmt
from tuidock.engine.types import Sample


def pairs(rows: Iterable[tuple[str, str]], width: int = 12) -> Content:
    """Words on the left, values on the right, one pair a line."""
    lines = [Content.assemble((f"{word:<{width}}", "$quiet"), " ", value) for word, value in rows]
    return Content("\n").join(lines)


def vital_signs(past: Sequence[Sample]) -> Content:
    """The measures without a graph, in one or two lines."""
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
    parts: list[Content] = []
    for word, value in signs:
        parts.append(Content.assemble((word, "$quiet"), " ", (value, "$foreground"), "   "))
    return Content("").join(parts)
