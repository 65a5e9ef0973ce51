"""The tab that tells why a container does not run: the verdict, its evidence, and what to do.

Invariant: everything here was recorded before the end: exit, events, black box, health, log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual import work
from textual.content import Content

from tuidock import format as fmt
from tuidock.engine.events import Event
from tuidock.engine.logs.sanitise import plain
from tuidock.engine.types import UP, Container, History, LogLine, LogQuery
from tuidock.screens.facts import pairs
from tuidock.screens.happenings import happenings
from tuidock.screens.health import report
from tuidock.screens.panes import TextTab
from tuidock.screens.verdict import verdict
from tuidock.widgets.plot import gauge, span, sparkline
from tuidock.widgets.timeline import Window, laid_out

LAST = 12
"""Lines of the log."""
MINUTES = 5
_CURVE = 30


class WhyTab(TextTab):
    """One card about an end."""

    TITLE = "Why"

    DEFAULT_CSS = """
    WhyTab Static { width: 1fr; }
    """

    def show(self, subject: Container | None, before: Container | None) -> None:
        if subject is None:
            self.workers.cancel_node(self)
            self.tell(Content())
        elif before is None or (subject.id, subject.exit) != (before.id, before.exit):
            self.read(subject)

    @work(exclusive=True, group="why", exit_on_error=False)
    async def read(self, it: Container) -> None:
        """Gather what is known, and tell it."""
        if it.status in UP:
            self.tell(Content.styled("It runs. Why it ends is told here once it does.", "$quiet"))
            return
        screen = self.dock_screen
        with screen.presented():
            containers = screen.engine.containers
            found = await containers.inspect(it.id)
            history = await containers.history(it.id)
            lines: list[LogLine] = []
            async for batch in containers.logs(it.id, LogQuery(tail=LAST)):
                lines += batch
            self.tell(card(it, found, history, lines[-LAST:]))


def card(
    it: Container, found: Mapping[str, Any], history: History, lines: Sequence[LogLine]
) -> Content:
    """Everything about the last end of a container."""
    said = verdict(it, history.events)
    parts = [Content.styled(said.headline, said.style)]
    parts += [Content(plain(said.because))] if said.because else []
    parts += [Content(), *_evidence(it, history)]
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


def _evidence(it: Container, history: History) -> list[Content]:
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
    return parts + _curves(history, ended.at)


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


def _curves(history: History, end: float) -> list[Content]:
    """The last minutes before the end, from the black box."""
    window = Window(end - 60.0 * MINUTES, end)
    told = (("CPU", history.cpu, fmt.cpu), ("memory", history.memory, fmt.size))
    parts = []
    for name, values, show in told:
        found = [value for value in laid_out(history.at, values, window, _CURVE) if value == value]
        if found:
            head = pairs([(f"{name} then", "")])
            words = f"  {show(found[-1])}, highest {show(max(found))} in {MINUTES} minutes"
            parts.append(Content.assemble(head, sparkline(found, _CURVE), words))
    return parts


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
