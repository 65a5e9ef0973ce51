"""RunForm: a container to be, flag by flag, with the command that makes it.

Knows fields and where their problems are shown; what they mean is the command line's to say
(`run_flags`). Invariant: the command line at the bottom is always that of the form as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from tuidock.engine.types import ContainerSpec, Image
from tuidock.widgets.dialogs import Dialog
from tuidock.widgets.run_field import Cycle, Field, Group, Option
from tuidock.widgets.run_flags import YES, Reading, Values, flags, groups, read
from tuidock.widgets.run_spec import line_of

EXAMPLES = {
    "name": "made up when empty",
    "command": "the image's own",
    "env": "KEY=value  OTHER='two words'",
    "publish": "8080:80  127.0.0.1:5353:53/udp",
    "volume": "/host/dir:/inside:ro",
    "memory": "256m",
    "cpus": "1.5",
    "pids-limit": "100",
}
LABELS = {"publish": "ports", "volume": "mounts", "pids-limit": "pids"}
"""Shorter words for what most people fill in."""
TERMINALS = {"no": (), "-it": ("interactive", "tty"), "-i": ("interactive",), "-t": ("tty",)}
RESTARTS = ("no", "on-failure", "on-failure:3", "unless-stopped", "always")
SHARED = ("pid", "ipc", "uts")
TURNED: dict[str, Sequence[Option]] = {
    "restart": [("", "no"), *((word, word) for word in RESTARTS[1:])],
    "userns": [("", "auto"), ("host", "host"), ("keep-id", "keep-id")],
}


class Order(NamedTuple):
    """What the form asks for."""

    spec: ContainerSpec
    start: bool
    values: dict[str, str]
    """As it was typed."""


class RunForm(Dialog[Order | None]):
    """Ask for a container of an image."""

    DEFAULT_CSS = """
    RunForm {
        & > .dialog { width: 94; max-width: 96%; max-height: 96%; padding: 1 2 0 2; }
        & .fields { height: auto; scrollbar-size: 1 1; }
        & .row, & .basic { height: auto; }
        & #search { background: $background; padding: 0 1; margin-top: 1; color: $text-muted; }
        & #search:focus { background: $primary-muted; }
        & .together { display: none; color: $text-error; height: auto; margin-top: 1; }
        & .together.-wrong { display: block; }
        & .preview {
            height: auto; max-height: 4; margin-top: 1; padding: 0 1;
            background: $surface; color: $text-success;
        }
        & .preview.-wrong { color: $text-muted; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,ctrl+enter", "run", "Run", id="run.run", priority=True),
        Binding("ctrl+n", "create", "Create", id="run.create", priority=True),
        Binding("ctrl+y", "copy", "Copy the command", id="run.copy", priority=True),
        Binding("ctrl+f", "search", "Search the flags", id="run.search", priority=True),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(
        self,
        image: Image | str,
        values: Values | None = None,
        *,
        neighbours: Sequence[str] = (),
        replaces: str = "",
    ) -> None:
        """`values` fill the form in; `neighbours` are containers whose namespaces can be joined.

        `replaces` names the container that the new one takes the place of.
        """
        super().__init__()
        self._image = image
        self._reference = image if isinstance(image, str) else (image.tags or (image.id,))[0]
        self.values = dict(values or {})
        self._neighbours = tuple(neighbours)
        self._replaces = replaces

    # --- what is in it ---------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        verb = f"Recreate {self._replaces} from" if self._replaces else "Run"
        box = self.box(
            f"{verb} {self._reference}",
            VerticalScroll(*self._rows(), classes="fields", can_focus=False),
            Static(classes="together"),
            Static(classes="preview"),
            Horizontal(*self._buttons(), classes="buttons"),
        )
        box.border_subtitle = HINT
        yield box

    def _buttons(self) -> Iterator[Button]:
        yield Button("Cancel", id="no")
        if not self._replaces:
            yield Button("Create", id="create")
        yield Button("Recreate" if self._replaces else "Run", id="yes", variant="primary")

    def _rows(self) -> Iterator[Widget]:
        yield Vertical(*self._basic(), classes="basic")
        hint = "search all flags (ctrl+f), or open a group"
        yield Input(placeholder=hint, id="search", compact=True)
        for title, names in groups()[1:]:
            yield Group(title, names)

    def _basic(self) -> Iterator[Widget]:
        for name in ("name", "command", "env", "publish", "volume"):
            yield self._field(name)
        limits = ("memory", "cpus", "pids-limit")
        shorts = (self._field(name, short=name != "memory") for name in limits)
        yield Horizontal(*shorts, classes="row")
        yield Horizontal(self._field("network"), self._field("restart"), classes="row")
        yield Horizontal(self._terminal(), self._field("rm"), classes="row")

    def _field(self, name: str, *, short: bool = False, far: bool = False) -> Field:
        classes = "-short" if short else "-far" if far else ""
        return Field(name, LABELS.get(name, name), self._entry(name), classes=classes)

    def _entry(self, name: str) -> Widget:
        value = self.values.get(name, "")
        if (options := self._options(name)) is not None:
            return Cycle(options, value, id=name)
        return Input(value, placeholder=self._example(name), id=name, compact=True)

    def _options(self, name: str) -> Sequence[Option] | None:
        flag = flags().get(name)
        shared = [(f"container:{it}", f"container:{it}") for it in self._neighbours]
        if name == "network":
            return [("", "default"), *((it, it) for it in ("bridge", "host", "none")), *shared]
        if name in SHARED:
            return [("", "its own"), ("host", "host"), *shared]
        if flag is not None and flag.switch:
            return [("", "no"), (YES, "yes")]
        if flag is not None and flag.choices:
            return [("", flag.choices[0]), *((it, it) for it in flag.choices[1:])]
        return TURNED.get(name)

    def _example(self, name: str) -> str:
        if name == "command" and isinstance(self._image, Image) and self._image.command:
            return " ".join(self._image.command)
        flag = flags().get(name)
        return EXAMPLES.get(name) or (flag and (flag.help or flag.metavar)) or ""

    def _terminal(self) -> Field:
        """Two flags that nearly always go together."""
        asked = tuple(name for name in ("interactive", "tty") if self.values.get(name))
        value = next(word for word, names in TERMINALS.items() if names == asked)
        entry = Cycle([(word, word) for word in TERMINALS], value, id="terminal")
        return Field("terminal", "terminal", entry)

    def on_mount(self) -> None:
        self.query_one("#name", Input).focus()
        for group in self.query(Group):
            if any(self.values.get(name) for name in group.names):
                group.open()
        self._show()

    def on_resize(self) -> None:
        """The fields scroll in what the rest leaves."""
        self.query_one(".fields").styles.max_height = max(6, self.size.height - 11)

    # --- while it is filled in ---------------------------------------------------------------

    @on(Group.Opened)
    async def _opened(self, event: Group.Opened) -> None:
        group = event.group
        await group.fill(self._field(name, far=True) for name in group.names)
        self._show()

    @on(Cycle.Changed)
    @on(Input.Changed)
    def _changed(self, event: Cycle.Changed | Input.Changed) -> None:
        if isinstance(event, Input.Changed) and event.input.id == "search":
            self._find(event.value.strip().lower())
        else:
            self._show()

    def _collect(self) -> None:
        """What is in the fields now; a group that was never opened keeps what it was given."""
        for field in self.query(Field):
            if field.flag == "terminal":
                asked = TERMINALS[field.value]
                self.values |= {it: YES if it in asked else "" for it in ("interactive", "tty")}
            else:
                self.values[field.flag] = field.value

    @property
    def reading(self) -> Reading:
        """What the form asks for as it stands."""
        self._collect()
        return read(self._reference, {name: it for name, it in self.values.items() if it.strip()})

    def _show(self) -> None:
        """Problems beside their fields, and the command line."""
        reading = self.reading
        for field in self.query(Field):
            field.tell(reading.problems.get(field.flag, ""))
        for group in self.query(Group):
            group.show_heading([name for name, value in self.values.items() if value.strip()])
        together = reading.problems.get("", "")
        self.query_one(".together", Static).set_class(bool(together), "-wrong").update(together)
        preview = self.query_one(".preview", Static)
        preview.set_class(reading.spec is None, "-wrong")
        preview.update(Content(self._line(reading)))
        for button in self.query("#yes, #create"):
            button.disabled = reading.spec is None

    def _line(self, reading: Reading) -> str:
        return f"$ {line_of(reading.words, 'run -d')}" if reading.spec else _count(reading.problems)

    @on(events.DescendantFocus)
    def _explain(self, event: events.DescendantFocus) -> None:
        """What the field with the focus is for, at the bottom of the frame."""
        flag = flags().get(event.widget.id or "")
        words = f"--{flag.name} {flag.metavar}".strip() if flag else ""
        box = self.query_one(".dialog")
        box.border_subtitle = Content(f"{words}: {flag.help}") if flag and flag.help else HINT

    # --- searching -----------------------------------------------------------------------------

    def action_search(self) -> None:
        self.query_one("#search", Input).focus()

    def _find(self, text: str) -> None:
        """Only flags whose name or help has the text; all of them when there is none."""
        self.query_one(".basic").display = not text
        for group in self.query(Group):
            wanted = {
                name for name in group.names if text in f"{name} {flags()[name].help.lower()}"
            }
            group.display = bool(wanted)
            if text and wanted:
                group.open()
            for field in group.query(Field):
                field.display = field.flag in wanted
            self.call_after_refresh(self._hide_others, group, wanted)

    def _hide_others(self, group: Group, wanted: set[str]) -> None:
        """Fields that were made only now."""
        for field in group.query(Field):
            field.display = field.flag in wanted

    # --- the end ---------------------------------------------------------------------------------

    @on(Input.Submitted, "#search")
    def _go_to_found(self, event: Input.Submitted) -> None:
        event.stop()
        found = [it for it in self.query("Group Field") if it.display and it.region]
        if found:
            found[0].query("Input, Cycle").first().focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if event.input.id != "search":
            self.action_run()

    def action_run(self) -> None:
        self._order(start=True)

    def action_create(self) -> None:
        if not self._replaces:
            self._order(start=False)

    def _order(self, *, start: bool) -> None:
        reading = self.reading
        if reading.spec is not None:
            values = {name: value for name, value in self.values.items() if value.strip()}
            self.dismiss(Order(reading.spec, start, values))
        elif wrong := next((name for name in reading.problems if self.query(f"#{name}")), ""):
            self.query_one(f"#{wrong}").focus()

    def action_copy(self) -> None:
        """The command line, for a script or a colleague."""
        reading = self.reading
        if reading.words:
            self.app.copy_to_clipboard(line_of(reading.words, "run -d"))
            self.notify("the command line is on the clipboard", title="Copied", timeout=2)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "no":
            self.dismiss(None)
        else:
            self._order(start=event.button.id == "yes")


HINT = "ctrl+s runs · ctrl+n creates · ctrl+y copies · esc cancels"


def _count(problems: dict[str, str]) -> str:
    number = len(problems)
    return "one thing to put right" if number == 1 else f"{number} things to put right"
