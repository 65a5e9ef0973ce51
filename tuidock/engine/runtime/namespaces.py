"""Which namespaces a container has for itself, and which it shares with host or container.

Pure. What a person says (`host`, `container:ID`) becomes entries of `linux.namespaces` and an
annotation, for the runtime-spec knows paths of processes only, which no container has yet when
it is created. Invariant: who shares a namespace of a container has its user namespace, too,
because the kernel lets only its root mount /proc or /sys of it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tuidock.engine.types import ContainerSpec

JOIN = "tuidock.join"
"""The annotation: `pid=ID,user=ID`, full ids of containers by the type of namespace."""
SHIFTED = "tuidock.shifted"
"""The annotation of a container whose layers are copies, with its own ids as their owners."""
_CONTAINER = "container:"


def asked(spec: ContainerSpec) -> dict[str, str]:
    """What a person said, by OCI's type of namespace."""
    return {"pid": spec.pid, "network": spec.network, "ipc": spec.ipc, "uts": spec.uts}


def donor(word: str) -> str:
    """The container of `container:ID`; empty for any other word."""
    return word.removeprefix(_CONTAINER) if word.startswith(_CONTAINER) else ""


def of_container(container_id: str) -> str:
    """The word for it."""
    return f"{_CONTAINER}{container_id}"


def shared(spec: ContainerSpec) -> dict[str, str]:
    """Full ids of containers whose namespaces are joined, by type, without `user`."""
    return {kind: donor(word) for kind, word in asked(spec).items() if donor(word)}


def entries(spec: ContainerSpec, *, own_ids: bool) -> list[dict[str, str]]:
    """`linux.namespaces`: every one that is not the host's."""
    kinds = ["mount", "cgroup"]
    kinds += [kind for kind, word in asked(spec).items() if word != "host"]
    return [{"type": kind} for kind in (*kinds, *(["user"] * own_ids))]


def annotation(spec: ContainerSpec, *, own_ids: bool) -> dict[str, str]:
    """Whose namespaces to join at the start; nothing when there are none."""
    found = shared(spec)
    if found and own_ids:
        found["user"] = next(iter(found.values()))
    return {JOIN: ",".join(f"{kind}={each}" for kind, each in found.items())} if found else {}


def joined(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Types of namespaces to join, by the full id of whose they are."""
    found: dict[str, list[str]] = {}
    for pair in filter(None, config["annotations"].get(JOIN, "").split(",")):
        kind, _, container_id = pair.partition("=")
        found.setdefault(container_id, []).append(kind)
    return found


def set_paths(config: Mapping[str, Any], pids: Mapping[str, int]) -> None:
    """Write down where the namespaces to join are now, as the runtime-spec wants it.

    Ours joins by the annotation and a pidfd instead, which no other process can come to mean.
    """
    names = {"network": "net"}
    for container_id, kinds in joined(config).items():
        process = f"/proc/{pids[container_id]}"
        for entry in config["linux"]["namespaces"]:
            if entry["type"] in kinds:
                entry["path"] = f"{process}/ns/{names.get(entry['type'], entry['type'])}"
        for mount in config["mounts"] if "ipc" in kinds else ():
            if mount["destination"] == SHARED_MEMORY:
                mount["source"] = f"{process}/root{SHARED_MEMORY}"


SHARED_MEMORY = "/dev/shm"
"""A mount, but it holds what POSIX calls IPC, so it goes with that namespace."""
