"""One container as a row: a dot, words, a sparkline of CPU and a gauge of memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial

from textual.content import Content

from tuidock import format as fmt
from tuidock.engine.types import DOWN, UP, Container, Sample, Status
from tuidock.screens.listing import Item
from tuidock.widgets.later import Cells, Figures
from tuidock.widgets.paint import Cell
from tuidock.widgets.plot import gauge, level_style, sparkline
from tuidock.widgets.table import Column
from tuidock.widgets.table_columns import ASKED
from tuidock.world import World

COLUMNS = (
    Column("light", "", 1),
    Column("name", "NAME"),
    Column("image", "IMAGE", 24, min_screen=110),
    Column("state", "STATUS", 13),
    Column("cpu", "CPU", 16),
    Column("memory", "MEMORY", 23),
    Column("curve", "MEM CURVE", 9, min_screen=140),
    Column("network", "NET ↓ ↑", 17, "right", min_screen=190),
    Column("pids", "PIDS", 5, "right", min_screen=130),
    Column("ports", "PORTS", 20, min_screen=150),
    Column("id", "ID", 12, min_screen=ASKED),
    Column("address", "IP", 15, min_screen=ASKED),
    Column("created", "AGE", 4, "right", min_screen=ASKED),
    Column("block", "READ WRITE", 15, "right", min_screen=ASKED),
    Column("share", "% LIMIT", 7, "right", min_screen=ASKED),
    Column("restarts", "RESTARTS", 8, "right", min_screen=ASKED),
    Column("project", "PROJECT", 16, min_screen=ASKED),
    Column("command", "COMMAND", min_screen=ASKED),
)
PROJECT = "com.docker.compose.project"
"""The label with which compose names the project of a container."""
AT = Sample._fields.index("at")
"""Fields after it are what was measured."""
SPARK = 9
"""Seconds of CPU in the sparkline."""

_DOTS = {
    Status.RUNNING: ("●", "$status-running"),
    Status.PAUSED: ("◖", "$status-paused"),
    Status.RESTARTING: ("↻", "$status-paused"),
    Status.CREATED: ("◌", "$status-created"),
    Status.EXITED: ("○", "$status-exited"),
}


def order(it: Container) -> tuple[bool, float]:
    """What lives first, then the newest."""
    return it.status not in UP, -it.created


def _looks(
    it: Container, every: tuple[Sample, ...], pending: str, now: float
) -> tuple[object, ...]:
    """All that a row shows, as values that are cheap to make; CPU by the thousandth of a core."""
    past = every[-SPARK:]
    last = past[-1] if past else None
    figures = last and (last.memory // 1024, last.memory_limit, last.cpu_limit, last.pids)
    blocks = last and (fmt.size(last.block_read), fmt.size(last.block_write))
    traffic = tuple([(sample.network_rx, sample.network_tx) for sample in past[-2:]])
    curve = tuple([(round(sample.cpu, 3), sample.memory >> 16) for sample in past])
    ages = fmt.status(it, now), fmt.age(now - it.created)
    return it, pending, ages, curve, figures, blocks, traffic


class Stillness:
    """How long no figure has moved: then no row can look different, but for its age."""

    LOOK = 5
    """Seconds between two looks at rows that rest."""

    def __init__(self) -> None:
        self._count = 0

    def rests(self, world: World, now: float) -> bool:
        """After one more sample: whether rows need no look for it."""
        self._count = self._count + 1 if _nothing_moved(world, now) else 0
        return self._count > SPARK and self._count % self.LOOK > 0


def _nothing_moved(world: World, now: float) -> bool:
    """Whether all last samples are like those before, and no age is told in seconds."""
    young = now - 2 * 60
    ages = (max(it.started, it.exit.at if it.exit else 0) for it in world.containers.values())
    return all(age < young for age in ages) and all(
        past[-1][AT + 1 :] == past[-2][AT + 1 :] for past in world.samples.values() if len(past) > 1
    )


def item(it: Container, world: World, now: float) -> Item:
    """A row; nothing of it is made before somebody sees it, sorts or filters by it."""
    past = world.samples.get(it.id, ()) if it.status in UP else ()
    last = past[-1] if past else None
    pending = world.pending.get(it.id, "")
    return Item(
        key=it.id,
        cells=Cells(
            partial(_cells, it, past, pending, now), partial(_looks, it, past, pending, now)
        ),
        text=_text(it),
        order=Figures(partial(_order, it, last)),
        style="" if it.status in UP else "$quiet",
        facts=Figures(partial(facts, it, last)),
        labels=dict(it.labels),
    )


@lru_cache(maxsize=1024)
def _text(it: Container) -> str:
    return f"{it.name} {it.image} {it.status} {it.health} {it.id[:12]} {' '.join(it.command)}"


def _cells(it: Container, past: tuple[Sample, ...], pending: str, now: float) -> tuple[Cell, ...]:
    """One for each of COLUMNS."""
    last = past[-1] if past else None
    return (
        dot(it),
        it.name,
        fmt.path(fmt.reference(it.image), 24),
        _state(it, pending, now),
        _cpu(past),
        _memory(last),
        _curve(past),
        network([past]),
        str(last.pids) if last else "",
        fmt.ports(it.ports),
        it.id[:12],
        it.address,
        fmt.age(now - it.created),
        f"{fmt.size(last.block_read):>7} {fmt.size(last.block_write):>7}" if last else "",
        _share(last),
        str(it.restarts or ""),
        project(it),
        " ".join(it.command),
    )


def _order(it: Container, last: Sample | None) -> dict[str, str | float]:
    """What the rows are sorted by."""
    return {
        "name": it.name,
        "image": it.image,
        "state": str(it.status),
        "cpu": last.cpu if last else -1.0,
        "memory": last.memory if last else -1.0,
        "pids": last.pids if last else -1.0,
        "share": last.cpu / last.cpu_limit if last and last.cpu_limit else -1.0,
        "restarts": it.restarts,
        "project": project(it),
        "created": it.created,
    }


def facts(it: Container, last: Sample | None) -> dict[str, str | float]:
    """What a filter may ask about by name; CPU in percent of a core, as the column says it."""
    return {
        "name": it.name,
        "id": it.id,
        "image": it.image,
        "status": str(it.status),
        "health": it.health or "none",
        "exit": it.exit.code if it.exit is not None and it.status in DOWN else "",
        "command": " ".join(it.command),
        "ip": it.address,
        "port": fmt.ports(it.ports),
        "network": it.spec.network,
        "restarts": it.restarts,
        "cpu": last.cpu * 100 if last else 0.0,
        "memory": last.memory if last else 0.0,
        "pids": last.pids if last else 0.0,
    }


def project(it: Container) -> str:
    """The compose project it belongs to; empty for none."""
    return next((value for key, value in it.labels if key == PROJECT), "")


def dot(it: Container) -> Content:
    """The status as a mark with its colour; a failure is told from a plain end."""
    if it.status is Status.EXITED and it.exit is not None and it.exit.code:
        return Content.styled("✕", "$status-failed")
    if it.status is Status.RUNNING and it.health == "unhealthy":
        return Content.styled("▲", "$status-failed")
    return Content.styled(*_DOTS[it.status])


def _state(it: Container, pending: str, now: float) -> Content:
    if pending:
        return Content.styled(f"{pending.lower()} …", "$text-accent")
    text = fmt.status(it, now)
    failed = it.status is Status.EXITED and it.exit is not None and it.exit.code
    if failed:
        return Content.styled(text, "$status-failed")
    return Content.assemble(text, " ", health(it)) if it.health else Content(text)


HEALTH_STYLES = {
    "starting": "$status-paused",
    "healthy": "$status-running",
    "unhealthy": "$status-failed",
}


def health(it: Container) -> Content:
    """The mark for a container's health, with its colour."""
    return Content.styled(fmt.health(it), HEALTH_STYLES.get(it.health, ""))


