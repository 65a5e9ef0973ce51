"""The line under a log in which a pattern or a time is typed, and what was typed there.

Knows the four things that can be asked for; nothing of the log. Invariant: what is typed takes
effect as typed so far, and Escape forgets it.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from tuidock.widgets.log_search import Pattern

PLACEHOLDERS = {
    "/": "search: a regular expression",
    "&": "keep lines that match: a regular expression",
    "!": "leave out lines that match: a regular expression",
    "@": "time: 14:03, 5m ago as 5m, +30s from here, 14:00..14:10 keeps what is between",
}
CASES = ("smart case", "exact case", "any case")
EXACT = (None, True, False)


class Sought:
    """What the reader looks for: a pattern for each of `/`, `&` and `!`, and how they are read."""

    def __init__(self) -> None:
        self._texts = dict.fromkeys(PLACEHOLDERS, "")
        self._case = 0
        self._literal = False

    def text(self, kind: str) -> str:
        """What was typed."""
        return self._texts[kind]

    def type(self, kind: str, text: str) -> None:
        """Look for something else, or with an empty text for nothing."""
        self._texts[kind] = text

    def turn_case(self) -> None:
        """The next way to tell small letters from large ones."""
        self._case = (self._case + 1) % len(CASES)

    def turn_literal(self) -> None:
        """Regular expressions, or letters as they are."""
        self._literal = not self._literal

    def said(self) -> str:
        """How patterns are read, in words."""
        return f"{'letters' if self._literal else 'regex'} · {CASES[self._case]}"

    @property
    def search(self) -> Pattern | None:
        """What `/` looks for."""
        return self._pattern("/") if self._texts["/"] else None

    @property
    def filter(self) -> list[Pattern]:
        """What lines must match, `&`, and what they must not, `!`."""
        return [self._pattern(kind) for kind in "&!" if self._texts[kind]]

    def _pattern(self, kind: str) -> Pattern:
        return Pattern.typed(
            self._texts[kind],
            may_invert=kind == "&",
            inverse=kind == "!",
            exact=EXACT[self._case],
            literal=self._literal,
        )


class LogInput(Input):
    """Where it is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", show=False),
        Binding("alt+c", "turn('case')", "Case", show=False, id="log.case"),
        Binding("alt+r", "turn('literal')", "Letters", show=False, id="log.letters"),
    ]

    class Cancelled(Message):
        """Escape: forget the pattern."""

    class Turned(Message):
        """Patterns are to be read another way."""

        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what

    back: Widget | None = None
    """What had the focus before, and has it again when something was entered."""

    async def action_submit(self) -> None:
        self.screen.set_focus(self.back)
        await super().action_submit()

    def action_cancel(self) -> None:
        self.screen.set_focus(self.back)
        self.post_message(self.Cancelled())

    def action_turn(self, what: str) -> None:
        self.post_message(self.Turned(what))


class LogPrompt(Horizontal):
    """A sign, the input, and how patterns are read; hidden until asked for."""

    DEFAULT_CSS = """
    LogPrompt {
        height: 1; display: none; background: $panel;
        &.-open { display: block; }
        & #log-kind { width: 3; padding: 0 1; color: $text-accent; text-style: bold; }
        & #log-prompt { width: 1fr; height: 1; background: $panel; padding: 0; }
        & #log-reading { width: auto; padding: 0 1; color: $text-muted; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.kind = "/"

    def compose(self) -> ComposeResult:
        yield Static(id="log-kind")
        yield LogInput(compact=True, id="log-prompt")
        yield Static(id="log-reading")

    @property
    def input(self) -> LogInput:
        return self.query_one(LogInput)

    def ask(self, kind: str, sought: Sought) -> None:
        """Open, for one of the four kinds."""
        self.kind = kind
        line = self.input
        line.placeholder = PLACEHOLDERS[kind]
        with line.prevent(Input.Changed):
            line.value = sought.text(kind)
        self.query_one("#log-kind", Static).update(Content(kind))
        self.tell(sought)
        self.add_class("-open")
        line.back = self.screen.focused
        self.screen.set_focus(line)

    def tell(self, sought: Sought) -> None:
        """Say how patterns are read, where there is room."""
        said = f"alt+c alt+r  {sought.said()}" if self.app.size.width >= 100 else sought.said()
        self.query_one("#log-reading", Static).update(Content(said if self.kind != "@" else ""))

    def close(self) -> None:
        """Hide; the focus is for others to take."""
        self.remove_class("-open")
