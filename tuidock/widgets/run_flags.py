"""The flags of `tuidock run` as a form needs them: read off the command line's own parser.

The one module of the interface that knows the command line, so that there is one parser.
Invariant: every flag is in a group, and what is checked here is what the command line checks.
"""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import NamedTuple

from tuidock.cli import spec as flags_of_spec
from tuidock.cli.parser import Parser, UsageError
from tuidock.engine.errors import EngineError
from tuidock.engine.types import ContainerSpec

Values = Mapping[str, str]
"""A form: flag, as its long name without dashes, to what is typed; also `command`.

A flag that is only there or not is `yes`. One that may come several times has its words apart by
spaces, quoted as a shell wants them.
"""

YES = "yes"
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
OF_A_CLIENT = frozenset({"help", "detach", "detach-keys", "sig-proxy"})
"""Of `tuidock run` alone: what the client does that stays with its container; a form leaves it."""
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Basic", ("name", "command", "env", "publish", "volume", "memory", "cpus", "pids-limit",
               "network", "restart", "interactive", "tty", "rm")),
    ("Process", ("entrypoint", "workdir", "user", "group-add", "hostname", "env-file", "label",
                 "init", "stop-signal", "stop-timeout", "ulimit", "oom-score-adj", "runtime")),
    ("Limits", ("memory-swap", "memory-reservation", "memory-high", "cpu-shares", "cpuset-cpus",
                "blkio-weight", "device-read-bps", "device-write-bps", "device-read-iops",
                "device-write-iops", "shm-size")),
    ("Files", ("mount", "tmpfs", "read-only", "device", "device-cgroup-rule", "log-opt")),
    ("Network", ("publish-all", "dns", "add-host")),
    ("Isolation", ("privileged", "cap-add", "cap-drop", "security-opt", "sysctl", "userns", "pid",
                   "ipc", "uts")),
    ("Health", ("health-cmd", "health-interval", "health-timeout", "health-retries",
                "health-start-period", "health-start-interval", "health-on-failure",
                "no-healthcheck")),
    ("Image", ("pull", "platform", "cidfile")),
)  # fmt: skip
"""Title and flags; what is in none of them comes last, as `More`."""


class Flag(NamedTuple):
    """One flag of the command line."""

    name: str
    """Its long name without dashes."""
    word: str
    """As it is written, the short form where there is one."""
    metavar: str
    help: str
    switch: bool
    several: bool
    choices: tuple[str, ...]

    def words(self, value: str) -> list[str]:
        """The words of the command line for what is typed. Raises ValueError."""
        if self.switch:
            return [self.word] if value == YES else []
        texts = split(value) if self.several else _single(value.strip())
        return [word for text in texts for word in self._pair(text)]

    def _pair(self, text: str) -> list[str]:
        if text.startswith("-") and not text[1:].isdecimal():  # it would be taken for a flag
            return [f"--{self.name}={text}"]
        return [self.word, text]


class Reading(NamedTuple):
    """What became of a form."""

    spec: ContainerSpec | None
    problems: dict[str, str]
    """Flag to what is wrong with it, in words; the empty name for what is wrong together."""
    words: tuple[str, ...]
    """The command line, without `tuidock run`; empty when it cannot be written."""


@cache
def flags() -> dict[str, Flag]:
    """Every flag by name, in the parser's order."""
    found = (_flag(action) for action in _parser()._actions if _offered(action))
    return {flag.name: flag for flag in found}


@cache
def _parser() -> Parser:
    parser = Parser("run", "")
    flags_of_spec.arguments(parser)
    return parser


def _offered(action: argparse.Action) -> bool:
    shown = bool(action.option_strings) and action.help != argparse.SUPPRESS
    return shown and _name(action) not in OF_A_CLIENT


def _name(action: argparse.Action) -> str:
    return next(it for it in action.option_strings if it.startswith("--")).removeprefix("--")


def _flag(action: argparse.Action) -> Flag:
    return Flag(
        _name(action),
        action.option_strings[0],
        str(action.metavar or ""),
        action.help or "",
        switch=action.nargs == 0,
        several=isinstance(action.default, list),
        choices=tuple(action.choices or ()),
    )


def groups() -> list[tuple[str, list[str]]]:
    """Titles and the flags below them, those of the command line that are."""
    known = flags()
    grouped = {name for _, names in GROUPS for name in names}
    found = [(title, [n for n in names if n in known or n == "command"]) for title, names in GROUPS]
    rest = [name for name in known if name not in grouped]
    return [*found, ("More", rest)] if rest else found


def _single(text: str) -> tuple[str, ...]:
    """Two quotes stand for nothing, as in a shell; nothing typed is no flag."""
    return ("",) if text in ("''", '""') else (text,) if text else ()


def split(text: str) -> tuple[str, ...]:
    """Words as a shell splits them. Raises ValueError."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"the words do not end: {error}".lower()) from None


def words(image: str, values: Values) -> tuple[str, ...]:
    """The command line behind `tuidock run`. Raises ValueError for words that do not end."""
    found = [word for name in _ordered(values) for word in flags()[name].words(values[name])]
    return (*_together(found), image, *split(values.get("command", "")))


def _ordered(values: Values) -> list[str]:
    return [name for name in flags() if name in values]


def read(image: str, values: Values) -> Reading:
    """The spec that a form asks for, or everything that is wrong with it at once."""
    problems: dict[str, str] = {}
    for name in (*_ordered(values), "command"):
        try:
            _check(image, name, values.get(name, ""))
        except (ValueError, UsageError, EngineError) as error:
            problems[name] = said(error)
    if problems:
        return Reading(None, problems, ())
    return _whole(words(image, values), _clashes(values))


def _check(image: str, name: str, value: str) -> None:
    """Look at one flag alone. Raises ValueError, UsageError, EngineError."""
    if name == "command":
        split(value)
    else:
        _parsed((*flags()[name].words(value), image))


def _whole(words: tuple[str, ...], problems: dict[str, str]) -> Reading:
    try:
        spec = _parsed(words)
    except (UsageError, EngineError) as error:
        problems[""] = said(error)
        return Reading(None, problems, ())
    return Reading(None if problems else spec, problems, words)


def _together(words: list[str]) -> list[str]:
    """`-i -t` as everybody writes it."""
    if "-i" in words and "-t" in words:
        return ["-it", *(word for word in words if word not in ("-i", "-t"))]
    return words


@lru_cache(maxsize=256)
def _parsed(words: tuple[str, ...]) -> ContainerSpec:
    """What the command line makes of the words. Raises UsageError, EngineError."""
    return flags_of_spec.spec(_parser().parse_args(list(words)))


def said(error: Exception) -> str:
    """What the command line says, for a place beside the field."""
    if isinstance(error, UsageError):
        return error.lines[0].partition(": ")[2].removeprefix("argument ")
    if isinstance(error, EngineError):
        return f"{error.message}: {error.hint}" if error.hint else error.message
    return str(error)


def _clashes(values: Values) -> dict[str, str]:
    """What the engine would refuse, though each flag is well written."""
    clashes = {}
    network = values.get("network") or "default"
    if (name := values.get("name", "").strip()) and not _NAME.fullmatch(name):
        clashes["name"] = "letters, digits, _ . - only, two or more, no sign in front"
    if values.get("publish", "").strip() and network not in ("bridge", "default"):
        clashes["publish"] = f"ports are published on the bridge; the network is {network}"
    if values.get("rm") == YES and (values.get("restart") or "no") != "no":
        clashes["restart"] = "a container that is removed at its end cannot be restarted"
    return clashes
