"""argparse with docker's manners: one line of usage, exit code 125, flags end at the image."""

from __future__ import annotations

import argparse
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


class UsageError(Exception):
    """The words do not make a command; the lines go to stderr as they are."""

    def __init__(self, lines: Sequence[str], exit_code: int = 125) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
        self.exit_code = exit_code


class Parser(argparse.ArgumentParser):
    """The parser of one verb."""

    def __init__(self, verb: str, summary: str) -> None:
        super().__init__(
            prog=f"tuidock {verb}",
            description=summary,
            allow_abbrev=False,
            add_help=False,
            formatter_class=_Formatter,
        )
        self.add_argument("--help", action="help", help="show this and exit")

    def flag(self, *names: str, help: str) -> None:
        """A flag that is there or not; `--name=false` is accepted as docker does."""
        self.add_argument(*names, nargs="?", const=True, default=False, type=_boolean, help=help)

    def switch(self, *names: str, help: str) -> None:
        """A flag that may be written together with others: `-it`."""
        self.add_argument(*names, action="store_true", help=help)

    def several(self, *names: str, help: str, metavar: str = "VALUE") -> None:
        """A flag that may be given many times."""
        self.add_argument(*names, action="append", default=[], help=help, metavar=metavar)

    def command(self, *, required: bool = False) -> None:
        """Everything from here on belongs to the container's command."""
        self.add_argument(
            "command", nargs="+" if required else argparse.REMAINDER, metavar="COMMAND"
        )

    def error(self, message: str) -> NoReturn:
        """Raise UsageError instead of exiting."""
        message = message.replace("unrecognized arguments:", "unknown flag or argument:")
        raise UsageError([f"{self.prog}: {message}", f"See '{self.prog} --help'."])


class _Formatter(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32)


def _boolean(text: str) -> bool:
    if text.lower() in ("true", "1", "t"):
        return True
    if text.lower() in ("false", "0", "f"):
        return False
    raise argparse.ArgumentTypeError(f"invalid boolean value: {text}")


def stdout_is_terminal() -> bool:
    """Whether progress may be drawn."""
    return sys.stdout.isatty()
