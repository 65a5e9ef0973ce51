"""The first line and the last line of every screen: where you are, and what you can press.

Both paint themselves only when their text differs.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import RenderResult
from textual.binding import Binding
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from tuidock import format as fmt
from tuidock.engine.types import Status
from tuidock.notices import PATIENCE, Notice
from tuidock.verbs import TABS, VERBS, in_scope
from tuidock.widgets.paint import chosen
from tuidock.world import World

PANES = [verb for verb in VERBS.values() if verb.id.startswith("pane.")]
READ_ONLY = "read-only"
"""The fact that has its place on any screen."""
_ORDER = {name: index for index, name in enumerate(VERBS)}


class TitleBar(Widget):
    """The panes on the left, the host on the right."""

    DEFAULT_CSS = """
    TitleBar {
        height: 1; dock: top; background: $panel; color: $foreground;
        link-color: $quiet; link-style: none; link-background: $panel;
        link-color-hover: $foreground; link-background-hover: $boost; link-style-hover: none;
    }
    """
    facts: reactive[tuple[str, ...]] = reactive(())

    def __init__(self, scope: str) -> None:
        super().__init__()
        self._scope = scope

    def show(self, world: World) -> None:
        """Take the facts out of the World; the longest come last and are dropped first."""
        only = [READ_ONLY] if getattr(self.app, "read_only", False) else []
        self.facts = (*only, *_facts(world))

    def render(self) -> RenderResult:
        return _spread(Content("").join(self._left()), self.facts, self.size.width)

    def _left(self) -> list[Content]:
        """The name, then the panes; shorter, or without the name, when the first fact needs it."""
        room = self.size.width - (len(self.facts[0]) + 3 if self.facts else 0)
        parts: list[Content] = []
        for name, short in ((" tuidock ", False), (" ", False), (" ", True)):
            panes = [self._pane(verb.key, verb.title, short=short) for verb in PANES]
            parts = [Content.styled(name, "bold $accent"), *panes]
            if sum(part.cell_length for part in parts) <= room:
                break
        return parts

    def pane_places(self) -> list[tuple[str, str, int]]:
        """Name, key and column of each pane."""
        name, *panes = self._left()
        found, x = [], name.cell_length
        for verb, part in zip(PANES, panes, strict=True):
            found.append((verb.title.lower(), verb.key, x + 1))
            x += part.cell_length
        return found

    def _pane(self, key: str, title: str, *, short: bool) -> Content:
        """On a narrow screen the panes that are not here show their number and a few letters."""
        name = title.lower()
        if name == self._scope:
            style = chosen(self.app.theme_variables)
            return Content.styled(f" {key} {title} ", style)
        shown = title[:3] if short else title
        return Content.from_markup(f"[@click=app.pane('{name}')] {key} {shown} [/]")


def _facts(world: World) -> list[str]:
    if world.info is None:
        return ["reading the store"]
    info = world.info
    facts = []
    moving = [pull for pull in world.pulls.values() if pull.running]
    if moving:
        share = sum(pull.fraction for pull in moving) / len(moving)
        facts.append(f"pulling {share:.0%}")
    facts.append(f"{world.count(Status.RUNNING)} of {len(world.containers)} running")
    facts.append(fmt.count(len(world.images), "image"))
    facts.append(f"{info.cpus} cpus, {fmt.size(info.memory)}")
    facts.append(f"cgroup {info.cgroup}")
    facts.append(info.root)
    return facts


def _spread(left: Content, facts: tuple[str, ...], width: int) -> Content:
    """As many facts as fit, right-aligned."""
    room = width - left.cell_length - 2
    kept: list[str] = []
    for fact in facts:
        if len(" · ".join([*kept, fact])) > room:
            break
        kept.append(fact)
    text = " · ".join(kept)
    gap = " " * max(0, width - left.cell_length - len(text) - 1)
    return Content.assemble(left, gap, (text, "$quiet"), " ")


class KeyBar(Widget):
    """The keys of the focused part, as many as fit; a click presses one."""

    DEFAULT_CSS = """
    KeyBar { height: 1; dock: bottom; background: $panel; color: $foreground; }
    """
    keys: reactive[tuple[tuple[str, str, str, bool], ...]] = reactive(())
    """(key as shown, label, action, enabled), most useful first."""
    notice: reactive[Notice | None] = reactive(None)
    """What was said a moment ago; the keys make room for it."""

    ALWAYS: ClassVar[tuple[str, ...]] = ("help",)
    """Actions that have their place whatever else there is; it is the last one."""

    _silence: Timer | None = None

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._look)
        self.call_after_refresh(self._look, self.screen)

    def _look(self, screen: Screen[object]) -> None:
        if not screen.is_attached:
            return
        if way_out := getattr(screen.focused, "WAY_OUT", ""):
            key = self.app.get_key_display(Binding(way_out, ""))
            self.keys = ((key, "Leave the shell", "", True), ("⇧PgUp", "Read back", "", True))
            return
        found: dict[str, tuple[Binding, bool]] = {}
        for active in screen.active_bindings.values():
            if active.binding.show:
                found.setdefault(active.binding.action, (active.binding, active.enabled))
        chosen = sorted(found.values(), key=lambda pair: _rank(pair[0]))
        self.keys = tuple(
            (self.app.get_key_display(binding), self._label(binding), binding.action, enabled)
            for binding, enabled in chosen
        )

    def tell(self, notice: Notice) -> None:
        """Show a notice for as long as it weighs."""
        self.notice = notice
        if self._silence is not None:
            self._silence.stop()
        self._silence = self.set_timer(PATIENCE[notice.severity], self._fall_silent)

    def _fall_silent(self) -> None:
        self.notice = None

    def _label(self, binding: Binding) -> str:
        relabel = getattr(self.screen, "label", None)
        return str(relabel(binding)) if relabel else binding.description

    def render(self) -> RenderResult:
        news = self.notice.words if self.notice else Content("")
        news = news.truncate(self.size.width - 2, ellipsis=True)
        width = self.size.width - (news.cell_length + 2 if news else 0)
        keys = self._fitting(width)
        if not news:
            return keys
        gap = " " * max(0, self.size.width - keys.cell_length - news.cell_length - 1)
        return Content.assemble(keys, gap, news, " ")

    def _fitting(self, width: int) -> Content:
        """As many keys as fit."""
        kept = [_key(*words, enabled=on) for *words, on in self.keys if words[2] in self.ALWAYS]
        room = width - 1 - sum(item.cell_length for item in kept)
        if room < 0:
            return Content("")
        parts: list[Content] = []
        for key, label, action, enabled in self.keys:
            item = _key(key, label, action, enabled=enabled)
            if item.cell_length > room:
                break
            if action not in self.ALWAYS:
                room -= item.cell_length
                parts.append(item)
        return Content.assemble(" ", *parts, *kept)


def _rank(binding: Binding) -> int:
    """Widgets' own keys first, then the verbs in the order of the table, then everywhere's."""
    everywhere = {verb.id for verb in in_scope("everywhere", "list")}
    if binding.id not in _ORDER or VERBS[binding.id].scope in TABS:
        return -1
    return _ORDER[binding.id] + (1000 if binding.id in everywhere else 0)


def _key(key: str, label: str, action: str, *, enabled: bool) -> Content:
    if not enabled:
        return Content.styled(f"{key} {label}  ", "$faint")
    return Content.assemble((key, "bold $footer-key-foreground"), (f" {label}  ", "$quiet"))
