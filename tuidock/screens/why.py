"""The tab that tells why a container does not run: the verdict, its evidence, and what to do.

Invariant: everything here was recorded before the end: exit, events, black box, health, log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content

from tuidock import format as fmt
from tuidock.engine.events import Event
from tuidock.engine.logs.sanitise import plain
from tuidock.engine.types import UP, Container, History, LogLine, LogQuery
from tuidock.screens.detail import Detail
from tuidock.screens.facts import pairs
from tuidock.screens.happenings import happenings
from tuidock.screens.health import report
from tuidock.screens.panes import TextTab
from tuidock.screens.past import Past, past
from tuidock.screens.verdict import verdict
from tuidock.widgets.moments import Moments
from tuidock.widgets.plot import gauge, span, sparkline
from tuidock.widgets.timegraph import Series, TimeGraph
from tuidock.widgets.timeline import Window, laid_out, within
from tuidock.widgets.timelines import Kind
from tuidock.world import World

LAST = 12
"""Lines of the log."""
MINUTES = 5
LEAST = 20.0
"""Seconds that are shown of a shorter run."""
WIDE = 110
"""Columns in which the graphs have room beside the card."""
GRAPHS = (Kind("memory", "Memory", fmt.size, binary=True), Kind("cpu", "CPU", fmt.cpu))
_CURVE = 30
_ENOUGH = 4
"""Values that make a curve."""
_WORTH_A_WORD = 0.05


class Facts(NamedTuple):
    """Everything that is known about the last end of a container."""

    it: Container
    found: Mapping[str, Any]
    """As `inspect` has it."""
    history: History
    lines: Sequence[LogLine]

    @property
    def is_recorded(self) -> bool:
        """Whether there is anything to draw."""
        return self.it.exit is not None and bool(self.history.at)


class WhyTab(TextTab):
    """One card about an end, with graphs of the last minutes beside it where there is room."""

    TITLE = "Why"

    DEFAULT_CSS = """
    WhyTab {
        & Static { width: 1fr; }
        & > Horizontal { height: 1fr; }
        & ScrollableContainer { height: 1fr; padding: 0 1; background: $background;
            scrollbar-size: 1 1; width: 3fr; }
        & Moments { display: none; layout: vertical; width: 2fr; max-height: 32; }
        &.-wide Moments { display: block; }
        & TimeGraph { background: $background; margin: 0 1; }
    }
    """
    _past: Past = Past()
    """What the graphs show; its end and its beginning are those of the card."""
    _facts: Facts | None = None
    _otherwise = Content()

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield from super().compose()
            with Moments():
                for kind in GRAPHS:
                    yield TimeGraph(kind.title, show=kind.show, binary=kind.binary, id=kind.name)

    def on_resize(self) -> None:
        self._tell()

    def show(self, subject: Container | None, before: Container | None) -> None:
        if subject is None:
            self.workers.cancel_node(self)
            self.explain(None)
        elif before is None or (subject.id, subject.exit) != (before.id, before.exit):
            self.read(subject)

    def explain(self, facts: Facts | None, otherwise: Content | None = None) -> None:
        """Show these; without any the other words."""
        self._facts, self._otherwise = facts, otherwise or Content()
        self._tell()
        if facts is not None:
            it = facts.it
            world = World(containers={it.id: it}, histories={it.id: facts.history})
            self._past = past(world, it.id, 0.0, [kind.name for kind in GRAPHS])
            self.query_one(Moments).cursor = None
            self.draw()

    def _tell(self) -> None:
        """In words, and the rest in graphs where they have room."""
        facts = self._facts
        is_wide = self.size.width >= WIDE and facts is not None and facts.is_recorded
        self.set_class(is_wide, "-wide")
        self.tell(card(facts, is_drawn=is_wide) if facts else self._otherwise)

    @on(Moments.Moved)
    def draw(self) -> None:
        """The graphs, up to the end."""
        if self._facts is None:
            return
        it, history = self._facts.it, self._facts.history
        moments, limits = self.query_one(Moments), it.spec.limits
        moments.shown = Window(*last_minutes(it))
        bounds = {"memory": float(limits.memory or 0), "cpu": limits.cpus or 0.0}
        marks, end = happenings(history.events), moments.shown.end
        seconds = end - moments.shown.begin
        for graph in moments.graphs:
            values, limit = getattr(self._past, graph.id or ""), bounds[graph.id or ""] or None
            series = Series(
                self._past.at, values, end, seconds, limit, marks, moments.cursor, live=False
            )
            graph.set_series(series)

    @on(Moments.Picked)
    def _picked(self, event: Moments.Picked) -> None:
        event.stop()
        self.dock_screen.post_message(Detail.LogWanted(event.at))

    @work(exclusive=True, group="why", exit_on_error=False)
    async def read(self, it: Container) -> None:
        """Gather what is known, and tell it."""
        if it.status in UP:
            said = "It runs. Why it ends is told here once it does."
            self.explain(None, Content.styled(said, "$quiet"))
            return
        screen = self.dock_screen
        with self.looking():
            containers = screen.engine.containers
            found = await containers.inspect(it.id)
            history = await containers.history(it.id)
            lines: list[LogLine] = []
            async for batch in containers.logs(it.id, LogQuery(tail=LAST)):
                lines += batch
            self.explain(Facts(it, found, history, lines[-LAST:]))


def last_minutes(it: Container) -> tuple[float, float]:
    """The time before an end that the card is about: of its last run, and no more than minutes."""
    end = it.exit.at if it.exit else it.created
    ran = end - it.started if it.started else 0.0
    return end - min(60.0 * MINUTES, max(LEAST, ran)), end


def card(facts: Facts, *, is_drawn: bool = False) -> Content:
    """All of it in words; `is_drawn` when graphs beside them tell a part."""
    it, found, history, lines = facts
    said = verdict(it, history.events)
    parts = [Content.styled(said.headline, said.style)]
    because = plain(said.because)
    parts += [Content(because[0].upper() + because[1:])] if because else []
    parts += [Content(), *_evidence(it, history, is_drawn=is_drawn)]
    parts += [Content(), _heading("What to do"), *(_code(f"• {each}") for each in said.advice)]
    if lines:
        parts += [Content(), _heading("Its last lines"), *map(_line, lines)]
    if marks := _happened(it, history.events):
        parts += [Content(), _heading("What happened to it"), *marks]
    if found["State"].get("Health"):
        parts += [Content(), _heading("Its health"), report(found)]
    return Content("\n").join(parts)


def _heading(words: str) -> Content:
    return Content.styled(words, "bold $text-primary")


def _code(text: str) -> Content:
    """Words between backticks stand out."""
    pieces = text.split("`")
    parts = [
        Content.styled(piece, "bold $text-accent") if index % 2 else Content(piece)
        for index, piece in enumerate(pieces)
    ]
    return Content("").join(parts)


def _evidence(it: Container, history: History, *, is_drawn: bool) -> list[Content]:
    ended = it.exit
    if ended is None:
        return []
    rows = [("ended", f"{fmt.day_clock(ended.at)}{_lasted(it)}"), ("exit code", str(ended.code))]
    policy = it.spec.restart.name
    again = f", started again {fmt.count(it.restarts, 'time')}" if it.restarts else ""
    rows.append(("restart", f"policy {policy}{again}"))
    kills = sum(each.action == "oom" and each.at >= it.started for each in history.events)
    rows += [("OOM kills", f"{kills} in its last run")] if kills else []
    parts = [pairs(rows)]
    parts += [_peak(it, ended.peak_memory)] if ended.peak_memory else []
    parts += [] if is_drawn else _curves(it, history)
    return parts + _burdens(history, ended.at)


def _lasted(it: Container) -> str:
    seconds = it.exit.at - it.started if it.exit and it.started else 0.0
    return f", after {span(seconds)}" if seconds > 0 else ""


def _peak(it: Container, peak: int) -> Content:
    limit = it.spec.limits.memory
    head = pairs([("peak memory", fmt.size(peak))])
    if not limit:
        return head
    share = peak / limit
    return Content.assemble(head, f" of {fmt.size(limit)}  ", gauge(share, 24, f"{share:.0%}"))


def _curves(it: Container, history: History) -> list[Content]:
    """The last minutes before the end, from the black box."""
    window = Window(*last_minutes(it))
    told = (("CPU", history.cpu, fmt.cpu), ("memory", history.memory, fmt.size))
    parts = []
    for name, values, show in told:
        laid = laid_out(history.at, values, window, _CURVE)
        found = [value for value in laid if value == value]
        if len(found) >= _ENOUGH:
            head = pairs([(f"{name} then", "")])
            passed = span(window.end - window.begin)
            words = f"  {show(found[-1])}, highest {show(max(found))} in {passed}"
            parts.append(Content.assemble(head, sparkline(found, _CURVE), words))
    return parts


def _burdens(history: History, end: float) -> list[Content]:
    """What kept it from running in its last minute; nothing that is hardly worth a word."""
    last = Window(end - 60.0, end)
    told = (
        ("held back", "by its CPU quota", history.throttled, 1.0),
        ("waited", "for a processor", history.pressure_cpu, 100.0),
        ("waited", "for memory to be given back", history.pressure_memory, 100.0),
        ("waited", "for disks", history.pressure_io, 100.0),
    )
    rows = []
    for word, why, values, whole in told:
        found = within(history.at, values, last) if values else ()
        share = sum(found) / whole / max(1, len(found))
        if share >= _WORTH_A_WORD:
            rows.append((word, f"{share:.0%} of its last minute {why}"))
    return [pairs(rows)] if rows else []


def _line(line: LogLine) -> Content:
    style = "$text-error" if line.stream == "stderr" else "$foreground"
    text = plain(line.text.decode(errors="replace"))
    return Content.assemble((f"{fmt.clock(line.at)} ", "$quiet"), (text, style))


def _happened(it: Container, events: Sequence[Event]) -> list[Content]:
    """The last things that happened, the newest last."""
    return [
        Content.assemble(
            (f"{fmt.day_clock(mark.at)}  ", "$quiet"), (mark.sign, mark.style), f"  {mark.words}"
        )
        for mark in happenings(events)[-8:]
    ]
