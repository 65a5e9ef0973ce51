"""What launcher, monitors and first processes read in a bundle's `config.json`.

Invariant: the usual seccomp filter is compiled once, in the launcher; who is forked from it
inherits the program.
"""

from __future__ import annotations

import json
import os

from tuidock.engine.linux import process as p
from tuidock.engine.runtime import bpf, seccomp
from tuidock.engine.runtime.capabilities import DEFAULT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAMESPACES = {
    "user": p.CLONE_NEWUSER,
    "mount": p.CLONE_NEWNS,
    "pid": p.CLONE_NEWPID,
    "network": p.CLONE_NEWNET,
    "uts": p.CLONE_NEWUTS,
    "ipc": p.CLONE_NEWIPC,
    "cgroup": p.CLONE_NEWCGROUP,
}
_USUAL_PROFILE = seccomp.profile(DEFAULT, os.uname().machine)
_USUAL_PROGRAM = bpf.compile_profile(_USUAL_PROFILE) if _USUAL_PROFILE else b""


def read_config(path: str) -> dict[str, Any]:
    """The OCI configuration. Raises OSError."""
    with open(path, "rb", buffering=0) as file:
        config: dict[str, Any] = json.loads(file.read())
    return config


def added_groups(annotations: dict[str, str]) -> tuple[str, ...]:
    """What `--group-add` asked for, names or numbers of the image."""
    return tuple(filter(None, annotations.get("tuidock.groups", "").split(":")))


def flags(linux: dict[str, Any]) -> int:
    """The namespaces of `config.json` as clone flags."""
    found = 0
    for namespace in linux["namespaces"]:
        found |= NAMESPACES[namespace["type"]]
    return found


def held_capabilities(linux: dict[str, Any]) -> int:
    """Those that a first process may give to its command, as bits: all, in a user namespace of
    its own, or ours.
    """
    return (1 << 64) - 1 if linux.get("uidMappings") else p.permitted()


def owns(linux: dict[str, Any], kind: str) -> bool:
    """Whether the container has a namespace of this type for itself."""
    return any(each["type"] == kind and "path" not in each for each in linux["namespaces"])


def filter_program(profile: dict[str, Any] | None) -> bytes:
    """The compiled `linux.seccomp`; empty for none."""
    if not profile:
        return b""
    return _USUAL_PROGRAM if profile == _USUAL_PROFILE else bpf.compile_profile(profile)
