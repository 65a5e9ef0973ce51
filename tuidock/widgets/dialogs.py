"""Small questions over the screen: confirm, ask, choose; and a failure in words.

Each is a `Modal` of one result, for `push_screen_wait`; None always means "never mind".
Invariant: Escape answers "never mind" everywhere, and a dangerous thing is never the default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Collapsible, Input, OptionList, Static
from textual.widgets.option_list import Option

from tuidock.engine.errors import EngineError
from tuidock.widgets.modal import Modal
from tuidock.widgets.reversible import Options

Result = TypeVar("Result")

Validate = Callable[[str], str]
"""From what was typed to what is wrong with it; nothing when it is right."""

_NARROWEST, _WIDEST, _FRAME = 40, 92, 9
"""Columns of the options of a `Choose`, and what frame, air and a scrollbar take."""
SOFT = "$foreground 75%"
"""What explains, readable on the chosen line as well."""
Choice = tuple[list[tuple[str, str | Content]], dict[str, str]]
"""Options of a `Choose`, and its keys."""


class Dialog(Modal[Result]):
    """A box in the middle, its buttons at the bottom right, Escape for "never mind"."""

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        background: $background 60%;
        & > .dialog {
            width: 64; max-width: 92%; height: auto; max-height: 92%;
            padding: 1 2; background: $panel; border: round $primary;
            border-title-color: $text-primary; border-title-style: bold;
            border-subtitle-color: $text-muted;
        }
        & > .dialog.-danger { border: round $error; border-title-color: $text-error; }
        & > .dialog > .buttons { height: auto; margin-top: 1; align-horizontal: right; }
        & .body { height: auto; }
        & .problem { color: $text-error; height: auto; }
        & .hint { color: $text-muted; height: auto; margin-top: 1; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "never_mind", "Cancel", id="dialog.cancel"),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    def box(self, title: str, *children: Widget, danger: bool = False) -> Vertical:
        """The box with a title."""
        box = Vertical(*children, classes="dialog -danger" if danger else "dialog")
        box.border_title = Content(title)
        return box

    def action_never_mind(self) -> None:
        self.dismiss(None)


class Confirm(Dialog[bool | None]):
    """Yes or no; `y` and `n` answer too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", show=False, id="dialog.yes"),
        Binding("n", "answer(False)", "No", show=False, id="dialog.no"),
    ]

    def __init__(
        self, title: str, body: str = "", *, dangerous: bool = False, yes: str = "Yes"
    ) -> None:
        """`yes` names the deed on its button; a dangerous one does not have the focus."""
        super().__init__()
        self._title, self._body, self._dangerous, self._yes = title, body, dangerous, yes

    def compose(self) -> ComposeResult:
        yield self.box(
            self._title,
            Static(Content(self._body), classes="body"),
            Horizontal(
                Button("Cancel", id="no"),
                Button(self._yes, id="yes", variant="error" if self._dangerous else "primary"),
                classes="buttons",
            ),
            danger=self._dangerous,
        )

    def on_mount(self) -> None:
        self.query_one("#no" if self._dangerous else "#yes", Button).focus()

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")


class Ask(Dialog[str | None]):
    """One line of text; what is wrong with it is said while it is typed."""

    def __init__(
        self,
        title: str,
        value: str = "",
        placeholder: str = "",
        validate: Validate | None = None,
        *,
        hint: str = "",
    ) -> None:
        super().__init__()
        self._title, self._value, self._placeholder, self._hint = title, value, placeholder, hint
        self._validate = validate or (lambda text: "")

    def compose(self) -> ComposeResult:
        yield self.box(
            self._title,
            Input(self._value, placeholder=self._placeholder),
            Static(classes="problem"),
            Static(Content(self._hint), classes="hint"),
            Horizontal(
                Button("Cancel", id="no"),
                Button("OK", id="yes", variant="primary"),
                classes="buttons",
            ),
        )

    def on_mount(self) -> None:
        self.query_one(".hint").display = bool(self._hint)
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        problem = self._validate(event.value) if event.value else ""
        self.query_one(".problem", Static).update(Content(problem))

    @on(Input.Submitted)
    def _submit(self) -> None:
        value = self.query_one(Input).value.strip()
        problem = self._validate(value)
        if problem:
            self.query_one(".problem", Static).update(Content(problem))
        else:
            self.dismiss(value)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "yes":
            self._submit()
        else:
            self.dismiss(None)


