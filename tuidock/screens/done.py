"""The pane of deeds: what was changed from here, as commands that can be copied and run again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.content import Content

from tuidock import format as fmt
from tuidock.deed import Deed
from tuidock.jobs import run_command
from tuidock.masking import MASK, masked_words
from tuidock.screens.base import bindings
from tuidock.screens.detail import Tab
from tuidock.screens.facts import pairs
from tuidock.screens.later import Later
from tuidock.screens.listing import Item, Value
from tuidock.screens.lists import ListScreen
from tuidock.screens.panes import TextTab
from tuidock.widgets.dialogs import Confirm
from tuidock.widgets.table import Column
from tuidock.world import World

EMPTY = "Nothing was changed from here yet.\n\nWhatever you do is noted as the command it equals."
_TERMINAL = ("-it", "-t", "attach")
"""Words of commands that talk to a terminal."""


class DeedTab(TextTab):
    """One deed."""

    TITLE = "Command"

    def show(self, subject: Deed | None, before: Deed | None) -> None:
        if subject is None:
            self.tell(Content())
            return
        shown = subject._replace(words=masked_words(subject.words))
        rows = [("when", fmt.day_clock(subject.at)), ("took", f"{subject.seconds:.3f} s")]
        rows += [("problem", subject.problem)] if subject.problem else [("result", "done")]
        self.tell(Content("\n").join([Content.styled(shown.line, "bold"), Content(), pairs(rows)]))


class DoneScreen(ListScreen):
    """Commands done."""

    SCOPE = "done"
    BODY = "records"
    BINDINGS: ClassVar[list[BindingType]] = bindings("done", "list")
    TABS: ClassVar[Mapping[str, type[Tab] | Later]] = {"deed": DeedTab}
    TITLE_TEXT = "Done"
    EMPTY = EMPTY
    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("state", "", 1),
        Column("at", "TIME", 15),
        Column("took", "TOOK", 8, "right"),
        Column("command", "COMMAND"),
        Column("problem", "RESULT", 24, min_screen=120),
    )

    def show(self, world: World, before: World) -> None:
        if world.deeds is not before.deeds or not before.loaded:
            pairs = zip(_keys(world.deeds), world.deeds, strict=True)
            self.pane.set_items([_item(key, deed) for key, deed in pairs][::-1])
            self.look()

    def subject(self) -> tuple[Deed | None, str]:
        found = dict(zip(_keys(self.world.deeds), self.world.deeds, strict=True))
        deed = found.get(self.pane.cursor_key or "")
        return deed, deed.words[1] if deed else ""

    def yankable(self) -> list[tuple[str, str]]:
        deed, _ = self.subject()
        if deed is None:
            return []
        return [
            ("command", deed.line),
            ("safe", deed._replace(words=masked_words(deed.words)).line),
        ]

    @work(group="dialog", exit_on_error=False)
    async def action_again(self) -> None:
        """Run the command once more, as a job."""
        deed, _ = self.subject()
        info = self.world.info
        if deed is None or info is None:
            return
        if problem := unrepeatable(deed):
            self.notify(problem, title="Not run again", severity="warning", markup=False)
            return
        question = Confirm("Run it again?", masked_line(deed), yes="Run")
        sure: bool | None = True
        if self.dock.config.confirm:
            sure = await self.app.push_screen_wait(question)
        if sure:
            places = (info.root, info.runroot)
            work = partial(run_command, deed.words, places)
            self.dock.jobs.begin("command", masked_line(deed), deed.words, work)
            self.dock.action_pane("jobs")


def masked_line(deed: Deed) -> str:
    return deed._replace(words=masked_words(deed.words)).line


def unrepeatable(deed: Deed) -> str:
    """Why a deed cannot be done again from here; empty when it can."""
    if any(MASK in word for word in deed.words):
        return "its secrets were not kept: copy it and fill them in"
    if any(word in _TERMINAL for word in deed.words[1:3]) or "-" in deed.words:
        return "it talks to a terminal or a pipe: copy it"
    return ""


def _keys(deeds: Sequence[Deed]) -> list[str]:
    """A key for each that stays when older ones are dropped."""
    return [f"{deed.at!r} {deed.seconds!r} {deed.line}" for deed in deeds]


def _item(key: str, deed: Deed) -> Item:
    sign, style = ("✗", "$status-failed") if deed.problem else ("✓", "$status-running")
    line = masked_line(deed)
    cells = (
        Content.styled(sign, style),
        fmt.day_clock(deed.at),
        f"{deed.seconds:.2f}s",
        line,
        Content.styled(deed.problem or "done", style if deed.problem else "$quiet"),
    )
    order: dict[str, Value] = {
        "at": deed.at,
        "took": deed.seconds,
        "command": line,
        "problem": deed.problem,
    }
    return Item(key, cells, f"{line} {deed.problem}", order)
