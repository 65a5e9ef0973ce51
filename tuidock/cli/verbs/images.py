"""`tuidock images`."""

from __future__ import annotations

import time

from tuidock.cli import listing, words
from tuidock.cli.listing import Filters
from tuidock.engine.images.reference import familiar
from tuidock.engine.timestamp import rfc3339

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core
    from tuidock.engine.types import Image


def arguments(parser: Parser) -> None:
    listing.arguments(parser)
    parser.switch("-a", "--all", help="accepted; there are no intermediate images")
    parser.switch("--digests", help="show digests")
    parser.add_argument("reference", nargs="?", default="", metavar="REPOSITORY[:TAG]")


def main(core: Core, options: Namespace) -> int:
    filters = Filters(options.filter, {"reference", "label", "dangling"})
    images = [image for image in core.images.list() if _wanted(image, filters)]
    rows = [row for image in images for row in _rows(image, options)]
    if options.reference:
        rows = [row for row in rows if _matches(row, options.reference)]
    columns = ["Repository", "Tag", *(["Digest"] if options.digests else [])]
    listing.show(rows, [*columns, "ID", "CreatedSince", "Size"], options, _TITLES)
    return 0


_TITLES = {"ID": "IMAGE ID", "CreatedSince": "CREATED"}


def _wanted(image: Image, filters: Filters) -> bool:
    return (
        filters.labels(image.labels)
        and filters.match("dangling", "false" if image.tags else "true")
        and filters.match("reference", *map(familiar, image.tags))
    )


def _rows(image: Image, options: Namespace) -> Iterator[dict[str, str]]:
    for reference in image.tags or ("",):
        repository, tag = listing.split_tag(familiar(reference))
        yield {
            "Repository": repository or "<none>",
            "Tag": tag or "<none>",
            "Digest": _digest(image, reference),
            "ID": image.id if options.no_trunc else words.short_id(image.id),
            "CreatedAt": rfc3339(image.created),
            "CreatedSince": f"{words.duration(time.time() - image.created)} ago",
            "Size": words.size(image.size),
            "Containers": "N/A",
        }


def _digest(image: Image, reference: str) -> str:
    repository, _ = listing.split_tag(reference)
    own = [d.partition("@")[2] for d in image.digests if d.partition("@")[0] == repository]
    return own[0] if own else "<none>"


def _matches(row: dict[str, str], wanted: str) -> bool:
    repository, tag = listing.split_tag(wanted)
    return row["Repository"] == repository and tag in ("", row["Tag"])
