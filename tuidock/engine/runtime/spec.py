"""From what a person asked and what the image says to an OCI runtime-spec `config.json`.

Pure. The result can be given to `crun` or `runc` as it is; what only we need is in annotations
that begin with `tuidock.`. Invariant: nothing of the image reaches an annotation, so that a
label can never steer the engine.
"""

from __future__ import annotations

import json
import os

from tuidock.engine.cgroups.limits import resources
from tuidock.engine.errors import BadSpec
from tuidock.engine.linux.userns import Maps, Range
from tuidock.engine.runtime import (
    capabilities,
    devices,
    idmaps,
    mounts,
    namespaces,
    restarting,
    seccomp,
    security,
    sysctls,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from tuidock.engine.layout import Layout
    from tuidock.engine.runtime.devices import Node
    from tuidock.engine.types import ContainerSpec, ExecSpec

ID_RANGE = 65536
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MASKED_PATHS = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/dev/block",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/selinux",
)
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_RLIMITS = frozenset(
    "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending "
    "stack".split()
)


def oci_config(
    layout: Layout,
    container_id: str,
    spec: ContainerSpec,
    image_config: dict[str, Any],
    command: Sequence[str],
    uid_base: int,
    layer_keys: Sequence[str],
    name: str = "",
    maps: Maps | None = None,
    nodes: Sequence[Node] = (),
) -> dict[str, Any]:
    """The `config.json` of a container.

    `image_config` is the OCI image configuration, `command` entrypoint and arguments joined,
    `uid_base` the host's id of the container's root (0: no user namespace), `layer_keys` the
    layers, lowest first, `maps` the ids that an ordinary user has, `nodes` its further devices.
    Raises BadSpec.
    """
    image = image_config.get("config") or {}
    bundle = layout.container(container_id)
    own_ids = bool(uid_base or maps)
    config: dict[str, Any] = {
        "ociVersion": "1.0.2",
        "process": _process(container_id, spec, image, command, own_ids=own_ids),
        "root": {"path": "rootfs", "readonly": spec.read_only},
        "mounts": mounts.entries(layout, bundle, spec, own_ids=bool(uid_base), maps=maps),
        "annotations": _annotations(container_id, spec, image, layer_keys, name)
        | namespaces.annotation(spec, own_ids=own_ids),
        "linux": _linux(layout, container_id, spec, maps or _id_range(uid_base), nodes),
    }
    give_devices(config, nodes)
    return config if spec.uts else config | {"hostname": hostname(container_id, spec)}


def give_devices(config: dict[str, Any], nodes: Sequence[Node]) -> None:
    """List the nodes, instead of those listed before, with their places on the host."""
    config["linux"]["devices"] = devices.described(nodes)
    config["annotations"]["tuidock.devices"] = json.dumps([node.source for node in nodes])


def hostname(container_id: str, spec: ContainerSpec) -> str:
    """What a container calls itself."""
    if "host" in (spec.network, spec.uts) and not spec.hostname:
        return os.uname().nodename
    return spec.hostname or container_id[:12]


def _process(
    container_id: str,
    spec: ContainerSpec,
    image: dict[str, Any],
    command: Sequence[str],
    *,
    own_ids: bool,
) -> dict[str, Any]:
    user = _user(spec, image)
    numbers = [_number(part) or 0 for part in f"{user}:".split(":")]
    granted = _granted(spec, own_ids=own_ids)
    return {
        "terminal": spec.tty,
        "user": {
            "uid": numbers[0],
            "gid": numbers[1],
            "additionalGids": [n for n in map(_number, spec.groups) if n is not None],
        },
        "args": list(command),
        "env": _environment(container_id, spec, image),
        "cwd": _working_dir(spec, image),
        "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), granted),
        "rlimits": [_rlimit(*each) for each in spec.ulimits],
        "noNewPrivileges": security.parse(spec.security_opt).no_new_privileges,
        "oomScoreAdj": spec.oom_score_adj,
    }


def _number(text: str) -> int | None:
    """An id that the runtime-spec can hold; None for a name, which the start looks up."""
    is_short = text.isascii() and text.isdigit() and len(text) <= 10
    return int(text) if is_short and int(text) < 1 << 32 else None


def _granted(spec: ContainerSpec, *, own_ids: bool) -> list[str]:
    """Without a user namespace, only what this machine gives to root. Raises BadSpec."""
    asked = capabilities.granted(spec.cap_add, spec.cap_drop, privileged=spec.privileged)
    return asked if own_ids else capabilities.available(asked, spec.cap_add)


def _user(spec: ContainerSpec, image: dict[str, Any]) -> str:
    return spec.user if spec.user is not None else str(image.get("User") or "")


def _group(name: str) -> str:
    if not name or not name.isprintable() or set(name) & set(": ,"):
        raise BadSpec(f"invalid group {name!r}", "a name of the image's /etc/group, or a number")
    return name


def _working_dir(spec: ContainerSpec, image: dict[str, Any]) -> str:
    path = spec.working_dir or str(image.get("WorkingDir") or "/")
    if not path.startswith("/"):
        raise BadSpec(f"the working directory {path!r} is invalid, it needs to be an absolute path")
    return path


