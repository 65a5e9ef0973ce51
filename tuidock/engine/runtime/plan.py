"""From an OCI `config.json` to the list of operations that make its file system.

Pure: the list can be printed and tested without a namespace. Invariant: mounts come in the
order of the config, masks after them, the root is sealed and entered last.
"""

from __future__ import annotations

import json

from tuidock.engine.errors import BadSpec
from tuidock.engine.linux import mount as m
from tuidock.engine.named import NamedTuple
from tuidock.engine.runtime import rootfs as r
from tuidock.engine.runtime.cgroupview import CgroupView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from tuidock.engine.runtime.rootfs import Operation

DEVICES = (
    ("/dev/null", (1, 3)),
    ("/dev/zero", (1, 5)),
    ("/dev/full", (1, 7)),
    ("/dev/random", (1, 8)),
    ("/dev/urandom", (1, 9)),
    ("/dev/tty", (5, 0)),
)
LINKS = (
    ("/dev/ptmx", "pts/ptmx"),
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/dev/core", "/proc/kcore"),
)


class Options(NamedTuple):
    """fstab-style mount options, sorted by who understands them."""

    attributes: int
    """MOUNT_ATTR_* to set."""
    recursive: bool
    """Attributes hold for the mounts below too."""
    bind: bool
    with_submounts: bool
    idmap: bool
    insists: bool
    """The ids must be mapped; else they are where the file system can."""
    data: tuple[tuple[str, str], ...]
    """What the file system itself reads; a value is empty for a flag."""


_ATTRIBUTES = {
    "ro": m.MOUNT_ATTR_RDONLY,
    "rro": m.MOUNT_ATTR_RDONLY,
    "nosuid": m.MOUNT_ATTR_NOSUID,
    "nodev": m.MOUNT_ATTR_NODEV,
    "noexec": m.MOUNT_ATTR_NOEXEC,
    "noatime": m.MOUNT_ATTR_NOATIME,
    "strictatime": m.MOUNT_ATTR_STRICTATIME,
}
_DEFAULTS = frozenset(
    ("rw", "suid", "dev", "exec", "relatime", "private", "rprivate", "newinstance", "defaults")
)
_WORDS = frozenset(("bind", "rbind", "idmap", "ridmap"))


def parse(options: Iterable[str]) -> Options:
    """Sort mount options. `private` is the only propagation a container gets.

    Raises BadSpec for one that would let a mount travel back to the host.
    """
    words = list(options)
    attributes = 0
    data = []
    for word in words:
        if word in ("shared", "rshared", "slave", "rslave", "unbindable", "runbindable"):
            raise BadSpec(f"mount propagation {word} is not supported", "leave it out")
        if word in _ATTRIBUTES:
            attributes |= _ATTRIBUTES[word]
        elif word not in _DEFAULTS and word not in _WORDS:
            data.append((word.partition("=")[0], word.partition("=")[2]))
    return Options(
        attributes=attributes,
        recursive="rro" in words or "rbind" in words,
        bind="bind" in words or "rbind" in words,
        with_submounts="rbind" in words,
        idmap="idmap" in words or "ridmap" in words,
        insists="ridmap" in words,
        data=tuple(data),
    )


def binds(config: dict[str, Any]) -> list[tuple[str, str, Options]]:
    """(source, target, options) of every mount that must be opened outside, in order."""
    return [
        (entry["source"], entry["destination"], parse(entry.get("options", ())))
        for entry in _bind_mounts(config)
    ]


def _bind_mounts(config: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry for entry in config.get("mounts", ()) if parse(entry.get("options", ())).bind]


def operations(config: dict[str, Any], hierarchies: tuple[str, ...] = ()) -> list[Operation]:
    """Every step from the host's mounts to standing in the container's root.

    `hierarchies` are those of the host's cgroups.
    """
    linux = config["linux"]
    annotations = config["annotations"]
    layers = tuple(filter(None, annotations["tuidock.layers"].split(":")))
    bundle = f"containers/{annotations['tuidock.id']}"
    volatile = annotations.get("tuidock.volatile") == "true"
    steps: list[Operation] = [r.Private(), r.Overlay(layers, bundle, volatile)]
    steps += mounts(config, hierarchies)
    steps += _nodes(config)
    steps += [r.Sysctl(name, value) for name, value in linux.get("sysctl", {}).items()]
    if masked := linux.get("maskedPaths"):
        steps.append(r.Masks(tuple(masked)))
    steps += [r.ReadOnly(path) for path in linux.get("readonlyPaths", ())]
    if config["root"].get("readonly"):
        steps.append(r.ReadOnlyRoot())
    return [*steps, r.Pivot()]


def mounts(config: Mapping[str, Any], hierarchies: tuple[str, ...]) -> list[Operation]:
    """What `mounts` of the configuration come to."""
    steps: list[Operation] = []
    index = 0
    for entry in config.get("mounts", ()):
        target, kind = entry["destination"], entry.get("type", "")
        options = parse(entry.get("options", ()))
        if options.bind:
            steps.append(r.Attach(index, target, entry["source"]))
            index += 1
        elif kind == "cgroup":
            steps.append(CgroupView(target, options.attributes, hierarchies))
        else:
            steps.append(r.Filesystem(kind, target, options.data, options.attributes))
        if target == "/dev":
            steps += _devices()
    return steps


def _devices() -> list[Operation]:
    """The nodes that every container has."""
    nodes: list[Operation] = [r.Device(path, numbers) for path, numbers in DEVICES]
    return nodes + [r.Link(path, target) for path, target in LINKS]


def nodes(config: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """(source, OCI device) of every further node, in order."""
    described = config["linux"].get("devices") or []
    sources = json.loads(config["annotations"].get("tuidock.devices", "[]"))
    return list(zip(sources, described, strict=True))


def _nodes(config: dict[str, Any]) -> list[Operation]:
    first = len(_bind_mounts(config))
    return [
        r.Node(first, number, device["path"]) for number, (_, device) in enumerate(nodes(config))
    ]
