"""A line of the limits console: what holds, what is wanted, how much is used.

Pure functions from a `Line` of the model to styled text. Invariant: every line is as wide as it was
asked to be, so that figures stand in columns.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache

from textual.content import Content
from textual.style import Style

from tuidock.engine.types import Limits
from tuidock.widgets import cores
from tuidock.widgets.limits_kinds import Kind, Value, shown
from tuidock.widgets.limits_model import Line
from tuidock.widgets.plot import gauge, level_style

TITLE, USE = 17, 9
"""Columns of the title with its mark, and of the use at the right."""
GAUGE, ROOM = 12, 52
"""Columns of the gauge, and of a line from which on there is one."""
WANTED, QUIET, DIM = "$text-accent bold", "$quiet", "$faint"


@lru_cache(maxsize=128)
def row(line: Line, width: int, typing: str = "", *, chosen: bool, focused: bool) -> Content:
    """One limit in one line; remembered, as most are the same from second to second."""
    middle = Content("not here") if line.lacking else _value(line, typing, chosen=chosen)
    gauged = width - TITLE - GAUGE - USE > middle.cell_length
    right = _right(line, gauge_too=gauged and width >= ROOM)
    if middle.cell_length > width - TITLE - right.cell_length:
        right = Content()  # what is set counts more than what is used
    room = width - TITLE - right.cell_length
    middle = middle.truncate(room, ellipsis=True)
    air = Content(" " * (room - middle.cell_length))
    content = Content.assemble(_title(line, chosen=chosen, focused=focused), middle, air, right)
    return Content.styled(content.plain, DIM) if line.lacking and not chosen else content


def _title(line: Line, *, chosen: bool, focused: bool) -> Content:
    mark = Content.styled("▸ " if chosen else "  ", "$text-accent bold" if focused else QUIET)
    return mark + Content.styled(f"{line.kind.title:<{TITLE - 2}}", "bold" if chosen else "")


def _value(line: Line, typing: str, *, chosen: bool) -> Content:
    held = values_text(line)
    quiet = not chosen and not any(line.values)
    now = Content.styled(held, QUIET if quiet else "")
    now += Content.styled("*", WANTED) if line.passing else Content()
    if chosen and not line.kind.is_list and not typing and line.wanted is None:
        less, more = _button("‹", "step(-1)"), _button("›", "step(1)")
        return Content.assemble(less, " ", now, " ", more)
    wanted = "" if line.wanted is None else line.text(line.wanted)
    if not (wanted or typing):
        return now
    if not typing:
        return Content.assemble(now, (f" → {wanted}", WANTED))
    meaning = "" if wanted.split(" ")[0] in ("", typing) else f" {wanted}"
    return Content.assemble(now, (f" → {typing}▏{meaning}", WANTED))


def _button(label: str, action: str) -> Content:
    return Content.styled(label, WANTED).stylize(Style.from_meta({"@click": action}))


def values_text(line: Line) -> str:
    """The limits in force: one, or the few that differ."""
    if line.limit is not None:
        return line.text(line.limit)
    known = sorted(line.values, key=str)
    return "mixed: " + ", ".join(line.text(value) for value in known)


def _right(line: Line, *, gauge_too: bool) -> Content:
    """Use, and its share of the limit where both are known."""
    if not line.kind.measure or line.lacking:
        return Content(" " * USE)
    part = share(line)
    style = QUIET if part is None else level_style(part)
    use = Content.styled(f"{shown(line.kind, line.use):>{USE}}", style)
    if not gauge_too:
        return use
    bar = Content(" " * GAUGE) if part is None else gauge(part, GAUGE, f"{part:>4.0%}")
    return bar + use


def share(line: Line) -> float | None:
    """Use as a share of the limit in force; None without one, or with several."""
    limit = line.limit
    if limit is None or isinstance(limit, str) or limit <= 0:
        return None
    return line.use / limit


def allowed(line: Line, machine: Collection[int]) -> frozenset[int]:
    """CPUs that are wanted, or else may be used now by any of the containers."""
    if line.wanted is not None:
        return _cores(line.wanted, machine)
    return frozenset().union(*(_cores(value, machine) for value in line.values))


def _cores(value: Value, machine: Collection[int]) -> frozenset[int]:
    return cores.parse_list(str(value)) if value else frozenset(machine)


def toggled(line: Line, machine: Sequence[int], core: int) -> str:
    """The list of CPUs with one of them turned; all of them is no limit. One always stays."""
    chosen = allowed(line, machine) ^ {core}
    if not chosen or chosen == frozenset(machine):
        return "" if chosen else cores.list_text([core])
    return cores.list_text(chosen)


def limit_of(kind: Kind, limits: Limits) -> float | None:
    """What a graph draws as the limit of a kind; None for no line."""
    value = kind.of(limits)
    return value if isinstance(value, float | int) and value > 0 else None
