"""From what is typed in the run form to a `ContainerSpec`, and from a spec to a command line.

Pure functions, docker's syntax in both directions. Invariant: a spec comes out only when no
field has a problem, and `command_line` of it says the same as the form.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from typing import NamedTuple

from tuidock.engine.types import ContainerSpec, Limits, Mount, Port, RestartPolicy
from tuidock.widgets.amounts import (
    LEAST_MEMORY,
    cores_text,
    parse_cores,
    parse_count,
    parse_size,
    size_text,
)

NETWORKS = ("bridge", "host", "none")
RESTARTS = ("no", "on-failure", "unless-stopped", "always")

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")


class Fields(NamedTuple):
    """The form, as typed."""

    image: str
    name: str = ""
    command: str = ""
    env: str = ""
    ports: str = ""
    mounts: str = ""
    memory: str = ""
    cpus: str = ""
    pids: str = ""
    network: str = "bridge"
    restart: str = "no"
    tty: bool = False
    remove: bool = False


class Reading(NamedTuple):
    """What became of a form."""

    spec: ContainerSpec | None
    problems: dict[str, str]
    """Field to what is wrong with it, in words."""


def read(fields: Fields) -> Reading:
    """The spec that a form asks for, or everything that is wrong with it at once."""
    values: dict[str, object] = {}
    problems: dict[str, str] = {}
    for field, parse in _PARSERS.items():
        try:
            values[field] = parse(getattr(fields, field))
        except ValueError as error:
            problems[field] = str(error)
    problems |= {field: why for field, why in _clashes(fields).items() if field not in problems}
    if problems:
        return Reading(None, problems)
    limits = Limits(**{field: values.pop(field) for field in ("memory", "cpus", "pids")})  # type: ignore[arg-type]  # each parser has its field's type
    spec = ContainerSpec(
        image=fields.image,
        **values,  # type: ignore[arg-type]
        limits=limits,
        network=fields.network,
        restart=RestartPolicy(fields.restart),
        tty=fields.tty,
        stdin=fields.tty,
        remove=fields.remove,
    )
    return Reading(spec, {})


def _clashes(fields: Fields) -> dict[str, str]:
    """Fields that are right alone and wrong together."""
    clashes = {}
    if fields.ports.strip() and fields.network != "bridge":
        clashes["ports"] = f"ports are published on the bridge; the network is {fields.network}"
    if fields.remove and fields.restart != "no":
        clashes["restart"] = "a container that is removed at its end cannot be restarted"
    return clashes


def parse_name(text: str) -> str:
    """A container's name, or nothing for one that is made up. Raises ValueError."""
    name = text.strip()
    if name and not _NAME.fullmatch(name):
        raise ValueError("a name has letters, digits, _ . - only, two or more, no sign in front")
    return name