def _cpu(past: tuple[Sample, ...]) -> Content:
    if not past:
        return Content()
    last = past[-1]
    top = last.cpu_limit or max(1.0, max(it.cpu for it in past[-SPARK:]))
    line = sparkline([it.cpu for it in past[-SPARK:]], SPARK, top, "$secondary")
    return Content.assemble(line, f" {fmt.cpu(last.cpu):>6}")


def _share(last: Sample | None) -> str:
    """CPU as a share of its limit, where it has one."""
    return f"{last.cpu / last.cpu_limit:.0%}" if last and last.cpu_limit else ""


def _curve(past: tuple[Sample, ...]) -> Content:
    """Memory over the last seconds; full height is the limit, or without one the highest seen."""
    if not past:
        return Content()
    limit = past[-1].memory_limit
    style = level_style(past[-1].memory / limit) if limit else "$secondary"
    return sparkline([it.memory for it in past[-SPARK:]], SPARK, limit, style)


def _memory(last: Sample | None) -> Cell:
    if last is None:
        return ""
    if last.memory_limit is None:
        return f"{fmt.size(last.memory):>15}"
    words = f"{fmt.size(last.memory):>7}/{fmt.size(last.memory_limit):<6}"
    return Content.assemble(gauge(last.memory / last.memory_limit, 8), words)


def network(pasts: Sequence[tuple[Sample, ...]]) -> str:
    """Bytes a second received and sent, of one container or of several."""
    received = sent = 0.0
    steps = [past[-2:] for past in pasts if len(past) > 1]
    for before, now in steps:
        passed = (now.at - before.at) or 1.0
        received += (now.network_rx - before.network_rx) / passed
        sent += (now.network_tx - before.network_tx) / passed
    return f"{fmt.rate(received):>8} {fmt.rate(sent):>8}" if steps else ""


def label(it: Container) -> str:
    """A container in half a line: what the row has no room for."""
    facts = [it.name, fmt.short_id(it.id), it.address, fmt.ports(it.ports)]
    if it.exit is not None and it.status in DOWN and (it.exit.code or it.exit.error):
        from tuidock.screens.verdict import verdict

        facts.append(f"{verdict(it).headline}: W tells why")
    return " · ".join(fact for fact in facts if fact)
