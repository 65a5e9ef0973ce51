"""What this machine can do for containers, and what to mend: shown at the first start, and by key.

Invariant: whatever goes wrong while it looks is a line here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tuidock import format as fmt
from tuidock.engine.errors import EngineError
from tuidock.engine.types import Finding
from tuidock.screens.facts import hanging
from tuidock.widgets.modal import Modal

if TYPE_CHECKING:
    from tuidock.app import TuidockApp

SIGNS = {
    "ok": ("✓", "$status-running"),
    "warning": ("!", "$status-paused"),
    "missing": ("✗", "$status-failed"),
}
WELCOME = "Welcome. n runs a container, ? shows the keys of where you are, : everything by name."
_WIDEST, _FRAME = 100, 7
OWN = ("j", "k", "up", "down", "pageup", "pagedown", "home", "end", "R", "y")
LEAVES = ("escape", "q", "enter", "0")


class DoctorScreen(Modal[None]):
    """A finding a line, with the command that mends it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll('scroll_down')", show=False),
        Binding("k,up", "scroll('scroll_up')", show=False),
        Binding("R", "look", "Look again", id="doctor.again"),
        Binding("y", "copy", "Copy", id="doctor.copy"),
        Binding(",".join(LEAVES), "dismiss", "Close", id="doctor.close"),
    ]
    DEFAULT_CSS = """
    DoctorScreen {
        align: center middle;
        & > VerticalScroll {
            width: 100; max-width: 96%; height: auto; max-height: 92%;
            border: round $border; background: $surface; padding: 1 2;
            scrollbar-size-vertical: 1;
            border-title-style: bold; border-subtitle-color: $text-muted;
        }
        & Static { height: auto; }
    }
    """

    def __init__(self, *, first: bool = False) -> None:
        """`first`: the interface has just been opened for the first time."""
        super().__init__()
        self._first = first
        self._findings: list[Finding] = []

    @property
    def _dock(self) -> TuidockApp:
        return cast("TuidockApp", self.app)

    def compose(self) -> ComposeResult:
        with VerticalScroll() as frame:
            frame.border_title = "Doctor"
            frame.border_subtitle = "R looks again · y copies · any other key closes"
            yield Static("looking at this machine …")

    def on_mount(self) -> None:
        self.action_look()

    @work(exclusive=True, exit_on_error=False)
    async def action_look(self) -> None:
        """Ask the engine."""
        try:
            self._findings = await self._dock.engine.doctor()
        except EngineError as error:
            self._findings = [Finding("doctor", "missing", error.message, error.hint)]
        except Exception as error:  # a bug in tuidock is a finding too, and told as one
            said = f"{type(error).__name__}: {error}"
            self._findings = [Finding("doctor", "missing", said, "please report it")]
            self._dock.report_bug(error)
        self._tell()

    def on_resize(self) -> None:
        if self._findings:
            self._tell()

    def _tell(self) -> None:
        said = report(self._findings, self._width, first=self._first)
        self.query_one(Static).update(said)

    @property
    def _width(self) -> int:
        """Columns for text: what the frame, its air and a scrollbar leave."""
        return min(_WIDEST, self.size.width * 96 // 100) - _FRAME

    def action_scroll(self, way: str) -> None:
        getattr(self.query_one(VerticalScroll), way)(animate=False)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(report(self._findings, self._width, first=False).plain)
        self.notify("copied", timeout=2)

    def on_key(self, event: events.Key) -> None:
        """Whoever knows what to do goes on with it: the key is for the screen below."""
        if event.key in (*OWN, *LEAVES):
            return
        event.stop()
        self.dismiss()
        cast("TuidockApp", self.app).hear_again(event)


def report(findings: list[Finding], columns: int, *, first: bool) -> Content:
    """Everything in lines of so many columns, the worst first."""
    bad = [it for it in findings if it.state != "ok"]
    if bad:
        said = f"{fmt.count(len(bad), 'thing')} to mend, of {len(findings)} looked at"
        head = Content.styled(said, "bold $text-warning")
    else:
        head = Content.styled("This machine has all that containers need", "bold $status-running")
    welcome = [Content(WELCOME), Content()] if first else []
    width = max((len(it.name) for it in findings), default=0)
    ranked = sorted(findings, key=lambda it: ("missing", "warning", "ok").index(it.state))
    lines = [line for it in ranked for line in _lines(it, width, columns)]
    return Content("\n").join([*welcome, head, Content(), *lines])


def _lines(it: Finding, width: int, columns: int) -> list[Content]:
    sign, style = SIGNS[it.state]
    head = Content.assemble((f"{sign} ", style), f"{it.name:<{width}}  ")
    found = hanging(head, Content.styled(it.detail, "$quiet"), columns)
    if it.remedy and it.state != "ok":
        head = Content.styled(f"{'':<{width}}    → ", style)
        found += hanging(head, Content.styled(it.remedy, "bold"), columns)
    return found
