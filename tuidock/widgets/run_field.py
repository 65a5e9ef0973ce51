"""Fields of the run form: a line to type in, a few words to turn through, a group that opens.

Invariant: a field tells what it holds as the command line would have it typed, and shows its
problem beside itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

Option = tuple[str, str]
"""What is held, and how it is shown."""


class Cycle(Widget, can_focus=True):
    """One of a few words, on one line; space and the arrows go on."""

    DEFAULT_CSS = """
    Cycle { height: 1; width: auto; min-width: 12; background: $surface; padding: 0 1; }
    Cycle:focus { background: $primary-muted; color: $text-primary; text-style: bold; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,right,enter", "turn(1)", "Next", show=False),
        Binding("left", "turn(-1)", "Previous", show=False),
    ]

    class Changed(Message):
        """Another word is chosen."""

        def __init__(self, cycle: Cycle) -> None:
            super().__init__()
            self.cycle = cycle

    def __init__(self, options: Sequence[Option], value: str, *, id: str) -> None:
        """A value that is none of the options becomes one."""
        super().__init__(id=id)
        known = value in [held for held, _ in options]
        self._options = (*options, *([] if known else [(value, value)]))
        self.value = value

    def action_turn(self, step: int) -> None:
        held = [each for each, _ in self._options]
        self.value = held[(held.index(self.value) + step) % len(held)]
        self.refresh(layout=True)
        self.post_message(self.Changed(self))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.action_turn(1)

    def render(self) -> Text:
        return Text(f"‹ {dict(self._options)[self.value]} ›", no_wrap=True)


class Field(Vertical):
    """A label, something to fill in, and room for a problem."""

    DEFAULT_CSS = """
    Field {
        height: auto; width: 1fr;
        & > .line { height: 1; }
        & .label { width: 12; color: $text-muted; }
        & .line Input { width: 1fr; background: $surface; padding: 0 1; }
        & .line Input:focus { background: $primary-muted; }
        & > .problem { padding-left: 12; display: none; color: $text-error; height: auto; }
        &.-wrong > .problem { display: block; }
        &.-wrong .label { color: $text-error; }
        &.-short { padding-right: 2; }
        &.-short .label { width: auto; padding-right: 1; }
        &.-short > .problem { padding-left: 0; }
        &.-far .label { width: 24; }
        &.-far > .problem { padding-left: 24; }
    }
    """

    def __init__(self, name: str, label: str, entry: Widget, *, classes: str = "") -> None:
        super().__init__(id=f"field-{name}", classes=classes)
        self.flag, self._label, self._entry = name, label, entry

    def compose(self) -> ComposeResult:
        yield Horizontal(Static(self._label, classes="label"), self._entry, classes="line")
        yield Static(classes="problem")

    def tell(self, problem: str) -> None:
        """Show what is wrong, or that nothing is."""
        if self.is_mounted and problem != getattr(self, "_told", ""):
            self._told = problem
            self.set_class(bool(problem), "-wrong")
            self.query_one(".problem", Static).update(Content(problem))

    @property
    def value(self) -> str:
        entry = self._entry
        assert isinstance(entry, Input | Cycle)
        return entry.value


class Group(Vertical, can_focus=True):
    """A heading that opens; its fields are made when it does so for the first time."""

    DEFAULT_CSS = """
    Group {
        height: auto;
        & > .heading { height: 1; color: $text-muted; text-overflow: ellipsis; text-wrap: nowrap; }
        &:focus > .heading { background: $primary-muted; color: $text-primary; }
        & > .inside { height: auto; padding-left: 2; display: none; }
        &.-open > .inside { display: block; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,enter", "turn", "Open", show=False),
    ]

    class Opened(Message):
        """Its fields are wanted."""

        def __init__(self, group: Group) -> None:
            super().__init__()
            self.group = group

    def __init__(self, title: str, names: Sequence[str]) -> None:
        super().__init__(classes="group")
        self.title, self.names = title, tuple(names)
        self.made = False

    def compose(self) -> ComposeResult:
        yield Static(classes="heading")
        yield Vertical(classes="inside")

    def on_mount(self) -> None:
        self.show_heading(())

    def show_heading(self, filled: Iterable[str]) -> None:
        """The title, with what is filled in or what there is."""
        mark = "▾" if self.has_class("-open") else "▸"
        inside = [name for name in filled if name in self.names]
        tail = f"{len(inside)} set: {', '.join(inside)}" if inside else ", ".join(self.names)
        text = Content.assemble(f"{mark} {self.title:<10}", (tail, "$faint"))
        self.query_one(".heading", Static).update(text)

    def action_turn(self) -> None:
        self.set_class(not self.has_class("-open"), "-open")
        self.post_message(self.Opened(self))

    def open(self) -> None:
        if not self.has_class("-open"):
            self.action_turn()

    def on_click(self, event: events.Click) -> None:
        if event.widget is not None and event.widget.has_class("heading"):
            event.stop()
            self.focus()
            self.action_turn()

    async def fill(self, fields: Iterable[Field]) -> None:
        """Take the fields, once."""
        if not self.made:
            self.made = True
            await self.query_one(".inside", Vertical).mount(*fields)
