"""The row of a group of containers: how many run, and their figures added up."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import zip_longest

from textual.content import Content

from tuidock import format as fmt
from tuidock.engine.types import UP, Container, Sample
from tuidock.screens.container_row import COLUMNS, SPARK, network
from tuidock.screens.groups import SIGNS, Group
from tuidock.widgets.later import Cells
from tuidock.widgets.paint import Cell
from tuidock.widgets.plot import gauge, level_style, sparkline
from tuidock.world import World


def head(group: Group, world: World) -> Sequence[Cell]:
    """One cell for each column of the containers."""
    members = [world.containers[it.key] for it in group.items if it.key in world.containers]
    pasts = [world.samples[it.id] for it in members if it.status in UP and it.id in world.samples]
    last = [past[-1] for past in pasts if past]
    looks = (group.title, group.folded, _state(members), *(_look(it) for it in last))
    return Cells(partial(_cells, group, members, pasts), lambda: looks)


def _look(it: Sample) -> tuple[object, ...]:
    return round(it.cpu, 3), it.memory >> 14, it.memory_limit, it.pids, it.network_rx


def _cells(
    group: Group, members: list[Container], pasts: list[tuple[Sample, ...]]
) -> tuple[Cell, ...]:
    last = [past[-1] for past in pasts if past]
    told: dict[str, Cell] = {
        "light": SIGNS[group.folded],
        "name": group.title,
        "state": _state(members),
        "cpu": _cpu(pasts),
        "memory": _memory(last),
        "network": network(pasts),
        "pids": str(sum(it.pids for it in last) or ""),
    }
    return tuple(told.get(column.key, "") for column in COLUMNS)


def _state(members: Sequence[Container]) -> str:
    return f"{sum(it.status in UP for it in members)} of {len(members)} up"


def _cpu(pasts: Sequence[tuple[Sample, ...]]) -> Cell:
    """The curves of all, added up from the newest on."""
    backwards = ([it.cpu for it in reversed(past[-SPARK:])] for past in pasts)
    total = [sum(each) for each in zip_longest(*backwards, fillvalue=0.0)][::-1]
    if not total:
        return ""
    line = sparkline(total, SPARK, max(1.0, *total), "$secondary")
    return Content.assemble(line, f" {fmt.cpu(total[-1]):>6}")


def _memory(last: Sequence[Sample]) -> Cell:
    """What all hold; with a gauge when each of them has a limit."""
    if not last:
        return ""
    held = sum(it.memory for it in last)
    limits = [it.memory_limit for it in last if it.memory_limit]
    if len(limits) < len(last):
        return f"{fmt.size(held):>15}"
    words = f"{fmt.size(held):>7}/{fmt.size(sum(limits)):<6}"
    share = held / sum(limits)
    return Content.assemble(gauge(share, 8, style=level_style(share)), words)
