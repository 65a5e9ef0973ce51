"""The flags that say how a container is ended, of `stop` and `restart`."""

from __future__ import annotations

from tuidock.cli import units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.cli.parser import Parser


def arguments(parser: Parser) -> None:
    """Add them: `signal`, and `timeout` in seconds."""
    parser.add_argument("-s", "--signal", default="", metavar="SIGNAL", help="instead of its own")
    parser.add_argument(
        "-t",
        "--timeout",
        "--time",
        type=units.patience,
        metavar="SECONDS",
        help="before SIGKILL; -1: never",
    )
