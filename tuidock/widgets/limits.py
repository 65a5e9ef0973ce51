"""LimitsPane: turn CPU, memory and pids of a running container, and see how much it needs.

Knows keys and how a `LimitsModel` looks. Invariant: nothing changes before Enter (or `z`), and
then exactly what the pane shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from tuidock.engine.types import Limits, Sample
from tuidock.widgets.limits_model import KINDS, Amount, Kind, LimitsModel, Line
from tuidock.widgets.paint import first_fitting
from tuidock.widgets.plot import gauge

ROWS = 4
"""Lines of one limit, the empty one below it included."""
WANTED, QUIET = "$text-accent bold", "$foreground 60%"
TYPED = frozenset("0123456789.%kKmMgGbBiI")


class LimitsPane(Widget, can_focus=True):
    """Three limits, one under the other."""

    DEFAULT_CSS = """
    LimitsPane {
        height: auto;
        padding: 1 2;
        background: $surface;
        color: $foreground;
        &:dark { background: $background; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "choose(1)", "Next", show=False, id="limits.next"),
        Binding("k,up", "choose(-1)", "Previous", show=False, id="limits.previous"),
        Binding("right,plus", "step(1)", "More", id="limits.more", tooltip="shift: ten steps"),
        Binding("left,minus", "step(-1)", "Less", id="limits.less", tooltip="shift: ten steps"),
        Binding("shift+right", "step(10)", "Much more", show=False, id="limits.much_more"),
        Binding("shift+left", "step(-10)", "Much less", show=False, id="limits.much_less"),
        Binding("equals_sign", "suggest", "Suggested", id="limits.suggested"),
        Binding("enter", "apply", "Apply", id="limits.apply"),
        Binding("z", "undo", "Undo", id="limits.undo"),
        Binding("backspace", "erase", "Erase", show=False, id="limits.erase"),
        Binding("escape", "forget", "Never mind", show=False, id="limits.forget"),
    ]

    class Changed(Message):
        """The user wants these limits: None fields stay, 0 lifts a limit."""

        def __init__(self, pane: LimitsPane, limits: Limits) -> None:
            super().__init__()
            self.pane = pane
            self.limits = limits

        @property
        def control(self) -> LimitsPane:
            return self.pane

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.model = LimitsModel()
        self._chosen = 0

    # --- what it is told -------------------------------------------------------------------

    def clear(self) -> None:
        """Another container: forget peaks, wishes and undo."""
        self.model = LimitsModel()
        self.refresh()

    def set_limits(self, limits: Limits) -> None:
        """The limits in force."""
        self.model.in_force(limits)
        self.refresh()

    def set_sample(self, sample: Sample) -> None:
        """The newest measurement."""
        self.model.measured(sample)
        self.refresh()

    def set_samples(self, samples: Sequence[Sample]) -> None:
        """Measurements, oldest first: the last is the use, all of them make the peaks."""
        for sample in samples:
            self.model.measured(sample)
        self.refresh()

    def refuse(self, limits: Limits, reason: str) -> None:
        """The engine said no: these limits still hold."""
        self.model.in_force(limits)
        self.model.problem = reason
        self.refresh()

    # --- keys --------------------------------------------------------------------------------

    @property
    def kind(self) -> Kind:
        """The limit that is chosen."""
        return KINDS[self._chosen]

    def action_choose(self, step: int) -> None:
        self._choose((self._chosen + step) % len(KINDS))

    def _choose(self, place: int) -> None:
        self.model.typing = self.model.problem = ""
        self._chosen = place
        self.refresh()

    def action_step(self, steps: int) -> None:
        self.model.step(self.kind, steps)
        self.refresh()

    def action_suggest(self) -> None:
        self.model.suggest(self.kind)
        self.refresh()

    def action_erase(self) -> None:
        self.model.erase(self.kind)
        self.refresh()

    def action_forget(self) -> None:
        self.model.forget()
        self.refresh()

    def action_apply(self) -> None:
        self._post(self.model.changes())

    def action_undo(self) -> None:
        change = self.model.undo()
        if change is None:
            self.app.bell()
        self._post(change)

    def _post(self, change: Limits | None) -> None:
        self.refresh()
        if change is not None:
            self.post_message(self.Changed(self, change))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape and backspace are ours only while something is wanted."""
        return self.model.pending if action in ("forget", "erase") else True

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return character is not None and character in TYPED

    def on_key(self, event: events.Key) -> None:
        """Digits begin a value; letters belong to it only once it has begun."""
        character = event.character or ""
        if character in TYPED and character and (self.model.typing or character in "0123456789."):
            event.stop()
            event.prevent_default()
            self.model.type(self.kind, character)
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and offset.y // ROWS < len(KINDS):
            self._choose(offset.y // ROWS)

    # --- looks -------------------------------------------------------------------------------

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return ROWS * len(KINDS) - 1

    def render(self) -> RenderResult:
        width = self.content_size.width
        blocks = []
        for place, kind in enumerate(KINDS):
            chosen = place == self._chosen and self.has_focus
            blocks.append(self._block(self.model.line(kind), width, chosen=chosen))
        return Content("\n\n").join(blocks)

    def _block(self, line: Line, width: int, *, chosen: bool) -> Content:
        bar = Content("  ") + gauge(share(line), max(8, width - 2), label(line))
        words = Content.styled("  " + first_fitting(told(line), width - 2), QUIET)
        if chosen and self.model.problem:
            words = Content.styled(f"  {self.model.problem}", "$text-error")
        heading, hint = (
            self._heading(line, chosen=chosen),
            Content.styled("   Enter applies", QUIET),
        )
        if line.wanted is not None and heading.cell_length + hint.cell_length <= width:
            heading += hint
        lines = [heading, bar, words]
        return Content("\n").join([each.truncate(width, ellipsis=True) for each in lines])

    def _heading(self, line: Line, *, chosen: bool) -> Content:
        mark = Content.styled("▸ " if chosen else "  ", "$text-accent bold")
        title = Content.styled(f"{line.kind.title:<8}", "bold")
        parts = [mark, title, Content(limit_text(line.kind, line.limit))]
        typing = self.model.typing if chosen else ""
        wanted = "" if line.wanted is None else limit_text(line.kind, line.wanted)
        if typing or wanted:
            parts.append(Content.styled(f" → {typing}▏" if typing else f" → {wanted}", WANTED))
        if typing and wanted not in ("", typing):
            parts.append(Content.styled(wanted, WANTED))
        return Content.assemble(*parts)


def limit_text(kind: Kind, amount: Amount) -> str:
    """A limit in words."""
    if not amount:
        return "no limit"
    unit = {"cpus": " core" if amount == 1 else " cores"}.get(kind.field, "")
    return kind.typed(amount) + unit


def share(line: Line) -> float | None:
    """Use as a share of the limit in force; None without one."""
    return line.use / line.limit if line.limit else None


def label(line: Line) -> str:
    part = share(line)
    return f"{part:>4.0%}" if part is not None else "   –"


def told(line: Line) -> list[str]:
    """Use, peak and suggestion in words: at length, and shorter."""
    if not line.peak:
        return ["nothing measured yet"]
    words = f"now {line.kind.shown(line.use)} · peak {line.kind.shown(line.peak)}"
    if not line.suggestion or line.suggestion == line.limit:
        return [words]
    suggestion = limit_text(line.kind, line.suggestion)
    return [f"{words} · suggested {suggestion} (=)", f"{words} · = {suggestion}", words]
