"""ListScreen: a list above or beside the detail of the chosen row.

Knows the keys that every list has. Invariant: the detail is always about the row under the
cursor, without anybody asking.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container as Box
from textual.widget import Widget

from tuidock import format as fmt
from tuidock.engine.types import Container, Status
from tuidock.screens import groups
from tuidock.screens.base import DockScreen
from tuidock.screens.detail import Detail, Tab
from tuidock.screens.details import Details
from tuidock.screens.later import Later
from tuidock.screens.listing import ListPane
from tuidock.verb import Verb
from tuidock.verbs import VERBS, fits, in_scope, shared
from tuidock.widgets.columns import ChooseColumns
from tuidock.widgets.dialogs import Choose, keyed, lettered
from tuidock.widgets.table import Column, LiveTable

REST = 0.08
"""Seconds without another move after which a cursor that was moved again and again rests."""
SIZES = ("", "-half", "-full")
STEPS = (4, 8, 12, 18)
"""Rows that a list makes room for: in steps, so that what is below it seldom moves."""
JSON = "json"
FALLING = frozenset(("cpu", "memory", "pids", "share", "restarts", "size", "created", "layers"))
"""Columns whose largest figures are wanted first."""


class ListScreen(DockScreen):
    """A list and a detail."""

    TABS: ClassVar[Mapping[str, type[Tab] | Later]] = {}
    COLUMNS: ClassVar[Sequence[Column]] = ()
    TITLE_TEXT: ClassVar[str] = ""
    EMPTY: ClassVar[str] = ""
    WAYS: ClassVar[Sequence[tuple[str, str]]] = ()
    """(fact, title) of what its rows can be grouped by, besides their labels."""
    BODY: ClassVar[str] = ""
    """CSS class of list and detail: `records` have little to tell of each."""
    _judged: Sequence[tuple[str, Status]] = ()
    _looking = False
    """The cursor has moved, and the detail is to follow."""
    _moved = 0.0
    """When the cursor moved last, `time.monotonic()`."""
    """The detail is about to follow the cursor."""
    _room = 0
    """Rows that the list has room for, one of `STEPS`; 0 for a share of the screen."""

    def compose_body(self) -> ComposeResult:
        with Box(id="body", classes=self.BODY):
            yield ListPane(self.TITLE_TEXT, self.COLUMNS, empty=self.EMPTY, id="list")
            yield Details(self.TABS, id="details")

    @property
    def pane(self) -> ListPane:
        return self.query_one("#list", ListPane)

    @property
    def detail(self) -> Detail:
        """The frame that the keys are about, or the first."""
        return self.details.front

    @property
    def details(self) -> Details:
        return self.query_one("#details", Details)

    def on_mount(self) -> None:
        self.pane.table.focus()
        state = self.dock.state
        self.pane.table.choose_columns(state.columns.get(self.SCOPE, ()))
        self.pane.grouped_by = state.groups.get(self.SCOPE, "")
        order = state.orders.get(self.SCOPE, "")
        self.pane.sorted_by, self.pane.descending = order.lstrip("-"), order.startswith("-")

    def on_screen_suspend(self) -> None:
        if self not in self.app.screen_stack:
            for frame in self.details.frames:
                frame.pause()

    def on_screen_resume(self) -> None:
        for frame in self.details.frames:
            frame.resume()

    # --- what a subclass says ---------------------------------------------------------------

    def subject(self) -> tuple[Any, str]:
        """The thing under the cursor and its name."""
        return None, ""

    def yankable(self) -> list[tuple[str, str]]:
        """(word, text) of what can be copied."""
        return []

    async def as_json(self) -> str:
        """The thing under the cursor, set out. Raises EngineError."""
        subject = self.subject()[0]
        return json.dumps(subject._asdict() if subject else None, indent=2, default=str)

    @property
    def inner(self) -> Tab | None:
        """The tab that has the focus."""
        return self.detail.tab if self.detail.has_focus_within else None

    @property
    def busy(self) -> ListPane:
        """The list that the keys of lists are about."""
        return (self.inner and self.inner.listing) or self.pane

    # --- the list drives the detail ---------------------------------------------------------

    def look(self) -> None:
        """Let the detail be about the row under the cursor."""
        subject, label = self.subject()
        group = self.pane.group
        if group is not None:
            label = f"{group.title}: {len(group.items)}, and what is done is done to all of them"
        self.details.look_at(subject, label)
        self._judge_keys()
        self._make_room()

    def _make_room(self) -> None:
        """Give the list the lines it needs, and the rest to the detail."""
        rows = self.pane.total
        room = next((step for step in STEPS if 0 < rows <= step), 0)
        if room != self._room:
            self._room, body = room, self.query_one("#body")
            body.set_class(room > 0, "-few")
            for step in STEPS:
                body.set_class(step == room, f"-rows-{step}")

    def _judge_keys(self) -> None:
        """Ask anew which keys fit, when what they would act on differs."""
        targets = [(it.id, it.status) for it in self.targets()]
        if targets != self._judged:
            self._judged = targets
            self.refresh_bindings()

    @on(LiveTable.Highlighted, "#list LiveTable")
    def _row_highlighted(self) -> None:
        """The cursor is painted first; the detail follows, while a key repeats once it rests."""
        before, self._moved = self._moved, monotonic()
        if self._looking:
            return
        self._looking = True
        if self._moved - before > REST:
            self.call_after_refresh(self._catch_up)
        else:
            self._wait_for_rest()

    def _wait_for_rest(self) -> None:
        left = REST - (monotonic() - self._moved)
        if left > 0:
            self.set_timer(left, self._wait_for_rest)
        else:
            self._catch_up()

    def _catch_up(self) -> None:
        """Let the detail be about the cursor's row, if it is not yet."""
        if self._looking and self.is_attached:
            self._looking = False
            self.look()

    @on(LiveTable.MarksChanged, "#list LiveTable")
    def _row_marked(self) -> None:
        self.look()

    @on(LiveTable.Selected, "#list LiveTable")
    def _row_selected(self) -> None:
        self.action_drill()

    @on(LiveTable.MenuWanted, "#list LiveTable")
    def _menu_wanted(self) -> None:
        self.action_menu()

    def action_drill(self) -> None:
        """Into the detail, or a group's rows; on a small screen it takes the whole screen."""
        self._catch_up()
        if self.pane.fold() or self.subject()[0] is None:
            return
        if self.has_class("-short"):
            self._resize(2, self.details)
        self.detail.take_focus()

    def action_back(self) -> None:
        """Out of the filter, the full size, the detail: one at a time."""
        if not self.go_back():
            self.pane.clear_filter()

    def go_back(self) -> bool:
        """False when this is the first level already."""
        if self.inner is not None and self.inner.step_back():
            return True
        if self.details.has_focus_within or self.size_step or self.focused is None:
            self._resize(0)
            self.pane.table.focus()
            return True
        return self.pane.clear_filter()

    def action_tab(self, by: int) -> None:
        self.detail.step(by)

    def action_show(self, name: str) -> None:
        """Bring a tab into view and put the keys there."""
        if name in self.TABS:
            self.show_in(self.details.place_of(name), name)

    def show_in(self, frame: Detail, name: str) -> None:
        """Bring a tab of a frame into view and put the keys there."""
        self._catch_up()
        frame.open(name)
        if self.has_class("-short"):
            self._resize(2, self.details)
        frame.take_focus()

    def action_across(self) -> None:
        """To the frame beside, or from the list to the detail and back."""
        other = self.details.other
        if not self.details.has_focus_within:
            self.action_drill()
        elif other is not None:
            other.take_focus()
        else:
            self.go_back()

    @work(group="split", exclusive=True, exit_on_error=False)
    async def action_split(self) -> None:
        """Two frames of tabs, or one again."""
        if len(self.details.frames) > 1:
            await self.details.join()
        elif len(self.TABS) > 1:
            keys = self.key_of("detail.other"), self.key_of("detail.split")
            if self.has_class("-short"):
                self._resize(2, self.details)
            await self.details.split("{} goes across · {} one frame".format(*keys))

    # --- sizes ------------------------------------------------------------------------------

    @property
    def size_step(self) -> int:
        return next((i for i, name in enumerate(SIZES) if name and self.has_class(name)), 0)

    def action_size(self, by: int) -> None:
        """The part with the focus grows."""
        part = self.details if self.details.has_focus_within else self.pane
        self._resize(max(0, min(len(SIZES) - 1, self.size_step + by)), part)

    def on_resize(self) -> None:
        self.call_after_refresh(self._fill_small)

    def _fill_small(self) -> None:
        """What the keys are in gets the whole of a screen that has become small."""
        if self.has_class("-short") and self.details.has_focus_within and not self.size_step:
            self._resize(2, self.details)

    def _resize(self, step: int, part: Widget | None = None) -> None:
        self.set_class(step > 0 and part is self.details, "-grow-detail")
        for index, name in enumerate(SIZES):
            if name:
                self.set_class(index == step, name)

    def unmark(self, keys: Iterable[str]) -> None:
        """What was asked of these rows is done."""
        self.pane.table.unmark(keys)

    # --- keys of every list -----------------------------------------------------------------

    def action_filter(self) -> None:
        self.busy.start_filter()

    @work(group="dialog", exit_on_error=False)
    async def action_sort(self) -> None:
        pane = self.busy
        columns = pane.sortable()
        options, letters = lettered([(it.key, it.title.lower() or it.key) for it in columns])
        options.insert(0, ("", "   as at first"))
        choice = Choose("Sort by", options, keys=letters, first=self.pane.sorted_by)
        chosen = await self.app.push_screen_wait(choice)
        if chosen is not None:
            falling = str(chosen) in FALLING
            pane.sort_by(str(chosen), descending=falling)

    @on(ListPane.Sorted, "#list")
    def _sorted(self, event: ListPane.Sorted) -> None:
        """An order is kept for the next time."""
        event.stop()
        self.dock.remember_order(self.SCOPE, event.order)

    def action_reverse(self) -> None:
        pane = self.busy
        pane.sort_by(pane.sorted_by, descending=not pane.descending)

    @work(group="dialog", exit_on_error=False)
    async def action_group(self) -> None:
        """Choose what rows have in common."""
        ways = groups.ways(self.pane.groupable, self.WAYS)
        if not ways:
            self.notify("nothing here has labels", title="No groups")
            return
        options = [("", "nothing: one list"), *ways]
        choice = Choose("Group by", options, first=self.pane.grouped_by)
        chosen = await self.app.push_screen_wait(choice)
        if chosen is not None:
            self.pane.group_by(chosen)
            self.refresh_bindings()
            self.dock.remember_group(self.SCOPE, chosen)

    @property
    def _tree(self) -> Tab | None:
        return self.inner if self.inner is not None and self.inner.FOLDS else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nobody is told of a key for folding where nothing folds."""
        if action == "fold_all" and not (self.pane.grouped_by or self._tree):
            return False
        return super().check_action(action, parameters)

    def action_fold_all(self) -> None:
        """The branches of the tree that has the keys, else the groups of the list."""
        (self._tree or self.pane).fold_all()

    @work(group="dialog", exit_on_error=False)
    async def action_columns(self) -> None:
        """Choose and order the columns; remembered for the next time."""
        table = self.pane.table
        chosen = await self.app.push_screen_wait(
            ChooseColumns(table.columns, table.shown, table.chosen, table.widths)
        )
        if chosen is not None:
            table.choose_columns(chosen)
            self.dock.remember_columns(self.SCOPE, chosen)

    @work(group="dialog", exit_on_error=False)
    async def action_menu(self) -> None:
        """Every verb of this pane with its key; the chosen one is done."""
        targets = self.targets()
        verbs = [
            verb
            for verb in in_scope(self.SCOPE)
            if verb.key and (not (verb.call or verb.either) or fits(verb, targets))
        ]
        options = [
            (it.id, keyed(f"{self.key_of(it.id):<4}", f"{self._meaning(it, targets):<15}", it.help))
            for it in verbs
        ]
        keys = {key: it.id for it in verbs for key in self.keys_of(it.id)}
        title = f"Actions on {self.aim()}" if self.aim() else "Actions"
        chosen = await self.app.push_screen_wait(Choose(title, options, keys=keys))
        if chosen:
            await self.run_action(VERBS[str(chosen)].binding_action)

    def aim(self) -> str:
        """What an action would be done to, in a few words."""
        keys, group = self.pane.keys, self.pane.group
        if self.pane.table.marked or group:
            return f"{len(keys)} marked" if group is None else f"{group.title} ({len(keys)})"
        return self.subject()[1].partition(" · ")[0]

    def _meaning(self, verb: Verb, targets: Sequence[Container]) -> str:
        """The title of a verb; of two meanings the one that it has now."""
        found = shared(verb, targets) if verb.either else []
        return found[0][0].title if found else verb.title

    @work(group="dialog", exit_on_error=False)
    async def action_yank(self) -> None:
        """Copy something of the chosen row to the clipboard."""
        inside = dict(self.inner.yankable()) if self.inner else {}
        found = inside or dict(self.yankable())
        if not found:
            return
        found |= {"line": self.busy.line()} if self.busy.line() else {}
        found |= {} if inside else {JSON: "everything, as `inspect` shows it"}
        lines = [(word, f"{word:<10}{' '.join(text.split())}") for word, text in found.items()]
        options, letters = lettered(lines)
        chosen = await self.app.push_screen_wait(Choose("Copy what?", options, keys=letters))
        if not chosen:
            return
        with self.presented():
            text = await self.as_json() if chosen == JSON else found[str(chosen)]
            self.app.copy_to_clipboard(text)
            said = fmt.count(text.count("\n") + 1, "line") if "\n" in text else text
            self.notify(said, title=f"Copied {chosen}", markup=False)
