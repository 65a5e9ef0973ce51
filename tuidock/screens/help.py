"""Help made from the table of verbs and from the bindings of the widgets; nothing by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tuidock.matching import GRAMMAR
from tuidock.screens.facts import hanging
from tuidock.verbs import SCOPES, TABS, in_scope
from tuidock.widgets.limits import LimitsPane
from tuidock.widgets.log_lines import LogLines
from tuidock.widgets.logview import LogView
from tuidock.widgets.modal import Modal
from tuidock.widgets.moments import Moments
from tuidock.widgets.outline import Outline
from tuidock.widgets.table import LiveTable
from tuidock.widgets.timelines import Timelines

WIDGETS: tuple[type[Widget], ...] = (
    LiveTable,
    LogView,
    LogLines,
    LimitsPane,
    Outline,
    Moments,
    Timelines,
)
"""Widgets whose keys the help tells and the settings may change."""
NAMES = {
    LiveTable: "Moving and marking",
    LogView: "In the log (digits are ranges there, panes elsewhere)",
    LogLines: "Moving in the log",
    LimitsPane: "In the limits",
    Outline: "In the anatomy",
    Moments: "In the graphs of Stats and Limits",
    Timelines: "How long a time the graphs show (digits too)",
}

FIGURES = (
    ("CPU 100%", "One core busy all the time; four busy cores are 400%, as docker counts"),
    ("its curve", "Full height is its CPU limit, or without one a core, or the highest seen"),
    ("% LIMIT", "CPU as a share of what its limit allows; at 100% it is held back"),
    ("MEMORY", "Without the part of the page cache that can be given back at once"),
    ("K M G", "Powers of 1024"),
    ("NET", "Bytes a second in and out, all interfaces but lo"),
    ("PIDS", "Processes and threads"),
)
"""What the figures mean."""
EXPLAINED = (("Words of a filter", GRAMMAR), ("What the figures mean", FIGURES))
"""What is told after the keys."""

_WIDEST, _FRAME = 120, 7
"""Columns of the help at most, and what its frame, its air and a scrollbar take of them."""
_WITH_IDS, _IDS = 94, 23
"""From so many columns on the ids of the keys are told, in so many."""
Line = tuple[str, str, str, str]
"""Keys, title, help, id."""


class HelpScreen(Modal[None]):
    """The keys of a pane, with what the settings made of them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "Close", id="help.close"),
        Binding("j", "scroll('scroll_down')", show=False),
        Binding("k", "scroll('scroll_up')", show=False),
        Binding("g", "scroll('scroll_home')", show=False),
        Binding("G", "scroll('scroll_end')", show=False),
        Binding("ctrl+d,ctrl+f", "scroll('scroll_page_down')", show=False),
        Binding("ctrl+u,ctrl+b", "scroll('scroll_page_up')", show=False),
    ]

    DEFAULT_CSS = """
    HelpScreen {
        align: center middle;
        & > VerticalScroll {
            width: 120; max-width: 96%; height: 90%;
            border: round $border; background: $surface; padding: 0 2;
            scrollbar-size-vertical: 1;
            border-title-style: bold; border-subtitle-color: $text-muted;
        }
        & Static { width: 1fr; }
    }
    """

    def __init__(self, scope: str, keys: Mapping[str, str], focused: Widget | None = None) -> None:
        super().__init__()
        self._scope = scope
        self._keys = keys
        self._focused = focused

    def compose(self) -> ComposeResult:
        with VerticalScroll() as frame:
            frame.border_title = f"Keys: {SCOPES[self._scope]}"
            yield Static()

    def on_resize(self) -> None:
        """The ids of the keys are told where there is room."""
        width = min(_WIDEST, self.size.width * 96 // 100) - _FRAME
        self.query_one(Static).update(self.text(width))
        told = r"change them in \[keys] by the id on the right" if width >= _WITH_IDS else ""
        self.query_one(VerticalScroll).border_subtitle = told

    def action_scroll(self, way: str) -> None:
        getattr(self.query_one(VerticalScroll), way)(animate=False)

    def text(self, width: int = _WIDEST - _FRAME) -> Content:
        """Sections of keys, those of this pane first, in lines of at most that width."""
        tabs = TABS if self._scope == "containers" else ()
        sections = [(SCOPES[it], _verb_lines(it)) for it in (self._scope, *tabs)]
        sections += [(NAMES[kind], widget_lines(kind)) for kind in self._kinds()]
        sections += [(SCOPES[it], _verb_lines(it)) for it in ("list", "everywhere")]
        parts = [self._section(title, lines, width) for title, lines in sections]
        parts += [explained(title, lines, width) for title, lines in EXPLAINED]
        return Content("\n").join(parts)

    def _kinds(self) -> list[type[Widget]]:
        """Of the widgets, only the containers pane has logs and limits."""
        return list(WIDGETS) if self._scope == "containers" else [LiveTable]

    def _section(self, title: str, lines: Iterable[Line], width: int) -> Content:
        found = [Content.styled(title, "bold $text-accent")]
        for keys, name, text, binding_id in lines:
            shown = " ".join(
                self.app.get_key_display(Binding(key.strip(), ""))
                for key in self._keys.get(binding_id, keys).split(",")
            )
            head = Content.assemble(
                (f"{shown:>13}  ", "bold $footer-key-foreground"), f"{name:<16} "
            )
            found += _with_id(head, text, width, binding_id)
        return Content("\n").join([*found, Content("")])


def _with_id(head: Content, text: str, width: int, binding_id: str) -> list[Content]:
    """A key and what it does; where there is room, its id at the right."""
    says = Content.styled(text, "$quiet")
    if width < _WITH_IDS:
        return hanging(head, says, width)
    first, *more = hanging(head, says, width - _IDS - 1)
    gap = width - _IDS - first.cell_length
    return [Content.assemble(first.pad_right(gap), (binding_id, "$faint")), *more]


def explained(title: str, lines: Iterable[tuple[str, str]], width: int) -> Content:
    """Words and what they mean, one below the other."""
    parts = [Content.styled(title, "bold $text-accent")]
    for word, text in lines:
        head = Content.styled(f"{word:>24}  ", "bold")
        parts += hanging(head, Content.styled(text, "$quiet"), width)
    return Content("\n").join([*parts, Content("")])


def _verb_lines(scope: str) -> list[Line]:
    return [(v.key, v.title, v.help, v.id) for v in in_scope(scope) if v.key]


def widget_lines(kind: type[Widget]) -> list[Line]:
    """The keys of a widget that have an id, as it has them by default."""
    return [
        (it.key, it.description, it.tooltip or "", it.id)
        for it in kind.BINDINGS
        if isinstance(it, Binding) and it.id
    ]
