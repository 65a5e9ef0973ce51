"""`--runtime`: which program is to run a container in place of the embedded runtime.

Invariant: what that program could not do as ours does is refused when the container is made,
not found out when it runs.
"""

from __future__ import annotations

import os

from tuidock.engine.errors import BadSpec, NeedsRoot
from tuidock.engine.runtime import namespaces
from tuidock.engine.types import ContainerSpec

OURS = "tuidock"
"""What the embedded one is called."""
_SEARCH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


def annotation(spec: ContainerSpec) -> dict[str, str]:
    """What a bundle says of its runtime; nothing for ours. Raises BadSpec."""
    if not _foreign(spec):
        return {}
    from tuidock.engine.runtime.foreign import PROGRAM  # a quarter of the client, else unneeded

    return {PROGRAM: find(spec.runtime)}


def _foreign(spec: ContainerSpec) -> bool:
    return spec.runtime not in ("", OURS)


def check(spec: ContainerSpec) -> None:
    """Raises BadSpec, NeedsRoot."""
    if not _foreign(spec):
        return
    find(spec.runtime)
    if os.geteuid():
        raise NeedsRoot(
            f"only root can use the runtime {spec.runtime}",
            "leave out --runtime: the embedded one needs no root",
        )
    if spec.init:
        raise BadSpec("--init does not go with --runtime", "leave out one of them")
    if namespaces.shared(spec):
        raise BadSpec(
            f"the runtime {spec.runtime} cannot join the namespaces of another container",
            "leave out --runtime, or share with the host",
        )


def find(name: str) -> str:
    """The path of a program by name or path. Raises BadSpec."""
    places = [name] if name.startswith("/") else [f"{each}/{name}" for each in _SEARCH]
    for path in places if "/" not in name[1:] or name.startswith("/") else ():
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise BadSpec(
        f"unknown or invalid runtime name: {name}", "install crun or runc, or give a path"
    )
