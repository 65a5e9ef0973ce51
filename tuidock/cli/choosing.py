"""`--filter` of `ps`: which containers are meant, in docker's terms.

What must be looked up (images, other containers) is looked up once, when the filters are read.
"""

from __future__ import annotations

import re

from tuidock.cli.listing import Filters
from tuidock.cli.parser import UsageError
from tuidock.engine.types import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tuidock.engine.core import Core
    from tuidock.engine.types import Container, Port

KNOWN = frozenset(
    "ancestor before exited expose health id label name network publish since status volume".split()
)
_STATUSES = frozenset({*map(str, Status), "dead", "removing"})
_HEALTH = frozenset({"starting", "healthy", "unhealthy", "none"})
_WORDS = {"status": _STATUSES, "health": _HEALTH}


class Choice:
    """The containers that all filters want."""

    def __init__(self, core: Core, texts: Sequence[str]) -> None:
        """Raises UsageError for a filter that makes no sense, ContainerNotFound."""
        self.filters = filters = Filters(texts, set(KNOWN))
        for key, known in _WORDS.items():
            for value in filters.wanted.get(key, ()):
                if value not in known:
                    raise _invalid(key, value)
        for value in filters.wanted.get("exited", ()):
            if not value.removeprefix("-").isdigit():
                raise _invalid("exited", value)
        self.names = [_pattern(each) for each in filters.wanted.get("name", ())]
        self.images = _descendants(core, filters.wanted.get("ancestor", ()))
        self.before = _moments(core, filters.wanted.get("before", ()))
        self.since = _moments(core, filters.wanted.get("since", ()))

    def wants(self, it: Container) -> bool:
        return (
            self._is_named(it)
            and self._is_in_state(it)
            and self._is_of_image(it)
            and all(it.created < moment for moment in self.before)
            and all(it.created > moment for moment in self.since)
            and self._is_connected(it)
        )

    def _is_named(self, it: Container) -> bool:
        return (
            self.filters.labels(dict(it.labels))
            and self.filters.starts("id", it.id)
            and (not self.names or any(pattern.search(it.name) for pattern in self.names))
        )

    def _is_in_state(self, it: Container) -> bool:
        code = str(it.exit.code) if it.exit else ""
        return (
            self.filters.match("status", it.status)
            and self.filters.match("exited", code)
            and self.filters.match("health", it.health or "none")
        )

    def _is_of_image(self, it: Container) -> bool:
        return not self.filters.has("ancestor") or it.image_id in self.images

    def _is_connected(self, it: Container) -> bool:
        places = [place for mount in it.spec.mounts for place in (mount.source, mount.target)]
        outer = {(port.host_port, port.protocol) for port in it.ports}
        inner = {(port.container_port, port.protocol) for port in it.ports or it.spec.ports}
        return (
            self.filters.match("network", it.spec.network)
            and self.filters.match("volume", *places)
            and (not self.filters.has("publish") or bool(outer & self._ports("publish")))
            and (not self.filters.has("expose") or bool(inner & self._ports("expose")))
        )

    def _ports(self, key: str) -> set[tuple[int, str]]:
        from tuidock.engine.errors import BadSpec
        from tuidock.engine.network.ports import parse

        found: list[Port] = []
        for value in self.filters.wanted[key]:
            try:
                found += parse(value)
            except BadSpec:
                raise _invalid(key, value) from None
        return {(port.container_port, port.protocol) for port in found}


def _pattern(text: str) -> re.Pattern[str]:
    """Docker takes a regular expression; its names begin with a slash, which may be written."""
    try:
        return re.compile(text.replace("^/", "^").removeprefix("/"))
    except re.error:
        return re.compile(re.escape(text))


def _descendants(core: Core, names: Iterable[str]) -> set[str]:
    """Ids of these images and of all that were made on top of them."""
    from tuidock.engine.errors import ImageNotFound

    found: set[str] = set()
    for name in names:
        try:
            base = core.images.get(name)
        except ImageNotFound:  # a container may outlive its image's name
            found |= {it.image_id for it in core.containers.list() if it.image == name}
            continue
        chain = [layer.diff_id for layer in base.layers]
        found.add(base.id)
        for image in core.images.list():
            if chain and [layer.diff_id for layer in image.layers][: len(chain)] == chain:
                found.add(image.id)
    return found


def _moments(core: Core, keys: Iterable[str]) -> list[float]:
    return [core.containers.get(key).created for key in keys]


def _invalid(key: str, value: str) -> UsageError:
    return UsageError([f"tuidock: invalid filter '{key}={value}'"], 1)