class Choose(Dialog[str | None]):
    """One of several; the result is the key of the option."""

    DEFAULT_CSS = """
    Choose OptionList {
        height: auto; max-height: 70vh; border: none; background: $panel; padding: 0;
        text-wrap: nowrap; text-overflow: ellipsis; scrollbar-size-vertical: 1;
        scrollbar-background: $panel; scrollbar-background-hover: $panel;
    }
    Choose OptionList:focus { border: none; background-tint: $foreground 0%; }
    Choose .body { color: $text-success; margin-bottom: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move('down')", show=False),
        Binding("k", "move('up')", show=False),
    ]

    def __init__(
        self,
        title: str,
        options: Sequence[tuple[str, str | Content]],
        *,
        first: str = "",
        keys: Mapping[str, str] | None = None,
        body: str = "",
    ) -> None:
        """`options` are (key, label); `first` is the key the cursor starts on.

        `keys` are keys of the keyboard that choose an option at once; `body` stands above.
        """
        super().__init__()
        self._title, self._options, self._first = title, tuple(options), first
        self._keys, self._body = keys or {}, body

    def compose(self) -> ComposeResult:
        lines = Options(*(Option(_label(label)) for _, label in self._options))
        above = [Static(Content(self._body), classes="body")] if self._body else []
        yield self.box(self._title, *above, lines)

    def on_key(self, event: events.Key) -> None:
        if event.key in self._keys:
            event.stop()
            self.dismiss(self._keys[event.key])

    def on_mount(self) -> None:
        widest = max((_label(label).cell_length for _, label in self._options), default=0)
        self.query_one(".dialog").styles.width = max(_NARROWEST, min(widest, _WIDEST)) + _FRAME
        lines = self.query_one(OptionList)
        keys = [key for key, _ in self._options]
        lines.highlighted = keys.index(self._first) if self._first in keys else 0
        lines.focus()

    def action_move(self, way: str) -> None:
        lines = self.query_one(OptionList)
        if way == "down":
            lines.action_cursor_down()
        else:
            lines.action_cursor_up()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._options[event.option_index][0])


def _label(label: str | Content) -> Content:
    return Content(label) if isinstance(label, str) else label


def keyed(key: str, title: str, text: str = "") -> Content:
    """A line of a menu: a key, a word, and what it means."""
    head = Content.assemble((f"{key:<3}", "bold $footer-key-foreground"), title)
    return Content.assemble(head, (f" {text}", SOFT)) if text else head


def lettered(
    options: Sequence[tuple[str, str]], free: str = "jk", *, short: bool = False
) -> Choice:
    """Options with a letter of their own in front, and the letters; `free` ones are not taken.

    `short`: the letters come from the last part of a key that has dots in it.
    """
    letters: dict[str, str] = {}
    lines: list[tuple[str, str | Content]] = []
    for key, label in options:
        word = key.rpartition(".")[2] if short else key
        own = next((c for c in word.lower() if c.isalpha() and c not in {*letters, *free}), "")
        letters |= {own: key} if own else {}
        lines.append((key, keyed(own, label)))
    return lines, letters


class Failure(Dialog[None]):
    """An error in words: what, what to do, and, folded away, why."""

    DEFAULT_CSS = """
    Failure {
        & .message { text-style: bold; height: auto; }
        & Collapsible { margin-top: 1; background: $panel; border: none; padding: 0; }
        & .details { color: $text-muted; height: auto; }
        & .chain { height: auto; max-height: 12; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy", show=False, id="dialog.copy"),
    ]

    def __init__(self, error: EngineError, title: str = "That did not work") -> None:
        super().__init__()
        self._error, self._title = error, title

    def compose(self) -> ComposeResult:
        causes = cause_chain(self._error)
        parts: list[Widget] = [Static(Content(self._error.message), classes="message")]
        if self._error.hint:
            parts.append(Static(Content(self._error.hint), classes="hint"))
        if causes:
            details = Static(Content("\n".join(causes)), classes="details")
            parts.append(Collapsible(VerticalScroll(details, classes="chain"), title="Why"))
        copy, close = Button("Copy", id="copy"), Button("Close", id="close", variant="primary")
        parts.append(Horizontal(copy, close, classes="buttons"))
        yield self.box(self._title, *parts, danger=True)

    def on_mount(self) -> None:
        self.query_one("#close", Button).focus()

    def action_copy(self) -> None:
        """Everything that is said, for a bug report."""
        lines = [self._error.message, self._error.hint, *cause_chain(self._error)]
        self.app.copy_to_clipboard("\n".join(line for line in lines if line))
        self.notify("copied", timeout=2)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "copy":
            self.action_copy()
        else:
            self.dismiss(None)


class Failures(Dialog[None]):
    """What failed of several, each with its reason."""

    DEFAULT_CSS = """
    Failures .list { height: auto; max-height: 16; }
    Failures .list Static { height: auto; }
    """

    def __init__(self, title: str, failed: Sequence[tuple[str, Exception]]) -> None:
        """`failed` are names and what went wrong with them."""
        super().__init__()
        self._title, self._failed = title, failed

    def compose(self) -> ComposeResult:
        parts = [
            Content.assemble((name, "bold"), "  ", (reason(error), "$text-error"))
            for name, error in self._failed
        ]
        found = VerticalScroll(Static(Content("\n").join(parts)), classes="list")
        close = Button("Close", id="close", variant="primary")
        yield self.box(self._title, found, Horizontal(close, classes="buttons"), danger=True)

    def on_mount(self) -> None:
        self.query_one("#close", Button).focus()

    @on(Button.Pressed)
    def _pressed(self) -> None:
        self.dismiss(None)


def reason(error: Exception) -> str:
    """An error in one line; one that is a bug says its kind."""
    if isinstance(error, EngineError):
        return f"{error.message} ({error.hint})" if error.hint else error.message
    return repr(error)


def cause_chain(error: BaseException) -> list[str]:
    """What led to an error, one line each, the nearest cause first."""
    lines: list[str] = []
    cause = error.__cause__
    while cause is not None and len(lines) < 20:
        lines.append(f"{type(cause).__name__}: {cause}")
        cause = cause.__cause__ or cause.__context__
    return lines
