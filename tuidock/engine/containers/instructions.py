"""Dockerfile instructions that change an image's config, as `commit --change` takes them.

Invariant: an instruction either does what its name says or raises; nothing is half-done.
"""

from __future__ import annotations

import json
import posixpath
import shlex

from tuidock.engine.errors import BadSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Settings = dict[str, Any]
    """The `config` of an image config, OCI image-spec's config.md."""

_KNOWN = "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR"


def apply(settings: Settings, instruction: str) -> None:
    """Change `settings` as one line of a Dockerfile says. Raises BadSpec."""
    name, _, rest = instruction.strip().partition(" ")
    change = _CHANGES.get(name.upper())
    if change is None:
        raise BadSpec(f"{name or instruction!r} is not a valid change command", f"use {_KNOWN}")
    if not rest.strip():
        raise BadSpec(f"{name.upper()} requires at least one argument", _KNOWN)
    change(settings, rest.strip())


def _command(settings: Settings, rest: str) -> None:
    settings["Cmd"] = _exec_form(rest)


def _entrypoint(settings: Settings, rest: str) -> None:
    settings["Entrypoint"] = _exec_form(rest)


def _exec_form(rest: str) -> list[str]:
    """A JSON list of words; anything else is a line for the shell."""
    words = _json_list(rest)
    return ["/bin/sh", "-c", rest] if words is None else words


def _json_list(rest: str) -> list[str] | None:
    try:
        words = json.loads(rest)
    except ValueError:
        return None
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        return words
    return None


def _environment(settings: Settings, rest: str) -> None:
    known = dict(pair.partition("=")[::2] for pair in settings.get("Env") or ())
    known |= _pairs("ENV", rest)
    settings["Env"] = [f"{key}={value}" for key, value in known.items()]


def _label(settings: Settings, rest: str) -> None:
    settings["Labels"] = {**(settings.get("Labels") or {}), **_pairs("LABEL", rest)}


def _pairs(name: str, rest: str) -> dict[str, str]:
    """`KEY=value ...` with quotes as in a shell, or the old `KEY value`."""
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise BadSpec(f"{name} {rest}: {error}") from error
    if "=" not in words[0]:
        key, _, value = rest.partition(" ")
        if not value:
            raise BadSpec(f"{name} must have two arguments")
        return {key: value.strip()}
    if bad := [word for word in words if "=" not in word or word.startswith("=")]:
        raise BadSpec(f"Syntax error - can't find = in {bad[0]!r}. Must be of the form: name=value")
    return dict(word.partition("=")[::2] for word in words)


def _expose(settings: Settings, rest: str) -> None:
    ports = dict(settings.get("ExposedPorts") or {})
    for word in rest.split():
        number, slash, protocol = word.partition("/")
        if not _is_port(number) or (slash and protocol not in ("tcp", "udp", "sctp")):
            raise BadSpec(f"invalid port specification: {word!r}", "as 80, 80-90/tcp or 53/udp")
        ports[f"{number}/{protocol or 'tcp'}"] = {}
    settings["ExposedPorts"] = ports


def _is_port(text: str) -> bool:
    ends = text.split("-")
    return len(ends) < 3 and all(e.isascii() and e.isdigit() and 0 < int(e) < 65536 for e in ends)


def _on_build(settings: Settings, rest: str) -> None:
    if rest.split()[0].upper() in ("ONBUILD", "FROM", "MAINTAINER"):
        raise BadSpec(f"{rest.split()[0].upper()} isn't allowed as an ONBUILD trigger")
    settings["OnBuild"] = [*(settings.get("OnBuild") or ()), rest]


def _stop_signal(settings: Settings, rest: str) -> None:
    settings["StopSignal"] = rest


def _user(settings: Settings, rest: str) -> None:
    settings["User"] = rest


def _volume(settings: Settings, rest: str) -> None:
    words = _json_list(rest) or rest.split()
    settings["Volumes"] = {**(settings.get("Volumes") or {}), **{word: {} for word in words}}


def _working_directory(settings: Settings, rest: str) -> None:
    before = settings.get("WorkingDir") or "/"
    settings["WorkingDir"] = posixpath.normpath(posixpath.join(before, rest))


_CHANGES: dict[str, Callable[[Settings, str], None]] = {
    "CMD": _command,
    "ENTRYPOINT": _entrypoint,
    "ENV": _environment,
    "EXPOSE": _expose,
    "LABEL": _label,
    "ONBUILD": _on_build,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _working_directory,
}
