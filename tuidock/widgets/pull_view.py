"""PullView: a pull while it happens, a bar for each layer.

Knows how a `Pulling` looks. Invariant: events may come as fast as they like, the screen changes
a few times a second.
"""

from __future__ import annotations

import time
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Static

from tuidock import format
from tuidock.engine.errors import EngineError
from tuidock.engine.events import LayerProgress, PullEvent
from tuidock.widgets.plot import gauge, span
from tuidock.widgets.pull_progress import Pulling, arrived
from tuidock.widgets.table import Column, LiveTable, Row

FRAME = 1 / 10
BESIDE = 48
"""Columns that are not the bar's."""

_PHASES = {
    "exists": ("✓ here already", "$quiet"),
    "waiting": ("· waiting", "$quiet"),
    "downloading": ("↓ downloading", "$text-primary"),
    "extracting": ("⇣ extracting", "$text-accent"),
    "retrying": ("↻ trying again", "$text-warning"),
    "done": ("✓ done", "$text-success"),
}


class PullView(Vertical):
    """Progress of one pull; `feed` it events."""

    DEFAULT_CSS = """
    PullView {
        height: 1fr;
        padding: 1 2;
        & > .pull-title { height: 1; text-style: bold; }
        & > .pull-words { height: 1; color: $text-muted; }
        & > .pull-total { height: 1; }
        & > LiveTable { height: 1fr; margin: 1 0; background: $surface; }
        & > .pull-buttons { height: auto; align-horizontal: right; }
        & > .pull-problem { color: $text-error; height: auto; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "cancel", "Cancel the pull", id="pull.cancel"),
    ]

    COLUMNS = (
        Column("layer", "LAYER", 12),
        Column("phase", "STATE", 15),
        Column("bar", "PROGRESS", 0),
        Column("size", "SIZE", 15, "right"),
    )

    class CancelRequested(Message):
        """The user wants no more of it; the view's owner closes the pull."""

        def __init__(self, view: PullView) -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> PullView:
            return self.view

    class Closed(Message):
        """The pull is over and the user has seen it."""

        def __init__(self, view: PullView) -> None:
            super().__init__()
            self.view = view

    def __init__(
        self, reference: str, *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.pulling = Pulling(reference)
        self._waiting = False
        self._over = False
        self._cancelling = False

    def compose(self) -> ComposeResult:
        yield Static(Content(self.pulling.reference), classes="pull-title")
        yield Static("asking the registry…", classes="pull-words")
        yield Static(classes="pull-total")
        yield LiveTable(self.COLUMNS, empty="no layers yet")
        yield Static(classes="pull-problem")
        yield Horizontal(Button("Cancel", id="pull-button"), classes="pull-buttons")

    @property
    def over(self) -> bool:
        """Whether the pull ended, one way or the other."""
        return self._over

    def feed(self, event: PullEvent) -> None:
        """Take an event in; it shows with the next frame."""
        self.pulling.apply(event, time.monotonic())
        self._over = self.pulling.pulled is not None
        if not self._waiting:
            self._waiting = True
            self.set_timer(FRAME, self._frame)

    def fail(self, error: EngineError) -> None:
        """The pull ended with an error, or was cancelled."""
        self._over = True
        text = f"{error.message}\n{error.hint}" if error.hint else error.message
        self.query_one(".pull-problem", Static).update(Content(text))
        self._frame()

    def _frame(self) -> None:
        self._waiting = False
        now = time.monotonic()
        bar = max(8, self.size.width - BESIDE)
        layers = self.pulling.layers.values()
        self.query_one(LiveTable).set_rows([row(layer, bar) for layer in layers])
        self.query_one(".pull-words", Static).update(Content(self._words(now)))
        total = gauge(self.pulling.fraction, self.size.width, self._share(), "$primary")
        self.query_one(".pull-total", Static).update(total)
        if self._over:
            self.query_one("#pull-button", Button).label = "Close"

    def _share(self) -> str:
        return f"{self.pulling.fraction:>4.0%}"

    def _words(self, now: float) -> str:
        pulling = self.pulling
        if pulling.pulled:
            new = "pulled" if pulling.pulled.new else "up to date already"
            return f"{new} · {format.size(pulling.total)} in {len(pulling.layers)} layers"
        if not pulling.layers:
            return "asking the registry…"
        told = [f"{format.size(pulling.done)} of {format.size(pulling.total)}"]
        if pulling.speed(now):
            told.append(format.rate(pulling.speed(now)))
        left = pulling.left(now)
        if left is not None and pulling.done < pulling.total:
            told.append(f"{span(left)} left")
        if self._cancelling:
            told.append("cancelling; what is here stays for the next time")
        return " · ".join(told)

    def action_cancel(self) -> None:
        if self._over:
            self.post_message(self.Closed(self))
        elif not self._cancelling:
            self._cancelling = True
            self.post_message(self.CancelRequested(self))
            self._frame()

    @on(Button.Pressed, "#pull-button")
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_cancel()


def row(layer: LayerProgress, bar: int) -> Row:
    """One layer's line."""
    words, style = _PHASES.get(layer.phase, (layer.phase, ""))
    share = arrived(layer) / layer.total if layer.total else 1.0
    colour = "$success" if layer.phase in ("done", "exists") else "$primary"
    sizes = format.size(layer.total)
    if layer.phase in ("downloading", "retrying"):
        sizes = f"{format.size(layer.done)} / {sizes}"
    return Row(
        layer.digest,
        (
            format.short_id(layer.digest),
            Content.styled(words, style),
            Content(layer.detail) if layer.detail else gauge(share, bar, style=colour),
            sizes,
        ),
    )
