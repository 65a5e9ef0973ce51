"""argparse with docker's manners: one line of usage, exit code 125, flags end at the image."""

from __future__ import annotations

import argparse
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

# We speak English, as docker does. To look for other words argparse would import `locale` and
# search directories, 2 ms of every command.
argparse._ = str  # type: ignore[attr-defined]


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
        """A flag that is there or not; `--name=true` and `--name=false` work as with docker."""
        action = self.add_argument(*names, action="store_true", help=help)
        for name in names:
            if name.startswith("--"):
                self._spell(f"{name}=true", "store_true", action.dest)
                self._spell(f"{name}=false", "store_false", action.dest)

    def _spell(self, word: str, kind: str, destination: str) -> None:
        self.add_argument(
            word, action=kind, dest=destination, default=False, help=argparse.SUPPRESS
        )

    def switch(self, *names: str, help: str) -> None:
        """A flag that may be written together with others: `-it`."""
        self.add_argument(*names, action="store_true", help=help)

    def several(self, *names: str, help: str, metavar: str = "VALUE") -> None:
        """A flag that may be given many times."""
        self.add_argument(*names, action="append", default=[], help=help, metavar=metavar)

    def command(self, *, required: bool = False) -> None:
        """Everything from here on belongs to the container's command."""
        nargs = "+" if required else argparse.REMAINDER
        # argparse itself thinks that a remainder has to be there.
        self.add_argument("command", nargs=nargs, metavar="COMMAND").required = required

    def error(self, message: str) -> NoReturn:
        """Raise UsageError instead of exiting."""
        message = message.replace("unrecognized arguments:", "unknown flag or argument:")
        raise UsageError([f"{self.prog}: {message}", f"See '{self.prog} --help'."])


class _Formatter(argparse.HelpFormatter):
    """Told the width, because argparse imports `shutil` to ask, with all its archivers."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32, width=_width())


def _width() -> int:
    """Columns for the help, two less than there are, as argparse does."""
    if (asked := os.environ.get("COLUMNS", "")).isdigit():
        return int(asked) - 2
    try:
        return os.get_terminal_size(1).columns - 2
    except OSError:
        return 78
