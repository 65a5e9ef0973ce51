"""`tuidock demo`: a starter image, three containers, and the interface (or the story as text)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.main import Settings
    from tuidock.cli.parser import Parser


def arguments(parser: Parser) -> None:
    parser.switch("--text", help="tell it as text even on a terminal")
    parser.switch("--keep", help="play in your own store, and leave everything there")


def main(settings: Settings, options: Namespace) -> int:
    from tuidock.demo import play

    return play(text=options.text, keep=options.keep)