def _environment(container_id: str, spec: ContainerSpec, image: dict[str, Any]) -> list[str]:
    """Docker's own variables, then the image's, then the person's; the last of a name wins."""
    ours = [PATH, f"HOSTNAME={hostname(container_id, spec)}"]
    if spec.tty:
        ours.append("TERM=xterm")
    merged: dict[str, str] = {}
    for pair in (*ours, *(image.get("Env") or ()), *spec.env):
        key, equals, value = str(pair).partition("=")
        if not key or "\0" in value:
            raise BadSpec(f"invalid environment variable: {pair!r}")
        if equals:
            merged[key] = value
        else:
            merged.pop(key, None)
    return [f"{key}={value}" for key, value in merged.items()]


def _rlimit(name: str, soft: int, hard: int) -> dict[str, Any]:
    if name not in _RLIMITS:
        raise BadSpec(f"invalid ulimit type: {name}", "names as in setrlimit(2), without RLIMIT_")
    unlimited = 2**64 - 1
    soft, hard = (unlimited if each < 0 else each for each in (soft, hard))
    if soft > hard:
        raise BadSpec(
            f"ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}"
        )
    return {"type": f"RLIMIT_{name.upper()}", "soft": soft, "hard": hard}


def _annotations(
    container_id: str,
    spec: ContainerSpec,
    image: dict[str, Any],
    layer_keys: Sequence[str],
    name: str,
) -> dict[str, str]:
    found = {
        "tuidock.id": container_id,
        "tuidock.name": name or spec.name,
        "tuidock.image": spec.image,
        "tuidock.layers": ":".join(layer_keys),
        "tuidock.user": _user(spec, image),
        "tuidock.log": f"{spec.log.max_size}:{spec.log.max_files}",
        "tuidock.aftermath": aftermath(spec),
        restarting.POLICY: restarting.written(spec.restart),
        "tuidock.groups": ":".join(_group(each) for each in spec.groups),
    }
    flags = {
        "tuidock.stdin": spec.stdin,
        "tuidock.volatile": spec.remove,
        "tuidock.init": spec.init,
    }
    return found | {key: "true" for key, on in flags.items() if on}


def aftermath(spec: ContainerSpec) -> str:
    """When a process that may import everything has work to do after the end.

    Who runs a container in the foreground removes it and frees its address itself, but does
    not wait for the bridge, which an ordinary user does not have.
    """
    if spec.network == "bridge":
        return "unattended" if os.geteuid() else "always"
    return "unattended" if spec.remove else "never"


def _id_range(uid_base: int) -> Maps | None:
    """A range that root gives to a container; None for the host's own ids."""
    ids = (Range(0, uid_base, ID_RANGE),)
    return Maps(ids, ids) if uid_base else None


def _linux(
    layout: Layout,
    container_id: str,
    spec: ContainerSpec,
    maps: Maps | None,
    nodes: Sequence[Node],
) -> dict[str, Any]:
    linux: dict[str, Any] = {
        "cgroupsPath": f"/tuidock-{layout.tag}/{container_id}",
        "namespaces": namespaces.entries(spec, own_ids=bool(maps)),
        "resources": resources(spec.limits)
        | {"devices": devices.rules(nodes, spec.device_rules, privileged=spec.privileged)},
        "sysctl": dict(sysctls.check(name, value, spec) for name, value in spec.sysctls),
    }
    options = security.parse(spec.security_opt)
    closed = options.system_paths and not spec.privileged
    linux["maskedPaths"] = [*MASKED_PATHS, *_temperatures()] if closed else []
    linux["readonlyPaths"] = list(READONLY_PATHS) if closed else []
    if maps:
        linux |= idmaps.described(maps)
    if found := _seccomp(spec, options.seccomp, own_ids=bool(maps)):
        linux["seccomp"] = found
    return linux


def _seccomp(spec: ContainerSpec, asked: str, *, own_ids: bool) -> dict[str, Any] | None:
    """The filter; a privileged container has one only if it was asked for."""
    granted = _granted(spec, own_ids=own_ids)
    if asked == "default":
        return None if spec.privileged else seccomp.profile(granted, os.uname().machine)
    if asked == "unconfined":
        return None
    from tuidock.engine.runtime.profile import load

    return load(asked, granted)


def _temperatures() -> list[str]:
    """Where each processor tells how often it was too hot: a clock of what neighbours do."""
    paths = (f"/sys/devices/system/cpu/cpu{n}/thermal_throttle" for n in range(os.cpu_count() or 1))
    return [path for path in paths if os.path.isdir(path)]


def exec_process(config: dict[str, Any], spec: ExecSpec) -> dict[str, Any]:
    """The OCI `process` of a further command, from the container's own. Raises BadSpec."""
    own = config["process"]
    if not spec.command:
        raise BadSpec("no command specified", "name one after the container")
    if spec.working_dir and not spec.working_dir.startswith("/"):
        raise BadSpec(f"the working directory {spec.working_dir!r} needs to be an absolute path")
    environment = dict(pair.partition("=")[::2] for pair in own["env"])
    if spec.tty:
        environment.setdefault("TERM", "xterm")
    for pair in spec.env:
        key, _, value = pair.partition("=")
        if not key or "\0" in pair:
            raise BadSpec(f"invalid environment variable: {pair!r}")
        environment[key] = value
    granted = own["capabilities"]["bounding"]
    if spec.privileged:
        granted = list(capabilities.ALL)
        if not config["linux"].get("uidMappings"):
            granted = capabilities.available(granted, ())
    process: dict[str, Any] = own | {
        "terminal": spec.tty,
        "args": list(spec.command),
        "env": [f"{key}={value}" for key, value in environment.items()],
        "cwd": spec.working_dir or own["cwd"],
        "user": {
            "username": config["annotations"]["tuidock.user"] if spec.user is None else spec.user
        },
        "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), granted),
    }
    return process
