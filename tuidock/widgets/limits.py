"""LimitsPane: turn the limits of containers that run, and see how much they need.

Knows keys, the mouse and the order of lines; a `LimitsModel` knows what they mean. Invariant:
nothing changes before Enter (or `z`), and then exactly what the pane shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_letters, digits
from typing import ClassVar, NamedTuple

from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.containers import ScrollableContainer
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.widget import Widget

from tuidock.engine.types import Bounds, Limits
from tuidock.widgets import cores
from tuidock.widgets.limits_kinds import Kind
from tuidock.widgets.limits_model import LimitsModel, Subject
from tuidock.widgets.limits_rows import QUIET, TITLE, allowed, row, toggled

TYPED = frozenset(f"{ascii_letters}{digits}.%") - frozenset("juz")
"""Other letters than those of units too: a wrong one is said, and opens nothing; `j`, `u` and `z`
are keys of the pane.
"""
LISTED = TYPED | frozenset(",-")
BEGINS = frozenset(f"{digits}.")
INDENT = 2


class Place(NamedTuple):
    """What a line of the pane is about."""

    kind: int
    map_row: int = -1
    """Which line of the map of cores; -1 for none."""
    column: int = 0
    """Where the map begins."""


class LimitsPane(Widget, can_focus=True):
    """Limits, one under the other."""

    DEFAULT_CSS = """
    LimitsPane {
        height: auto;
        padding: 0 1;
        background: $surface;
        color: $foreground;
        link-color: $text-accent; link-style: bold; link-background: transparent;
        link-color-hover: $background; link-background-hover: $text-accent;
        &:dark { background: $background; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "choose(1)", "Next", show=False, id="limits.next"),
        Binding("k,up", "choose(-1)", "Previous", show=False, id="limits.previous"),
        Binding("right", "step(1)", "More", id="limits.more", tooltip="shift: ten steps"),
        Binding("left,minus", "step(-1)", "Less", id="limits.less", tooltip="shift: ten steps"),
        Binding("shift+right", "step(10)", "Much more", show=False, id="limits.much_more"),
        Binding("shift+left", "step(-10)", "Much less", show=False, id="limits.much_less"),
        Binding("space", "turn_core", "Core on, off", id="limits.toggle"),
        Binding("equals_sign", "suggest", "Suggested", id="limits.suggested"),
        Binding("enter", "apply", "Apply", id="limits.apply"),
        Binding("z", "undo", "Undo", id="limits.undo"),
        Binding(
            "u",
            "until_exit",
            "Until exit",
            show=False,
            id="limits.until_exit",
            tooltip="for this run only, or for good",
        ),
        Binding("backspace", "erase", "Erase", show=False, id="limits.erase"),
        Binding("escape", "forget", "Never mind", show=False, id="limits.forget"),
    ]

    class Changed(Message):
        """The user wants these limits: None fields stay, 0 lifts a limit."""

        def __init__(
            self, pane: LimitsPane, limits: Mapping[str, Limits], *, keep: bool = True
        ) -> None:
            super().__init__()
            self.pane = pane
            self.limits = limits
            """By container id."""
            self.keep = keep
            """For good, not until the run ends only."""

        @property
        def control(self) -> LimitsPane:
            return self.pane

    class Moved(Message):
        """Another limit is chosen, or something else is wanted."""

        def __init__(self, pane: LimitsPane) -> None:
            super().__init__()
            self.pane = pane

        @property
        def control(self) -> LimitsPane:
            return self.pane

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.model = LimitsModel()
        self._chosen = 0
        self._core = 0
        """Index of the CPU under the cursor of the map."""
        self._lines: list[Content] = []
        self._places: list[Place] = []

    # --- what it is told -------------------------------------------------------------------

    def show(self, subjects: Sequence[Subject]) -> None:
        """Be about these containers as they are now."""
        self.model.show(subjects)
        self._draw()

    def set_bounds(self, bounds: Bounds | None) -> None:
        """What can be set on this machine."""
        self.model.bounds = bounds
        self._draw()

    def refuse(self, key: str, limits: Limits) -> None:
        """The engine said no for a container: these limits still hold."""
        self.model.refuse(key, limits)
        self._draw()

    # --- keys --------------------------------------------------------------------------------

    @property
    def kind(self) -> Kind:
        """The limit that is chosen."""
        kinds = self.model.kinds
        return kinds[min(self._chosen, len(kinds) - 1)]

    @property
    def machine(self) -> tuple[int, ...]:
        """The CPUs of the machine, as far as they are known."""
        return self.model.bounds.cpus if self.model.bounds else ()

    def action_choose(self, step: int) -> None:
        self.choose((self._chosen + step) % len(self.model.kinds))

    def choose(self, place: int) -> None:
        """Go to a limit; what is half typed ends, what is wanted elsewhere stays."""
        if place != self._chosen:
            self.model.typing = ""
        self._chosen = place
        self._told()
        self.call_after_refresh(self._scroll_there)

    def _scroll_there(self) -> None:
        lines = [index for index, it in enumerate(self._places) if it.kind == self._chosen]
        if lines and isinstance(self.parent, ScrollableContainer):
            region = Region(0, lines[0], 1, len(lines))
            self.parent.scroll_to_region(region, animate=False)

    def action_step(self, steps: int) -> None:
        """More or less of a limit; along the map of cores, the cursor moves."""
        if self.kind.is_list:
            self._core = max(0, min(len(self.machine) - 1, self._core + steps))
        else:
            self.model.step(self.kind, steps)
        self._told()

    def action_turn_core(self) -> None:
        """Turn the core under the cursor on or off."""
        if self.machine:
            line = self.model.line(self.kind)
            self.model.want(self.kind, toggled(line, self.machine, self.machine[self._core]))
        self._told()

    def action_suggest(self) -> None:
        self.model.suggest(self.kind)
        self._told()

    def action_erase(self) -> None:
        self.model.erase(self.kind)
        self._told()

    def action_forget(self) -> None:
        self.model.forget()
        self.model.keep = True
        self._told()

    def action_apply(self) -> None:
        self._post(self.model.changes())

    def action_undo(self) -> None:
        if not (changes := self.model.undo()):
            self.app.bell()
        self._post(changes)

    def action_until_exit(self) -> None:
        """What is wanted is for this run only, or for good again."""
        if all(it.runs for it in self.model.subjects):
            self.model.keep = not self.model.keep
        else:
            self.app.bell()
        self._told()

    def _post(self, changes: Mapping[str, Limits]) -> None:
        keep = self.model.keep
        if changes:
            self.model.keep = True
        self._told()
        if changes:
            self.post_message(self.Changed(self, changes, keep=keep))

    def _told(self) -> None:
        self._draw()
        self.post_message(self.Moved(self))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape and backspace are ours only while something is wanted, space on the map alone."""
        if action == "turn_core":
            return self.kind.is_list
        return self.model.pending if action in ("forget", "erase") else True

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return character is not None and self._belongs(character)

    def _belongs(self, character: str) -> bool:
        """Digits begin a value; letters and signs belong to it once it has begun."""
        begun = self.model.typing
        letters = LISTED if self.kind.is_list else TYPED
        return character in (letters if begun else BEGINS)

    def on_key(self, event: events.Key) -> None:
        character = event.character or ""
        if character and self._belongs(character):
            event.stop()
            event.prevent_default()
            self.model.type(self.kind, character)
            self._told()

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or not 0 <= offset.y < len(self._places):
            return
        place = self._places[offset.y]
        self.choose(place.kind)
        if place.map_row >= 0:
            room = self._map_room(place)
            core = cores.core_at(self.machine, room, offset.x - place.column, place.map_row)
            if core is not None:
                self._core = core
                self.action_turn_core()

    # --- looks -------------------------------------------------------------------------------

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, len(self._lines))

    def on_resize(self) -> None:
        self._draw()

    def on_focus(self) -> None:
        self._draw()

    def on_blur(self) -> None:
        self._draw()

    def render(self) -> RenderResult:
        return Content("\n").join(self._lines)

    def _draw(self) -> None:
        """Lay the lines out anew, and paint them if any differs."""
        if not self.is_attached:
            return
        lines, places = self._laid_out(self.content_size.width or 40)
        same = len(lines) == len(self._lines)
        if same and all(map(Content.is_same, lines, self._lines)):
            return
        self._lines, self._places = lines, places
        self.refresh(layout=not same)

    def _laid_out(self, width: int) -> tuple[list[Content], list[Place]]:
        lines, places = self._heading(width)
        for index, kind in enumerate(self.model.kinds):
            chosen = index == self._chosen
            typing = self.model.typing if chosen else ""
            line = self.model.line(kind)
            made = row(line, width, typing, chosen=chosen, focused=self.has_focus)
            if kind.is_list and chosen and self.machine and not line.lacking:
                drawn, where = self._map(kind, index, made, width)
                lines += drawn
                places += where
            else:
                lines.append(made)
                places.append(Place(index))
        return lines, places

    def _heading(self, width: int) -> tuple[list[Content], list[Place]]:
        """Of several containers, their names."""
        subjects = self.model.subjects
        if len(subjects) < 2:
            return [], []
        text = f"  {len(subjects)} containers: {', '.join(it.name for it in subjects)}"
        return [Content.styled(text, QUIET).truncate(width, ellipsis=True)], [Place(self._chosen)]

    def _map(
        self, kind: Kind, index: int, made: Content, width: int
    ) -> tuple[list[Content], list[Place]]:
        """The chosen map of cores: beside its title when it is short, else beneath."""
        line = self.model.line(kind)
        can = allowed(line, self.machine)
        inline = len(self.machine) * cores.cell_width(self.machine) <= width - TITLE - 12
        column = TITLE if inline and not self.model.typing else INDENT
        cursor = self._core if self.has_focus else None
        drawn = cores.core_map(self.machine, can, width - column, cursor)
        if column == TITLE:
            changed = (" ↵" if line.wanted is not None else "", "$text-accent bold")
            return [Content.assemble(made[:TITLE], drawn[0], changed)], [Place(index, 0, TITLE)]
        maps = [Content(" " * INDENT) + each for each in drawn]
        where = [Place(index, number, INDENT) for number in range(len(maps))]
        return [made, *maps], [Place(index), *where]

    def _map_room(self, place: Place) -> int:
        return self.content_size.width - place.column
