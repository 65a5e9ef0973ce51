"""`tuidock events`."""

from __future__ import annotations

from tuidock.cli import units
from tuidock.cli.listing import Filters
from tuidock.engine.errors import ContainerNotFound
from tuidock.engine.logs.sanitise import plain
from tuidock.engine.timestamp import rfc3339

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core
    from tuidock.engine.events import Event


def arguments(parser: Parser) -> None:
    parser.add_argument("--since", type=units.moment, metavar="TIME", help="time, or 10m ago")
    parser.add_argument("--until", type=units.moment, metavar="TIME", help="time, or 10m ago")
    parser.add_argument("--format", default="", metavar="TEMPLATE", help="json, or a Go template")
    parser.several("-f", "--filter", metavar="KEY=VALUE", help="show only these")


def main(core: Core, options: Namespace) -> int:
    filters = Filters(options.filter, _FILTERS)
    labels = _Labels(core)
    for event in map(labels.complete, core.events(options.since, options.until)):
        if _wanted(event, filters):
            print(_text(event, options.format), flush=True)
    return 0


_FILTERS = set("type event container image network volume label scope".split())


class _Labels:
    """Labels of containers, for events that come without: a monitor does not know them."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.known: dict[str, dict[str, str]] = {}

    def complete(self, event: Event) -> Event:
        if event.kind != "container":
            return event
        attributes = dict(event.attributes)
        if event.action in ("create", "start"):
            self.known[event.id] = attributes
        elif event.id not in self.known:
            self.known[event.id] = self._of(event.id)
        labels = {k: v for k, v in self.known[event.id].items() if k not in attributes}
        return event._replace(attributes=tuple({**labels, **attributes}.items()))

    def _of(self, container_id: str) -> dict[str, str]:
        try:
            return dict(self.core.containers.get(container_id).labels)
        except ContainerNotFound:  # it is history
            return {}


def _wanted(event: Event, filters: Filters) -> bool:
    attributes = dict(event.attributes)
    return (
        filters.match("type", event.kind)
        and filters.match("event", event.action, event.action.partition(":")[0])
        and (event.kind == "container" or not filters.has("container"))
        and filters.match("container", event.id, event.id[:12], event.name)
        and filters.match("image", event.id, event.name, attributes.get("image", ""))
        and filters.labels(attributes)
        and filters.match("scope", "local")
        and (event.kind == "network" or not filters.has("network"))
        and (event.kind == "volume" or not filters.has("volume"))
    )


def _text(event: Event, template: str) -> str:
    attributes = {"name": event.name, **dict(event.attributes)}
    if template:
        from tuidock.cli.template import render

        return render(template, [_row(event, attributes)])[0]
    words = ", ".join(f"{key}={value}" for key, value in sorted(attributes.items()))
    return plain(f"{rfc3339(event.at)} {event.kind} {event.action} {event.id} ({words})")


def _row(event: Event, attributes: dict[str, str]) -> dict[str, object]:
    return {
        "status": event.action,
        "id": event.id,
        "from": attributes.get("image", ""),
        "Type": event.kind,
        "Action": event.action,
        "Actor": {"ID": event.id, "Attributes": attributes},
        "scope": "local",
        "time": int(event.at),
        "timeNano": int(event.at * 1e9),
    }
