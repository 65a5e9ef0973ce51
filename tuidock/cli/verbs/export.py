"""`tuidock export`."""

from __future__ import annotations

from tuidock.cli.copying import Meter, heed_termination, to_file, to_stdout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from tuidock.cli.parser import Parser
    from tuidock.engine.containers.files.access import Archive
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.add_argument("-o", "--output", metavar="FILE", help="instead of standard output")
    parser.add_argument("container", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    heed_termination()
    with core.containers.export(options.container) as archive:
        if not options.output:
            to_stdout(archive.pieces())
        else:
            with Meter(f"Exporting {options.container}") as meter:
                to_file(options.output, _metered(archive, meter))
    return 0


def _metered(archive: Archive, meter: Meter) -> Iterator[bytes]:
    for piece in archive.pieces():
        meter.tick(len(piece))
        yield piece