def parse_command(text: str) -> tuple[str, ...]:
    """Words as a shell splits them. Raises ValueError."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"the command does not end: {error}".lower()) from None


def parse_env(text: str) -> tuple[str, ...]:
    """`KEY=value` words. Raises ValueError."""
    variables = parse_command(text)
    for each in variables:
        if "=" not in each or each.startswith("="):
            raise ValueError(f"{each}: a variable is KEY=value, quoted when it has spaces")
    return variables


def parse_ports(text: str) -> tuple[Port, ...]:
    """`80`, `8080:80`, `127.0.0.1:53:53/udp`, apart by spaces or commas. Raises ValueError."""
    return tuple(_port(word) for word in text.replace(",", " ").split())


def _port(word: str) -> Port:
    body, _, protocol = word.partition("/")
    if protocol not in ("", "tcp", "udp", "sctp"):
        raise ValueError(f"{word}: the protocol is tcp, udp or sctp")
    address, inner = body.rpartition(":")[::2]
    ip, outer = address.rpartition(":")[::2]
    return Port(
        container_port=_number(word, inner),
        protocol=protocol or "tcp",
        host_port=_number(word, outer) if outer else 0,
        host_ip=ip.strip("[]"),
    )


def _number(word: str, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ValueError(f"{word}: a port is host:container with numbers 1 to 65535, 8080:80")
    return int(text)


def parse_mounts(text: str) -> tuple[Mount, ...]:
    """`/host:/inside:ro`, `tmpfs:/inside`. Raises ValueError."""
    return tuple(_mount(word) for word in parse_command(text))


def _mount(word: str) -> Mount:
    source, target, *options = [*word.split(":"), ""][: max(2, word.count(":") + 1)]
    if not target.startswith("/") or target == "/":
        raise ValueError(f"{word}: a mount is from:to, and to is a path from /: /srv:/data:ro")
    if any(option not in ("ro", "rw") for option in options):
        raise ValueError(f"{word}: after the paths only ro or rw may stand")
    source = os.path.expanduser(source)
    if source == "tmpfs":
        return Mount("tmpfs", "", target, "ro" in options)
    if _NAME.fullmatch(source):
        raise ValueError(f"named volume '{source}' is not supported yet; from is a path from /")
    if not source.startswith("/"):
        raise ValueError(f"{word}: from is a path from /, or tmpfs")
    return Mount("bind", source, target, "ro" in options)


def _memory(text: str) -> int | None:
    if not text.strip():
        return None
    count = parse_size(text)
    if 0 < count < LEAST_MEMORY:
        raise ValueError("the least memory limit is 6m")
    return count or None


def _cpus(text: str) -> float | None:
    cores = parse_cores(text) if text.strip() else 0.0
    if 0 < cores < 0.01:
        raise ValueError("the least CPU limit is 0.01")
    return cores or None


def _pids(text: str) -> int | None:
    return (parse_count(text) or None) if text.strip() else None


_PARSERS: dict[str, Callable[[str], object]] = {
    "name": parse_name,
    "command": parse_command,
    "env": parse_env,
    "ports": parse_ports,
    "mounts": parse_mounts,
    "memory": _memory,
    "cpus": _cpus,
    "pids": _pids,
}


# --- back to words --------------------------------------------------------------------------


def command_line(spec: ContainerSpec) -> str:
    """The `tuidock run` that does the same."""
    words = ["tuidock", "run", "-d", *_switches(spec)]
    words += [word for variable in spec.env for word in ("-e", variable)]
    words += [word for port in spec.ports for word in ("-p", port_text(port))]
    words += [word for mount in spec.mounts for word in _mount_words(mount)]
    words += _limit_words(spec.limits)
    return shlex.join([*words, spec.image, *spec.command])


def _switches(spec: ContainerSpec) -> list[str]:
    words = ["-it"] if spec.tty and spec.stdin else ["-t"] if spec.tty else []
    words += ["--rm"] if spec.remove else []
    words += ["--name", spec.name] if spec.name else []
    words += ["--network", spec.network] if spec.network != "bridge" else []
    words += ["--restart", spec.restart.name] if spec.restart.name != "no" else []
    return words


def port_text(port: Port) -> str:
    """A port as `-p` takes it."""
    protocol = "" if port.protocol == "tcp" else f"/{port.protocol}"
    host = f"{port.host_port}:" if port.host_port else ":" if port.host_ip else ""
    address = f"{port.host_ip}:" if port.host_ip else ""
    return f"{address}{host}{port.container_port}{protocol}"


def _mount_words(mount: Mount) -> list[str]:
    tail = ":ro" if mount.readonly else ""
    if mount.kind == "tmpfs":
        return ["--tmpfs", mount.target + tail]
    return ["-v", f"{mount.source}:{mount.target}{tail}"]


def _limit_words(limits: Limits) -> list[str]:
    words = []
    if limits.memory is not None:
        words += ["-m", size_text(limits.memory)]
    if limits.cpus is not None:
        words += ["--cpus", cores_text(limits.cpus)]
    if limits.pids is not None:
        words += ["--pids-limit", str(limits.pids)]
    return words
