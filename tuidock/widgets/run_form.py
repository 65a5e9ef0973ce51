"""RunForm: everything most people give a container, on one screen, with the command that does it.

Knows fields and where their problems are shown; what they mean is `run_spec`. Invariant: the
command line at the bottom is always that of the form as it stands.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from tuidock.engine.types import ContainerSpec, Image
from tuidock.widgets.dialogs import Dialog
from tuidock.widgets.run_spec import NETWORKS, RESTARTS, Fields, command_line, read

TEXTS = {
    "name": ("Name", "made up when empty"),
    "command": ("Command", "the image's own"),
    "env": ("Variables", "KEY=value  OTHER='two words'"),
    "ports": ("Ports", "8080:80  127.0.0.1:5353:53/udp"),
    "mounts": ("Mounts", "/host/dir:/inside:ro  tmpfs:/run"),
    "memory": ("Memory", "256m"),
    "cpus": ("CPUs", "1.5"),
    "pids": ("PIDs", "100"),
}
LABELS = {"network": "Network", "restart": "Restart", "tty": "Terminal", "remove": "Remove"}
NO = "no"
USUAL_NETWORK = "bridge" if os.geteuid() == 0 else "none"
"""Only root can make the bridge."""
OPTIONS = {
    "network": NETWORKS,
    "restart": RESTARTS,
    "tty": (NO, "yes, -it"),
    "remove": (NO, "at its end"),
}


class Cycle(Widget, can_focus=True):
    """One of a few words, on one line; space and the arrows go on."""

    DEFAULT_CSS = """
    Cycle { height: 1; width: auto; min-width: 16; background: $surface; padding: 0 1; }
    Cycle:focus { background: $primary-muted; color: $text-primary; text-style: bold; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,right,enter", "turn(1)", "Next", show=False),
        Binding("left", "turn(-1)", "Previous", show=False),
    ]

    class Changed(Message):
        """Another word is chosen."""

    def __init__(self, options: Sequence[str], *, id: str) -> None:
        super().__init__(id=id)
        self._options = tuple(options)
        self.value = self._options[0]

    def action_turn(self, step: int) -> None:
        place = self._options.index(self.value) + step
        self.value = self._options[place % len(self._options)]
        self.refresh(layout=True)
        self.post_message(self.Changed())

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.action_turn(1)

    def render(self) -> Text:
        return Text(f"‹ {self.value} ›", no_wrap=True)


class RunForm(Dialog[ContainerSpec | None]):
    """Ask for a container of an image; the result is its spec."""

    DEFAULT_CSS = """
    RunForm {
        & > .dialog { width: 84; padding: 1 2 0 2; }
        & .fields { height: auto; }
        & .row { height: auto; }
        & .field { height: auto; width: 1fr; }
        & .line { height: 1; }
        & .label { width: 11; color: $text-muted; }
        & .short .label { width: auto; padding-right: 1; }
        & .short { padding-right: 2; }
        & .line Input { width: 1fr; background: $surface; padding: 0 1; }
        & .line Input:focus { background: $primary-muted; }
        & .field .problem { padding-left: 11; display: none; }
        & .short .problem { padding-left: 0; }
        & .field.-wrong .problem { display: block; }
        & .field.-wrong .label { color: $text-error; }
        & .preview {
            height: auto; max-height: 4; margin-top: 1; padding: 0 1;
            background: $surface; color: $text-success;
        }
        & .preview.-wrong { color: $text-muted; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,ctrl+enter", "run", "Run", id="run.run", priority=True),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, image: Image | str, defaults: Fields | None = None) -> None:
        """`defaults` fills the form in, for a container like another one."""
        super().__init__()
        self._image = image
        reference = image if isinstance(image, str) else (image.tags or (image.id,))[0]
        self._defaults = (defaults or Fields("", network=USUAL_NETWORK))._replace(image=reference)

    def compose(self) -> ComposeResult:
        box = self.box(
            f"Run {self._defaults.image}",
            VerticalScroll(*self._rows(), classes="fields"),
            Static(classes="preview"),
            Horizontal(
                Button("Cancel", id="no"),
                Button("Run", id="yes", variant="primary"),
                classes="buttons",
            ),
        )
        box.border_subtitle = "ctrl+s runs · esc cancels"
        yield box

    def _rows(self) -> list[Widget]:
        rows: list[Widget] = [self._text(f) for f in ("name", "command", "env", "ports", "mounts")]
        limits = [self._text(field, short=True) for field in ("memory", "cpus", "pids")]
        rows.append(Horizontal(*limits, classes="row"))
        rows += [self._choices("network", "restart"), self._choices("tty", "remove")]
        return rows

    def _choices(self, *fields: str) -> Widget:
        boxes = [self._field(f, LABELS[f], [Cycle(OPTIONS[f], id=f)]) for f in fields]
        return Horizontal(*boxes, classes="row")

    def _text(self, field: str, *, short: bool = False) -> Widget:
        label, placeholder = TEXTS[field]
        if field == "command" and isinstance(self._image, Image) and self._image.command:
            placeholder = " ".join(self._image.command)
        value = getattr(self._defaults, field)
        entry = Input(value, placeholder=placeholder, id=field, compact=True)
        return self._field(field, label, [entry], short=short)

    def _field(
        self, field: str, label: str, entries: Sequence[Widget], *, short: bool = False
    ) -> Widget:
        line = Horizontal(Static(label, classes="label"), *entries, classes="line")
        problem = Static(classes="problem")
        classes = "field short" if short and field != "memory" else "field"
        return Vertical(line, problem, id=f"field-{field}", classes=classes)

    def on_mount(self) -> None:
        for field, options in OPTIONS.items():
            given = getattr(self._defaults, field)
            self._cycle(field).value = options[given] if isinstance(given, bool) else given
        self.query_one("#name", Input).focus()
        self._show()

    def _cycle(self, field: str) -> Cycle:
        return self.query_one(f"#{field}", Cycle)

    @property
    def fields(self) -> Fields:
        """The form as it stands."""
        texts = {field: self.query_one(f"#{field}", Input).value for field in TEXTS}
        return Fields(
            self._defaults.image,
            **texts,
            network=self._cycle("network").value,
            restart=self._cycle("restart").value,
            tty=self._cycle("tty").value != NO,
            remove=self._cycle("remove").value != NO,
        )

    @on(Input.Changed)
    @on(Cycle.Changed)
    def _show(self) -> None:
        """Problems beside their fields, and the command line."""
        reading = read(self.fields)
        for field in (*TEXTS, "restart"):
            problem = reading.problems.get(field, "")
            box = self.query_one(f"#field-{field}")
            box.set_class(bool(problem), "-wrong")
            box.query_one(".problem", Static).update(Content(problem))
        preview = self.query_one(".preview", Static)
        preview.set_class(reading.spec is None, "-wrong")
        words = command_line(reading.spec) if reading.spec else _count(len(reading.problems))
        preview.update(Content(words if reading.spec is None else f"$ {words}"))
        self.query_one("#yes", Button).disabled = reading.spec is None

    @on(Input.Submitted)
    def action_run(self) -> None:
        reading = read(self.fields)
        if reading.spec is not None:
            self.dismiss(reading.spec)
        else:
            self.query_one(f"#{next(iter(reading.problems))}").focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "yes":
            self.action_run()
        else:
            self.dismiss(None)


def _count(problems: int) -> str:
    return "one thing to put right" if problems == 1 else f"{problems} things to put right"
