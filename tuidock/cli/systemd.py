"""Units for systemd that start containers at boot and stop them at shutdown.

Invariant: nothing here depends on who reads the unit where: all paths are absolute, and the
directories of the engine are named, whatever variables systemd has.

Two facts decide most lines. Monitors and the launcher belong to all containers of a root, and
run in the unit that happened to need them first; so no unit may kill more than its main process
(`KillMode=process`). And containers have cgroups of their own, outside of any unit, so a unit
needs no `Delegate=`.
"""

from __future__ import annotations

import os
import sys

from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tuidock.engine.layout import Layout
    from tuidock.engine.types import Container

_SLACK = 30
"""Seconds that a stop may take longer than the container's own grace."""
_ALL_STOP = 120
_TERMINATED = 143
_LINGER = ("# To have it start at boot, not only when you log in: loginctl enable-linger",)


class Place(NamedTuple):
    """Where units go, and how tuidock is run from them."""

    directory: str
    wanted_by: str
    command: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    directories: tuple[str, ...]
    user: bool


def place(layout: Layout, *, user: bool) -> Place:
    """For the system's manager, or a user's."""
    command, path = program()
    variables = {"TUIDOCK_ROOT": layout.root, "TUIDOCK_RUNROOT": layout.runroot}
    if config := os.environ.get("TUIDOCK_CONFIG"):
        variables["TUIDOCK_CONFIG"] = os.path.abspath(config)
    if path:
        variables["PYTHONPATH"] = path
    return Place(
        "~/.config/systemd/user" if user else "/etc/systemd/system",
        "default.target" if user else "multi-user.target",
        command,
        tuple(variables.items()),
        (layout.root,),
        user,
    )


def program() -> tuple[tuple[str, ...], str]:
    """The words that run this tuidock again, and what `PYTHONPATH` they need, if any."""
    script = os.path.abspath(sys.argv[0])
    if os.path.basename(script) == "tuidock" and os.access(script, os.X_OK):
        return (script,), ""
    home = os.path.abspath(f"{__file__}/../../..")
    installed = os.path.basename(home) in ("site-packages", "dist-packages")
    return (os.path.abspath(sys.executable), "-m", "tuidock"), "" if installed else home


def for_all(place: Place) -> str:
    """The unit that brings up everything whose policy says so."""
    service = [
        "Type=oneshot",
        "RemainAfterExit=yes",
        _exec("ExecStart", place, "start", "--all-restart"),
        _exec("ExecStop", place, "stop", "--all-restart"),
        "TimeoutStartSec=infinity",
        f"TimeoutStopSec={_ALL_STOP}",
    ]
    return _unit(place, "tuidock", "Containers of tuidock that restart by themselves", service)


def for_one(place: Place, it: Container, *, by_name: bool) -> str:
    """The unit of one container.

    One with a restart policy is tuidock's to restart; systemd only starts and stops it. One
    without runs in the foreground of its unit: its output goes to the journal, too, its exit
    code is the unit's, and systemd restarts it when it fails.
    """
    key = it.name if by_name else it.id
    title = it.name if by_name else it.id[:12]
    if it.spec.restart.name == "no":
        service = [
            "Type=exec",
            _exec("ExecStart", place, "start", "--attach", key),
            "Restart=on-failure",
            f"SuccessExitStatus={_TERMINATED}",  # a stop is no failure
        ]
    else:
        service = ["Type=oneshot", "RemainAfterExit=yes", _exec("ExecStart", place, "start", key)]
    patience = it.spec.stop_timeout
    service += [
        _exec("ExecStop", place, "stop", key),
        f"TimeoutStopSec={round(patience) + _SLACK if patience >= 0 else 'infinity'}",
    ]
    return _unit(place, f"tuidock-{title}", f"Container {it.name} of tuidock", service)


def _unit(place: Place, name: str, description: str, service: Iterable[str]) -> str:
    network = [] if place.user else ["Wants=network-online.target", "After=network-online.target"]
    lines = [
        f"# {place.directory}/{name}.service",
        *(_LINGER if place.user else ()),
        "[Unit]",
        f"Description={_escaped(description)}",
        *network,
        *(f"RequiresMountsFor={_quoted(each)}" for each in place.directories),
        "",
        "[Service]",
        *(f"Environment={_quoted(f'{key}={value}')}" for key, value in place.variables),
        *service,
        "KillMode=process",
        "",
        "[Install]",
        f"WantedBy={place.wanted_by}",
    ]
    return "\n".join(lines) + "\n"


def _exec(key: str, place: Place, *words: str) -> str:
    return f"{key}={_command([*place.command, *words])}"


def _command(words: Sequence[str]) -> str:
    """systemd.service(5): `$` begins a variable there."""
    return " ".join(_quoted(word).replace("$", "$$") for word in words)


def _quoted(word: str) -> str:
    """One word of a unit, whatever is in it; see systemd.syntax(7)."""
    escaped = _escaped(word)
    if escaped and not set(escaped) & set(" \t\"'\\;"):
        return escaped
    inner = escaped.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'


def _escaped(text: str) -> str:
    """`%` begins a specifier."""
    return text.replace("%", "%%")
