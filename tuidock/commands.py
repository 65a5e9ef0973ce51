"""What the command palette offers: all that can be done where you are, and every container.

Verbs come from the table, the rest from the bindings of the widgets in view. Invariant: what has
a key here has a line here, with that key and, where there is one, the command that does the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.dom import DOMNode
from textual.markup import escape
from textual.screen import Screen

from tuidock.verb import Verb
from tuidock.verbs import VERBS, fits

if TYPE_CHECKING:
    from tuidock.app import TuidockApp

EQUALS = {
    "log.follow": "logs -f {}",
    "log.times": "logs -t {}",
    "log.save": "logs {}",
    "log.range_tail": "logs -f {}",
    "log.range_head": "logs {}",
    **{f"log.range_{span}": f"logs --since {span} {{}}" for span in ("1m", "5m", "15m", "30m")},
    "log.range_1h": "logs --since 1h {}",
    "limits.apply": "update {}",
    "limits.until_exit": "update --until-exit {}",
}
"""Commands that do the same as the key of a widget."""
_KEYS = {step: verb.key for verb in VERBS.values() for step in verb.either}
"""Keys of verbs that share one."""


class Offer(NamedTuple):
    """One line of the palette."""

    id: str
    text: str
    help: str
    keys: str
    command: str
    action: str
    where: DOMNode


def offered(screen: Screen[Any]) -> Iterator[Offer]:
    """All that makes sense on this screen."""
    yield from _of_verbs(screen)
    found: set[str] = set()
    for node in _in_view(screen):
        for it in type(node).BINDINGS:
            if isinstance(it, Binding) and it.id and it.id not in VERBS and it.id not in found:
                found.add(it.id)
                text = f"{it.id.partition('.')[0].capitalize()}: {it.description.lower()}"
                command = EQUALS.get(it.id, "")
                yield Offer(it.id, text, it.tooltip or "", it.key, command, it.action, node)


def _of_verbs(screen: Any) -> Iterator[Offer]:
    scope, tab = getattr(screen, "SCOPE", ""), _tab(screen)
    targets = list(screen.targets()) if scope else []
    name = targets[0].name if len(targets) == 1 else f"{len(targets)} containers"
    for verb in VERBS.values():
        own = tab is not None and verb.scope == tab.SCOPE
        if verb.either or not (own or verb.scope in ("everywhere", "list", scope)):
            continue
        if verb.id == "app.palette" or (verb.call and not (targets and fits(verb, targets))):
            continue
        text = f"{verb.title} {name}" if verb.call else verb.title
        where = tab if own else screen.app if verb.scope == "everywhere" else screen
        yield _of_verb(verb, text, where)


def _of_verb(verb: Verb, text: str, where: DOMNode) -> Offer:
    keys = verb.key or _KEYS.get(verb.id, "")
    return Offer(verb.id, text, verb.help, keys, verb.command, verb.binding_action, where)


def _tab(screen: Any) -> Any:
    """The tab in view."""
    detail = getattr(screen, "detail", None)
    return detail.tab if detail else None


def _in_view(screen: Screen[Any]) -> Iterator[DOMNode]:
    """What has the focus and what is around it, then what the tab in view is made of."""
    if screen.focused is not None:
        yield from (it for it in screen.focused.ancestors_with_self if it.parent is not screen.app)
    if (tab := _tab(screen)) is not None:
        yield from tab.walk_children()


class VerbCommands(Provider):
    """What can be done."""

    async def discover(self) -> Hits:
        """Without a query: what belongs to this pane, then where else to go."""
        verbs = [it for it in _of_verbs(self.screen) if VERBS[it.id].scope != "list"]
        for it in sorted(verbs, key=lambda it: VERBS[it.id].scope == "everywhere"):
            yield DiscoveryHit(it.text, partial(self._do, it), help=self._help(it))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for it in offered(self.screen):
            if (score := matcher.match(it.text)) > 0:
                do = partial(self._do, it)
                yield Hit(score, matcher.highlight(it.text), do, help=self._help(it))

    async def _do(self, it: Offer) -> None:
        await self.app.run_action(it.action, it.where)

    def _help(self, it: Offer) -> str:
        """What it does, its key as it is now, and the command that does the same."""
        remapped = cast("TuidockApp", self.app).config.keys.get(it.id, it.keys)
        key = self.app.get_key_display(Binding(remapped.split(",")[0], "")) if remapped else ""
        said = [it.help, key and f"({key})", it.command and f"tuidock {self._command(it)}"]
        return escape("   ".join(filter(None, said)))

    def _command(self, it: Offer) -> str:
        screen: Any = self.screen
        targets = list(screen.targets()) if getattr(screen, "SCOPE", "") else []
        aim = screen.aim() if hasattr(screen, "aim") else ""
        return it.command.replace("{}", " ".join(it.name for it in targets[:3]) or aim or "NAME")


class ContainerCommands(Provider):
    """Go to a container by name."""

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        app = cast("TuidockApp", self.app)
        for it in app.world.containers.values():
            text = f"Go to {it.name}"
            if (score := matcher.match(text)) > 0:
                jump = partial(app.go_to, it.id)
                yield Hit(score, matcher.highlight(text), jump, help=f"{it.image}, {it.status}")
