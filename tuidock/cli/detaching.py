"""The keys that let go of a container and leave it running, in docker's spelling.

Invariant: a spelling that nobody could type is refused before anything is started.
"""

from __future__ import annotations

from tuidock.engine.errors import BadSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.cli.parser import Parser

_CONTROLLED = "@abcdefghijklmnopqrstuvwxyz[\\]^_"
"""What can follow `ctrl-`: each sends its place in this row."""


def detach_flag(parser: Parser) -> None:
    """`--detach-keys`, whose value becomes the bytes that these keys send."""
    help = "what leaves it running: ctrl-p,ctrl-q"
    parser.add_argument(
        "--detach-keys", type=parse_keys, default="ctrl-p,ctrl-q", metavar="KEYS", help=help
    )


def parse_keys(text: str) -> bytes:
    """`ctrl-p,ctrl-q` to the bytes that these keys send; nothing for none. Raises BadSpec."""
    keys = bytearray()
    for word in text.split(",") if text else ():
        if len(word) == 1 and word.isascii() and word.isprintable():
            keys += word.encode()
        elif len(word) == 6 and word.startswith("ctrl-") and word[5].lower() in _CONTROLLED:
            keys.append(_CONTROLLED.index(word[5].lower()))
        else:
            raise BadSpec(
                f"Invalid detach keys ({text}) provided",
                "single characters and ctrl-X, with commas between them",
            )
    return bytes(keys)
