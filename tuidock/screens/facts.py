"""Facts as styled text: a table of words and values, the vital signs, JSON in colour.

Pure functions from the engine's nouns to `Content`; styles name theme variables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from textual.content import Content

from tuidock import format as fmt
from tuidock.engine.types import Container, Sample

_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d+(?:\.\d+)?)')


def pairs(rows: Iterable[tuple[str, str]], width: int = 12) -> Content:
    """Words on the left, values on the right, one pair a line."""
    lines = [Content.assemble((f"{word:<{width}}", "$quiet"), " ", value) for word, value in rows]
    return Content("\n").join(lines)


def json_text(value: object) -> Content:
    """JSON, indented, with names, texts, numbers and constants told apart."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    content = Content(text)
    for match in _TOKEN.finditer(text):
        content = content.stylize(_token_style(match), match.start(), match.end())
    return content


def _token_style(match: re.Match[str]) -> str:
    if match[2]:
        return "$text-primary"
    if match[1]:
        return "$text-success"
    return "$text-warning" if match[4] else "$text-accent"


def environment(it: Container) -> Content:
    """What a container was asked to be."""
    spec = it.spec
    rows = [("command", " ".join(it.command)), ("image", it.image)]
    rows += [("user", spec.user or "of the image"), ("workdir", spec.working_dir or "of the image")]
    rows += [("network", spec.network), ("address", it.address or "none")]
    rows += _each("port", (fmt.port(port) for port in it.ports or spec.ports))
    rows += _each("mount", (f"{m.source} → {m.target} ({m.kind})" for m in spec.mounts))
    rows += _each("runtime", [spec.runtime] * bool(spec.runtime))
    rows += [("restart", spec.restart.name), ("id", it.id)]
    rows += _each("env", spec.env)
    rows += _each("label", (f"{key}={value}" for key, value in it.labels))
    return pairs(rows)


def _each(word: str, values: Iterable[str]) -> list[tuple[str, str]]:
    """The word only before the first value."""
    return [(word if index == 0 else "", value) for index, value in enumerate(values)]


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
