"""`tuidock ps`."""

from __future__ import annotations

import time

from tuidock.cli import listing, units, words
from tuidock.cli.choosing import Choice
from tuidock.engine.types import UP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core
    from tuidock.engine.types import Container

_COLUMNS = ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names")
_TITLES = {"ID": "CONTAINER ID", "RunningFor": "CREATED"}
_LONGEST_COMMAND = 20
_LONGEST_MOUNT = 15


def arguments(parser: Parser) -> None:
    listing.arguments(parser)
    parser.switch("-a", "--all", help="stopped ones too")
    parser.switch("-l", "--latest", help="only the newest")
    parser.switch("-s", "--size", help="what each takes on disk")
    parser.add_argument(
        "-n", "--last", type=units.integer, default=-1, metavar="N", help="only the n newest"
    )


def main(core: Core, options: Namespace) -> int:
    choice = Choice(core, options.filter)
    containers = [each for each in core.containers.list() if choice.wants(each)]
    newest = 1 if options.latest else options.last
    if newest > 0:
        containers = containers[:newest]
    elif not (options.all or choice.filters.has("status") or choice.filters.has("exited")):
        containers = [each for each in containers if each.status in UP]
    sizes = _sizes(core, containers) if options.size or ".Size" in options.format else {}
    rows = [_row(each, options, sizes.get(each.id, words.size(0))) for each in containers]
    columns = (*_COLUMNS, "Size") if options.size else _COLUMNS
    listing.show(rows, columns, options, _TITLES)
    return 0


def _sizes(core: Core, containers: Sequence[Container]) -> dict[str, str]:
    """What each takes on disk, and what it looks like from inside, with its image."""
    images = {image.id: image.size for image in core.images.list()}
    found = {}
    for it in containers:
        own = core.containers.size(it.id)
        whole = own + images.get(it.image_id, 0)
        found[it.id] = f"{words.size(own)} (virtual {words.size(whole)})"
    return found


def _row(container: Container, options: Namespace, size: str) -> dict[str, str]:
    command = " ".join(container.command)
    mounts = [mount.source for mount in container.spec.mounts if mount.source]
    if not options.no_trunc:
        command = _shortened(command, _LONGEST_COMMAND)
        mounts = [_shortened(mount, _LONGEST_MOUNT) for mount in mounts]
    return {
        "ID": container.id if options.no_trunc else container.id[:12],
        "Image": container.image,
        "Command": f'"{command}"',
        "CreatedAt": words.moment(container.created),
        "RunningFor": f"{words.duration(time.time() - container.created)} ago",
        "State": str(container.status),
        "Status": words.status(container, time.time()),
        "Ports": words.ports(container.ports),
        "Names": container.name,
        "Labels": ",".join(f"{key}={value}" for key, value in container.labels),
        "Networks": container.spec.network,
        "Mounts": ",".join(mounts),
        "LocalVolumes": "0",
        "Size": size,
    }


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
