"""`tuidock ps`."""

from __future__ import annotations

import time

from tuidock.cli import listing, words
from tuidock.cli.listing import Filters
from tuidock.engine.timestamp import rfc3339
from tuidock.engine.types import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core
    from tuidock.engine.types import Container

_COLUMNS = ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names")
_TITLES = {"ID": "CONTAINER ID", "RunningFor": "CREATED"}
_FILTERS = {"id", "name", "label", "status", "ancestor", "exited", "network", "health"}
_LONGEST_COMMAND = 20


def arguments(parser: Parser) -> None:
    listing.arguments(parser)
    parser.switch("-a", "--all", help="stopped ones too")
    parser.switch("-l", "--latest", help="only the newest")
    parser.add_argument("-n", "--last", type=int, default=0, metavar="N", help="only the n newest")


def main(core: Core, options: Namespace) -> int:
    filters = Filters(options.filter, _FILTERS)
    containers = [each for each in core.containers.list() if _wanted(each, filters)]
    newest = 1 if options.latest else options.last
    if newest:
        containers = containers[:newest]
    elif not (options.all or filters.has("status") or filters.has("exited")):
        containers = [each for each in containers if each.status in _UP]
    rows = [_row(each, options) for each in containers]
    listing.show(rows, _COLUMNS, options, _TITLES)
    return 0


_UP = (Status.RUNNING, Status.PAUSED, Status.RESTARTING)


def _wanted(container: Container, filters: Filters) -> bool:
    exit_code = str(container.exit.code) if container.exit else ""
    return (
        filters.labels(dict(container.labels))
        and filters.contains("name", container.name)
        and filters.starts("id", container.id)
        and filters.match("status", container.status)
        and filters.match("exited", exit_code)
        and filters.match("health", container.health or "none")
        and filters.match("network", container.spec.network)
        and filters.match("ancestor", container.image, words.short_id(container.image_id))
    )


def _row(container: Container, options: Namespace) -> dict[str, str]:
    command = " ".join(container.command)
    if not options.no_trunc and len(command) > _LONGEST_COMMAND:
        command = command[: _LONGEST_COMMAND - 1] + "…"
    return {
        "ID": container.id if options.no_trunc else container.id[:12],
        "Image": container.image,
        "Command": f'"{command}"',
        "CreatedAt": rfc3339(container.created),
        "RunningFor": f"{words.duration(time.time() - container.created)} ago",
        "State": str(container.status),
        "Status": words.status(container, time.time()),
        "Ports": words.ports(container.ports),
        "Names": container.name,
        "Labels": ",".join(f"{key}={value}" for key, value in container.labels),
        "Networks": container.spec.network,
        "Mounts": ",".join(mount.source for mount in container.spec.mounts),
    }
