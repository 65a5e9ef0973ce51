"""What the command palette offers: the verbs that fit where you are, and every container."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.markup import escape

from tuidock.verb import Verb
from tuidock.verbs import VERBS, fits

if TYPE_CHECKING:
    from tuidock.app import TuidockApp


def _offered(screen: Any) -> Iterator[tuple[str, Verb]]:
    """(text, verb) for all that makes sense on this screen."""
    scope = getattr(screen, "SCOPE", "")
    targets = list(screen.targets()) if scope else []
    name = targets[0].name if len(targets) == 1 else f"{len(targets)} containers"
    for verb in VERBS.values():
        if verb.either or verb.scope not in ("everywhere", "list", scope, _tab_scope(screen)):
            continue
        if verb.id == "app.palette":
            continue
        if not verb.call:
            yield verb.title, verb
        elif targets and fits(verb, targets):
            yield f"{verb.title} {name}", verb


def _tab_scope(screen: Any) -> str | None:
    """That of the tab in view."""
    detail = getattr(screen, "detail", None)
    return (detail.tab.SCOPE or None) if detail else None


class VerbCommands(Provider):
    """The verbs."""

    async def discover(self) -> Hits:
        """Without a query: what belongs to this pane, then where else to go."""
        offered = [(text, verb) for text, verb in _offered(self.screen) if verb.scope != "list"]
        for text, verb in sorted(offered, key=lambda pair: pair[1].scope == "everywhere"):
            yield DiscoveryHit(text, partial(self._do, verb), help=self._help(verb))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for text, verb in _offered(self.screen):
            if (score := matcher.match(text)) > 0:
                do = partial(self._do, verb)
                yield Hit(score, matcher.highlight(text), do, help=self._help(verb))

    async def _do(self, verb: Verb) -> None:
        where: Any = self.app if verb.scope == "everywhere" else self.screen
        if verb.scope == _tab_scope(self.screen):
            where = where.detail.tab
        await self.app.run_action(verb.binding_action, where)

    def _help(self, verb: Verb) -> str:
        """What it does, its key as it is now, and the command that does the same."""
        remapped = cast("TuidockApp", self.app).config.keys.get(verb.id, verb.key)
        key = self.app.get_key_display(Binding(remapped.split(",")[0], "")) if remapped else ""
        said = [verb.help, key and f"({key})", verb.command and f"tuidock {self._command(verb)}"]
        return escape("   ".join(filter(None, said)))

    def _command(self, verb: Verb) -> str:
        screen: Any = self.screen
        targets = list(screen.targets()) if getattr(screen, "SCOPE", "") else []
        names = " ".join(it.name for it in targets[:3]) or "NAME"
        return verb.command.replace("{}", names if verb.scope != "images" else "IMAGE")


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
