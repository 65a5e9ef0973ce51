"""`tuidock cp`: docker's words, with `-` for a tar stream on either side."""

from __future__ import annotations

import os
import sys

from tuidock.cli import reading, words
from tuidock.cli.copying import Meter, heed_termination, to_stdout
from tuidock.engine.errors import BadSpec, Conflict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from tuidock.cli.parser import Parser
    from tuidock.engine.containers.files.access import Destination
    from tuidock.engine.core import Core

_PIECE = 1 << 18


def arguments(parser: Parser) -> None:
    parser.switch("-a", "--archive", help="keep owners: ids as they are on the other side")
    parser.switch("-L", "--follow-link", help="copy what a link in SRC_PATH points at")
    parser.flag("-q", "--quiet", help="show nothing; so too when the output is no terminal")
    parser.add_argument("source", metavar="CONTAINER:SRC_PATH|SRC_PATH|-")
    parser.add_argument("destination", metavar="DEST_PATH|-|CONTAINER:DEST_PATH")


def main(core: Core, options: Namespace) -> int:
    heed_termination()
    source, path = _split(options.source)
    target, there = _split(options.destination)
    if source and target:
        raise BadSpec("copying between containers is not supported", "copy to a directory first")
    if source:
        _copy_out(core, source, path, there, options)
    elif target:
        reading.refuse_if_only("cp")
        _copy_in(core, path, target, there, options)
    else:
        raise BadSpec("must specify at least one container source", "write CONTAINER:PATH")
    return 0


def _split(word: str) -> tuple[str, str]:
    """(container, path); no container for a path of our own, as `./a:b` and `/a:b` are."""
    container, colon, path = word.partition(":")
    if not colon or word.startswith(("/", ".")):
        return "", word
    return container, path


def _copy_out(core: Core, key: str, path: str, local: str, options: Namespace) -> None:
    if local == "-":
        with core.containers.archive(key, path, follow=options.follow_link) as archive:
            to_stdout(archive.pieces())
        return
    with Meter("Copying from container") as meter:
        copied = core.containers.copy_out(
            key,
            path,
            local,
            meter.tick,
            follow=options.follow_link,
            owners=options.archive,
        )
    _tell(options, copied.size, copied.skipped, local)


def _copy_in(core: Core, local: str, key: str, path: str, options: Namespace) -> None:
    with Meter("Copying to container") as meter:
        if local == "-":
            skipped = _extract(core, key, path, meter, owners=options.archive)
            size = meter.size
        else:
            size, skipped = core.containers.copy_in(
                local,
                key,
                path,
                meter.tick,
                follow=options.follow_link,
                owners=options.archive,
            )
    _tell(options, size, skipped, f"{key}:{path}")


def _extract(core: Core, key: str, path: str, meter: Meter, *, owners: bool) -> int:
    with core.containers.destination(key, path, owners=owners) as destination:
        if not destination.is_directory:
            raise Conflict(f'destination "{key}:{path}" must be a directory')
        return destination.extract(_stdin(meter, destination))


def _stdin(meter: Meter, destination: Destination) -> Iterator[bytes]:
    destination.await_more(0)
    while piece := os.read(0, _PIECE):
        meter.tick(len(piece))
        yield piece
        destination.await_more(0)


def _tell(options: Namespace, size: int, skipped: int, where: str) -> None:
    if skipped:
        print(f"tuidock: left out {skipped} sockets and device nodes", file=sys.stderr)
    if not options.quiet and sys.stdout.isatty():
        print(f"Successfully copied {words.size(size)} to {where}", file=sys.stderr)
