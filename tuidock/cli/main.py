"""From words on the command line to a verb, and from an error to one line and an exit code.

Only the module of the verb that was asked for is imported.
"""

from __future__ import annotations

import importlib
import os
import sys

from tuidock import __version__
from tuidock.cli import reading
from tuidock.cli.parser import Parser, UsageError
from tuidock.cli.verbs import ALIASES, GROUPS, VERBS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from tuidock.engine.core import Core

_GLOBALS = {"--root": "TUIDOCK_ROOT", "--runroot": "TUIDOCK_RUNROOT", "--config": "TUIDOCK_CONFIG"}
_LEVELS = ("debug", "info", "warn", "error", "fatal")


class Settings:
    """Global flags; each has an environment variable, and the flag wins."""

    def __init__(self) -> None:
        self.values = {flag: os.environ.get(name, "") for flag, name in _GLOBALS.items()}
        self.log_level = "warn"
        self.failure = 1

    def open_core(self) -> Core:
        """The engine that the flags ask for. Raises HostError."""
        from tuidock.engine.core import open_core

        return open_core(self.values["--root"] or None, self.values["--runroot"] or None)


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments say. Returns the exit code and never raises for a person's mistake."""
    settings = Settings()
    try:
        code = _dispatch(_read_globals(list(arguments), settings), settings)
        sys.stdout.flush()
        return code
    except UsageError as error:
        return _complain(error.lines, error.exit_code)
    except BrokenPipeError:
        _abandon_stdout()
        return 128 + 13
    except KeyboardInterrupt as signalled:
        return 128 + (signalled.args[0] if signalled.args else 2)
    except Exception as error:
        from tuidock.engine.faults import translated

        told = translated(error)
        if told is None or settings.log_level == "debug":
            raise
        hint = [told.hint] if told.hint else []
        code = max(told.exit_code, settings.failure)
        return _complain([f"tuidock: {told.message}", *hint], code)


def _complain(lines: Sequence[str], code: int) -> int:
    from tuidock.engine.logs.sanitise import plain

    sys.stdout.flush()
    for line in lines:
        print(plain(line), file=sys.stderr)
    return code


def _abandon_stdout() -> None:
    """Whoever read our output is gone; keep the interpreter's last flush from saying so."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _read_globals(words: list[str], settings: Settings) -> list[str]:
    """Take the global flags off the front. Raises UsageError."""
    while words and words[0].startswith("-"):
        flag, equals, value = words.pop(0).partition("=")
        if flag in ("-h", "--help"):
            return ["help"]
        if flag in ("-v", "--version"):
            return ["--version"]
        if flag == "--read-only" and not equals:
            os.environ[reading.VARIABLE] = "1"
            continue
        if flag not in _GLOBALS and flag != "--log-level":
            raise UsageError([f"tuidock: unknown flag: {flag}", "See 'tuidock --help'."])
        if not equals:
            if not words:
                raise UsageError([f"tuidock: flag needs an argument: {flag}"])
            value = words.pop(0)
        _keep(settings, flag, value)
    return words


def _keep(settings: Settings, flag: str, value: str) -> None:
    if flag != "--log-level":
        settings.values[flag] = value
        os.environ[_GLOBALS[flag]] = value
    elif value in _LEVELS:
        settings.log_level = value
    else:
        levels = ", ".join(_LEVELS)
        raise UsageError([f"tuidock: unknown log level: {value}", f"One of: {levels}"])


def _dispatch(words: list[str], settings: Settings) -> int:
    if not words:
        return _open_interface(settings)
    if words[0] == "--version":
        print(f"tuidock version {__version__}")
        return 0
    if words[0] == "help":
        return _help(words[1:])
    verb, rest = _find_verb(words)
    settings.failure = VERBS[verb].failure
    if VERBS[verb].changes:
        reading.refuse_if_only(verb)
    module = importlib.import_module(f"tuidock.cli.verbs.{VERBS[verb].module}")
    parser = Parser(verb, VERBS[verb].help)
    module.arguments(parser)
    options = parser.parse_args(rest)
    if not VERBS[verb].engine:
        return int(module.main(settings, options))
    core = settings.open_core()
    try:
        return int(module.main(core, options))
    finally:
        core.close()


def _find_verb(words: list[str]) -> tuple[str, list[str]]:
    """The verb and its arguments; `container ls` and friends are docker's longer spellings."""
    if words[0] in GROUPS:
        if len(words) < 2 or words[1] in ("-h", "--help"):
            _refuse_group(words[0])
        pair = f"{words[0]} {words[1]}"
        if pair in VERBS or pair in ALIASES:
            return ALIASES.get(pair, pair), words[2:]
        _refuse(pair)
    verb = ALIASES.get(words[0], words[0])
    if verb not in VERBS:
        _refuse(words[0])
    return verb, words[1:]


def _refuse_group(group: str) -> NoReturn:
    known = sorted(pair for pair in (*VERBS, *ALIASES) if pair.startswith(group + " "))
    raise UsageError([f"usage: tuidock {group} COMMAND", "one of: " + ", ".join(known)])


def _refuse(word: str) -> NoReturn:
    from difflib import get_close_matches

    near = get_close_matches(word, [*VERBS, *ALIASES], n=1)
    hint = f"Did you mean 'tuidock {near[0]}'? " if near else ""
    raise UsageError(
        [f"tuidock: '{word}' is not a tuidock command.", f"{hint}See 'tuidock --help'"], 1
    )


def _help(words: list[str]) -> int:
    if words:
        return _dispatch([*words, "--help"], Settings())
    from tuidock.cli.help import overview

    print(overview())
    return 0


def _open_interface(settings: Settings) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            ["tuidock: the interface needs a terminal", "See 'tuidock --help' for the verbs."], 1
        )
    if os.environ.get("TERM") == "dumb":
        raise UsageError(
            [
                "tuidock: this terminal cannot move its cursor (TERM=dumb)",
                "If it can, set TERM to what it is; 'tuidock --help' has all of it as verbs.",
            ],
            1,
        )
    from tuidock.app import run as run_interface
    from tuidock.engine.local import open_engine

    engine = open_engine(settings.values["--root"] or None, settings.values["--runroot"] or None)
    config = settings.values["--config"]
    return run_interface(engine, config, read_only=reading.only(), greet=True)
