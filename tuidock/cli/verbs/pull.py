"""`tuidock pull`: bars on a terminal, plain lines on a pipe, the digest at the end."""

from __future__ import annotations

from tuidock.cli.progress import watch_pull

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.switch("-q", "--quiet", help="print only the reference")
    parser.add_argument("--platform", default="", metavar="OS/ARCH", help="instead of this one")
    parser.add_argument("image", metavar="IMAGE", help="NAME[:TAG|@DIGEST]")


def main(core: Core, options: Namespace) -> int:
    pulled = watch_pull(core, options.image, options.platform, quiet=options.quiet)
    if not options.quiet:
        print(f"Digest: {pulled.digest}")
        found = "Downloaded newer image" if pulled.new else "Image is up to date"
        print(f"Status: {found} for {options.image}")
    print(pulled.reference)
    return 0
