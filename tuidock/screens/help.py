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
            width: 112; max-width: 96%; height: 90%;
            border: round $border; background: $surface; padding: 0 2;
            scrollbar-size-vertical: 1;
            border-title-style: bold; border-subtitle-color: $text-muted;
        }
        & Static { width: auto; }
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
            frame.border_subtitle = r"change them in \[keys] by the id on the right"
            yield Static(self.text())

    def action_scroll(self, way: str) -> None:
        getattr(self.query_one(VerticalScroll), way)(animate=False)

    def text(self) -> Content:
        """Sections of keys, those of this pane first."""
        parts = [self._section(SCOPES[self._scope], _verb_lines(self._scope))]
        tabs = TABS if self._scope == "containers" else ()
        parts += [self._section(SCOPES[it], _verb_lines(it)) for it in tabs]
        parts += [self._section(NAMES[kind], widget_lines(kind)) for kind in self._kinds()]
        parts += [self._section(SCOPES[it], _verb_lines(it)) for it in ("list", "everywhere")]
        parts += [explained(title, lines) for title, lines in EXPLAINED]
        return Content("\n").join(parts)

    def _kinds(self) -> list[type[Widget]]:
        """Of the widgets, only the containers pane has logs and limits."""
        return list(WIDGETS) if self._scope == "containers" else [LiveTable]

    def _section(self, title: str, lines: Iterable[Line]) -> Content:
        found = [Content.styled(title, "bold $text-accent")]
        for keys, name, text, binding_id in lines:
            shown = " ".join(
                self.app.get_key_display(Binding(key.strip(), ""))
                for key in self._keys.get(binding_id, keys).split(",")
            )
            found.append(
                Content.assemble(
                    (f"{shown:>14}  ", "bold $footer-key-foreground"),
                    f"{name:<16}",
                    (f"{text:<46}", "$quiet"),
                    (binding_id, "$faint"),
                )
            )
        return Content("\n").join([*found, Content("")])


def explained(title: str, lines: Iterable[tuple[str, str]]) -> Content:
    """Words and what they mean, one below the other."""
    parts = [Content.styled(title, "bold $text-accent")]
    for word, text in lines:
        parts.append(Content.assemble((f"{word:>24}  ", "bold"), (text, "$quiet")))
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
