"""The table of things a user can do.

Key bindings, the command palette, the help screen, the key table of the README and the greying
of keys are all made from it. Invariant: one verb, one id, one default key in its scope; what a
verb does to a container and in which statuses is written here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable

from tuidock.engine.types import Container
from tuidock.verb import Verb
from tuidock.verbs.everywhere import EVERYWHERE, LIST
from tuidock.verbs.in_tabs import IN_TABS
from tuidock.verbs.on_containers import LOSS, ON_CONTAINERS
from tuidock.verbs.on_images import ON_IMAGES, ON_REGISTRY
from tuidock.verbs.on_jobs import ON_JOBS

__all__ = ["LOSS", "SCOPES", "TABS", "VERBS", "fits", "in_scope", "meant", "shared"]

SCOPES = {
    "everywhere": "Everywhere",
    "list": "Lists",
    "containers": "Containers",
    "top": "Processes of a container",
    "files": "Files of a container",
    "env": "Env of a container",
    "inspect": "Everything as JSON",
    "images": "Images",
    "registry": "Registry",
    "events": "Events",
    "jobs": "Jobs",
    "done": "Done",
}
"""Where keys are heard, and how the help screen calls it; `everywhere` is heard in all."""
TABS = ("top", "files", "env", "inspect")
"""Scopes of tabs about a container: what is heard there goes before what its pane hears."""


VERBS: dict[str, Verb] = {
    verb.id: verb
    for verb in (*EVERYWHERE, *LIST, *ON_CONTAINERS, *IN_TABS, *ON_IMAGES, *ON_REGISTRY, *ON_JOBS)
}
"""Every verb by id, in the order help and palette show them."""


def in_scope(*scopes: str) -> list[Verb]:
    """The verbs heard in any of `scopes`."""
    return [verb for verb in VERBS.values() if verb.scope in scopes]


def fits(verb: Verb, containers: Iterable[Container]) -> bool:
    """Whether at least one of them is in a status that allows the verb."""
    return any(meant(verb, it) is not None for it in containers)


def shared(verb: Verb, containers: Iterable[Container]) -> list[tuple[Verb, Container]]:
    """The containers that a verb fits, each with what it means for them.

    A verb with two meanings has one at a time: what runs is stopped before anything is started.
    """
    every = tuple(containers)
    for step in (VERBS[name] for name in verb.either) if verb.either else (verb,):
        if found := [(step, it) for it in every if it.status in step.when]:
            return found
    return []


def meant(verb: Verb, it: Container) -> Verb | None:
    """The verb itself, or the one of its `either`, that fits the container's status."""
    if not verb.either:
        return verb if it.status in verb.when else None
    for name in verb.either:
        if it.status in VERBS[name].when:
            return VERBS[name]
    return None
