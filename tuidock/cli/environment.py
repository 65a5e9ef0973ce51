"""`-e` and `--env-file`: variables as docker reads them, some of them this process' own."""

from __future__ import annotations

import os

from tuidock.engine.errors import BadSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable

    from tuidock.cli.parser import Parser


def arguments(parser: Parser) -> None:
    """Add the two flags."""
    parser.several("-e", "--env", metavar="KEY[=VALUE]", help="environment variable")
    parser.several("--env-file", metavar="FILE", help="file of environment variables")


def variables(options: Namespace) -> Iterable[str]:
    """`KEY=VALUE` each, those of files first. Raises BadSpec."""
    for path in options.env_file:
        for line in _lines(path):
            yield from _known(line)
    for each in options.env:
        yield from _known(each)


def _lines(path: str) -> Iterable[str]:
    """Without blank ones and comments. What is behind a value belongs to it."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = [line.rstrip("\r\n").lstrip() for line in file]
    except OSError as error:
        raise BadSpec(f"open {path}: {error.strerror}") from error
    for line in lines:
        name = line.partition("=")[0]
        if line and not line.startswith("#"):
            if not name or len(name.split()) > 1 or name[-1:].isspace():
                raise BadSpec(f"poorly formatted environment: {line[:60]!r} of {path}")
            yield line


def _known(text: str) -> Iterable[str]:
    """A name alone stands for the variable that we have, if we have it."""
    if "=" in text:
        yield text
    elif text in os.environ:
        yield f"{text}={os.environ[text]}"
