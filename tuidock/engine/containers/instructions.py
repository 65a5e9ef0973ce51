"""Dockerfile instructions that change an image's config, as `commit --change` takes them.

Variables are those of the config itself, as in a Dockerfile. Invariant: an instruction either
does what its name says or raises; nothing is half-done.
"""

from __future__ import annotations

import json
import posixpath

from tuidock.engine.containers import dockerfile
from tuidock.engine.containers.life import signal_number
from tuidock.engine.errors import BadSpec
from tuidock.engine.network.ports import exposed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Settings = dict[str, Any]
    """The `config` of an image config, OCI image-spec's config.md."""

_KNOWN = "CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR"


def apply_all(settings: Settings, lines: Sequence[str]) -> None:
    """Change `settings` as these lines of a Dockerfile say. Raises BadSpec.

    A command belongs to the entry point that it was written for: without one of its own, a new
    entry point has none.
    """
    names = []
    for line in lines:
        apply(settings, line)
        names.append(line.split()[0].upper())
        if names[-1] == "ENTRYPOINT" and "CMD" not in names:
            settings.pop("Cmd", None)


def apply(settings: Settings, instruction: str) -> None:
    """Change `settings` as one line of a Dockerfile says. Raises BadSpec."""
    name, rest = [*instruction.split(maxsplit=1), "", ""][:2]
    change = _CHANGES.get(name.upper())
    if change is None:
        raise BadSpec(f"{name or instruction!r} is not a valid change command", f"use {_KNOWN}")
    if not rest.strip():
        raise BadSpec(f"{name.upper()} requires at least one argument", _KNOWN)
    change(settings, rest.strip())


def _command(settings: Settings, rest: str) -> None:
    settings["Cmd"] = _exec_form(settings, rest)


def _entrypoint(settings: Settings, rest: str) -> None:
    settings["Entrypoint"] = _exec_form(settings, rest)


def _exec_form(settings: Settings, rest: str) -> list[str]:
    """A JSON list of words; anything else is a line for the image's shell."""
    words = _json_list(rest)
    return [*(settings.get("Shell") or ("/bin/sh", "-c")), rest] if words is None else words


def _json_list(rest: str) -> list[str] | None:
    try:
        words = json.loads(rest)
    except ValueError:
        return None
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        return words
    return None


def _known(settings: Settings) -> dict[str, str]:
    return dict(pair.partition("=")[::2] for pair in settings.get("Env") or ())


def _environment(settings: Settings, rest: str) -> None:
    known = _known(settings) | _pairs("ENV", rest, settings)
    settings["Env"] = [f"{key}={value}" for key, value in known.items()]


def _label(settings: Settings, rest: str) -> None:
    settings["Labels"] = {**(settings.get("Labels") or {}), **_pairs("LABEL", rest, settings)}


def _pairs(name: str, rest: str, settings: Settings) -> dict[str, str]:
    """`KEY=value ...` with quotes and variables, or the old `KEY value`."""
    known = _known(settings)
    if "=" not in rest.split()[0]:
        key, value = [*rest.split(maxsplit=1), ""][:2]
        if not value:
            raise BadSpec(f"{name} must have two arguments")
        return {key: dockerfile.word(value, known)}
    words = dockerfile.words(rest, known)
    if bad := [word for word in words if "=" not in word or word.startswith("=")]:
        raise BadSpec(f"Syntax error - can't find = in {bad[0]!r}. Must be of the form: name=value")
    return dict(word.partition("=")[::2] for word in words)


def _expose(settings: Settings, rest: str) -> None:
    ports = [port for each in dockerfile.words(rest, _known(settings)) for port in exposed(each)]
    new: dict[str, object] = {f"{each.container_port}/{each.protocol}": {} for each in ports}
    settings["ExposedPorts"] = {**(settings.get("ExposedPorts") or {}), **new}


def _on_build(settings: Settings, rest: str) -> None:
    if rest.split()[0].upper() in ("ONBUILD", "FROM", "MAINTAINER"):
        raise BadSpec(f"{rest.split()[0].upper()} isn't allowed as an ONBUILD trigger")
    settings["OnBuild"] = [*(settings.get("OnBuild") or ()), rest]


def _stop_signal(settings: Settings, rest: str) -> None:
    name = dockerfile.word(rest, _known(settings))
    signal_number(name)
    settings["StopSignal"] = name


def _user(settings: Settings, rest: str) -> None:
    settings["User"] = dockerfile.word(rest, _known(settings))


def _volume(settings: Settings, rest: str) -> None:
    words = _json_list(rest)
    words = dockerfile.words(rest, _known(settings)) if words is None else words
    if not words or not all(words):
        raise BadSpec("VOLUME specified can not be an empty string")
    settings["Volumes"] = {**(settings.get("Volumes") or {}), **{word: {} for word in words}}


def _working_directory(settings: Settings, rest: str) -> None:
    before = settings.get("WorkingDir") or "/"
    path = dockerfile.word(rest, _known(settings))
    settings["WorkingDir"] = posixpath.normpath(posixpath.join(before, path))


_FIGURES = {
    "interval": "Interval",
    "timeout": "Timeout",
    "start-period": "StartPeriod",
    "start-interval": "StartInterval",
    "retries": "Retries",
}


def _health_check(settings: Settings, rest: str) -> None:
    """`[--interval=30s ...] CMD command`, or `NONE`."""
    check: dict[str, object] = {}
    while rest.startswith("--"):
        flag, rest = [*rest.split(maxsplit=1), ""][:2]
        name, _, value = flag[2:].partition("=")
        if name not in _FIGURES:
            raise BadSpec(f"unknown flag: --{name}", f"HEALTHCHECK knows {', '.join(_FIGURES)}")
        check[_FIGURES[name]] = _retries(value) if name == "retries" else _length(name, value)
    kind, command = [*rest.split(maxsplit=1), "", ""][:2]
    if kind.upper() == "NONE":
        if command or check:
            raise BadSpec("HEALTHCHECK NONE takes no arguments")
        settings["Healthcheck"] = {"Test": ["NONE"]}
    elif kind.upper() == "CMD":
        settings["Healthcheck"] = {"Test": _test(command), **check}
    else:
        raise BadSpec(f"Unknown type {kind!r} in HEALTHCHECK (try CMD)")


def _test(command: str) -> list[str]:
    words = _json_list(command)
    if not command or words == []:
        raise BadSpec("Missing command after HEALTHCHECK CMD")
    return ["CMD-SHELL", command] if words is None else ["CMD", *words]


def _retries(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadSpec(f"--retries must be a number, 0 for the default: {text!r}")
    return int(text)


def _length(name: str, text: str) -> int:
    found = dockerfile.nanoseconds(text)
    if 0 < found < 10**6:
        raise BadSpec(f"Interval {name!r} cannot be less than 1ms")
    return found


_CHANGES: dict[str, Callable[[Settings, str], None]] = {
    "CMD": _command,
    "ENTRYPOINT": _entrypoint,
    "ENV": _environment,
    "EXPOSE": _expose,
    "HEALTHCHECK": _health_check,
    "LABEL": _label,
    "ONBUILD": _on_build,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _working_directory,
}
