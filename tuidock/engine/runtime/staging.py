"""A bundle as another OCI runtime can take it, in a mount namespace of the caller's own.

The root file system is mounted, volumes are id-mapped where their ids need it, users are
numbers. Invariant: whatever is mounted here goes with the caller and the mount namespaces that
are made of its own; files in the container's upper directory have the owners that our own
runtime would give them.
"""

from __future__ import annotations

import json
import os
import signal
import stat

from tuidock.engine.errors import Unsupported
from tuidock.engine.linux import mount as m
from tuidock.engine.linux import process as p
from tuidock.engine.linux.own import Own
from tuidock.engine.runtime import idmaps, plan, sources, user
from tuidock.engine.runtime.capabilities import bits
from tuidock.engine.runtime.config import added_groups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from tuidock.engine.layout import Layout
    from tuidock.engine.runtime.sources import Steps
    from tuidock.engine.runtime.user import User

_PLACES = ("/mnt", "/media", "/srv", "/opt", "/home", "/tmp", "/var/tmp")
"""Directories that may be covered, if nothing that is needed is in them."""


class Stage:
    """One bundle on a memory file system."""

    def __init__(self, layout: Layout, config: dict[str, Any], needed: Sequence[str]) -> None:
        """`needed`: paths that must stay in sight, besides the run root."""
        self.layout = layout
        self.config = config
        self.path = _place((layout.runroot, *map(os.path.realpath, needed)))

    def build(self, steps: Steps) -> None:
        """Make the mounts and write the configuration. Raises EngineError, OSError."""
        steps.step = "make a mount namespace"
        _leave_host()
        ids = id_namespace(self.config["linux"])
        store, *binds = sources.open_all(Own(), self.layout.root, self.config, ids, steps, -1)
        steps.step = "mount the stage"
        self._cover()
        steps.step = "mount the root file system"
        m.move_mount(store, m.AT_FDCWD, f"{self.path}/store")
        mount_root(self.config, f"{self.path}/store", f"{self.path}/rootfs")
        m.unmount(f"{self.path}/store")
        steps.step = "mount the volumes"
        for number, descriptor in enumerate(binds):
            _attach(descriptor, f"{self.path}/mounts/{number}")
        steps.step = "write the configuration"
        self._write()

    def pretend(self) -> None:
        """An empty one: runc looks for the root file system also when it only joins."""
        _leave_host()
        self._cover()

    def _cover(self) -> None:
        stage = m.new_mount("tmpfs", (("mode", "755"), ("size", "1m")), m.MOUNT_ATTR_NODEV)
        m.move_mount(stage, m.AT_FDCWD, self.path)
        os.close(stage)
        for name in ("store", "rootfs", "mounts"):
            os.mkdir(f"{self.path}/{name}", 0o755)

    def _write(self) -> None:
        who = self.config["annotations"].get("tuidock.user", "")
        root = os.open(f"{self.path}/rootfs", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        found = user.resolve(user.below(root), who, added_groups(self.config["annotations"]))
        os.close(root)
        with open(f"{self.path}/config.json", "w", encoding="utf-8") as file:
            file.write(json.dumps(staged(self.config, f"{self.path}/mounts", found)))


def _leave_host() -> None:
    p.unshare(p.CLONE_NEWNS)
    m.set_propagation("/", m.MS_REC | m.MS_PRIVATE)


def _place(needed: Sequence[str]) -> str:
    for path in _PLACES:
        covers = any(f"{each}/".startswith(f"{path}/") for each in needed)
        if os.path.isdir(path) and not os.path.islink(path) and not covers:
            return path
    raise Unsupported(
        "no directory may be covered to stage a bundle", f"make one of {', '.join(_PLACES)}"
    )


def _attach(mounted: int, path: str) -> None:
    if stat.S_ISDIR(os.fstat(mounted).st_mode):
        os.mkdir(path)
    else:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
    m.move_mount(mounted, m.AT_FDCWD, path)
    os.close(mounted)


def id_namespace(linux: dict[str, Any]) -> int:
    """A descriptor of a user namespace with the container's ids; -1 where it has the host's."""
    if not linux.get("uidMappings"):
        return -1
    us = os.getpid()
    child, pidfd = p.clone(p.CLONE_NEWUSER)
    if child == 0:
        p.prctl(p.PR_SET_PDEATHSIG, signal.SIGKILL)
        while os.getppid() == us:
            signal.pause()
        os._exit(0)
    try:
        idmaps.apply(child, linux)
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        p.send_signal(pidfd, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(pidfd)


def detached_root(layout: Layout, config: dict[str, Any], place: str) -> int:
    """A detached mount of a container's root file system, to be attached by anybody.

    Leaves the caller in a mount namespace of its own, with `place` covered. Raises OSError.
    """
    _leave_host()
    ids = id_namespace(config["linux"])
    store = m.open_tree(m.AT_FDCWD, layout.root)
    mapped = ids >= 0 and sources.needs_mapping(config)
    attributes, ids = (m.MOUNT_ATTR_IDMAP, ids) if mapped else (0, 0)
    m.mount_setattr(store, attributes, propagation=m.MS_PRIVATE, userns=ids)
    m.move_mount(store, m.AT_FDCWD, place)
    top = _directory(place)  # the store, which is about to be covered in turn
    mount_root(config, f"/proc/self/fd/{top}", place)
    return m.open_tree(m.AT_FDCWD, place)


def mount_root(config: dict[str, Any], store: str, target: str) -> None:
    """Mount a container's root file system at `target`, in the mount namespace of the caller.

    `store` is where the engine's root, id-mapped for the container, is attached in it. The
    kernel lets nobody write through an id-mapped upper directory who has no number in there, and
    remembers who mounted: so that is done with the ids of the container's root. Raises OSError.
    """
    about, ids = config["annotations"], config["linux"].get("uidMappings")
    bundle = f"{store}/containers/{about['tuidock.id']}"
    layers = [f"{store}/layers/{key}" for key in about["tuidock.layers"].split(":") if key]
    lower = [_directory(path) for path in reversed(layers or [f"{bundle}/rootfs"])]
    upper, work = _directory(f"{bundle}/upper"), _directory(f"{bundle}/work")
    here = _directory(".")
    os.chdir("/proc/self/fd")  # a descriptor's number is the shortest name of a directory
    options = [("lowerdir", ":".join(map(str, lower))), ("userxattr", "")]
    options += [("upperdir", str(upper)), ("workdir", str(work))]
    p.act_as(ids[0]["hostID"] if ids else 0)
    try:
        m.mount_at(target, "overlay", options, m.MS_NODEV)
    finally:
        p.act_as(0)
        os.fchdir(here)
        for descriptor in (*lower, upper, work, here):
            os.close(descriptor)


def _directory(path: str) -> int:
    return os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def staged(config: dict[str, Any], mounts: str, who: User) -> dict[str, Any]:
    """The configuration of the staged bundle: its binds are in `mounts`, by their number."""
    number = 0
    entries = []
    for entry in config["mounts"]:
        if plan.parse(entry.get("options", ())).bind:  # its attributes are set already
            entry = entry | {"source": f"{mounts}/{number}", "options": ["rbind", "rprivate"]}
            number += 1
        entries.append(entry)
    renamed = _renamed(config)
    entries += [_bound(source, path) for path, source in renamed.items()]
    kept = [each for each in config["linux"].get("devices") or () if each["path"] not in renamed]
    return config | {
        "mounts": entries,
        "process": numbered(config["process"], who),
        "linux": config["linux"] | {"devices": kept},
    }


def _renamed(config: dict[str, Any]) -> dict[str, str]:
    """Devices that are to have another name than the host's: that, by theirs.

    Nobody makes nodes in a user namespace; runc takes the host's of the same name instead.
    """
    if not config["linux"].get("uidMappings"):
        return {}
    nodes = plan.nodes(config)
    return {node["path"]: source for source, node in nodes if source != node["path"]}


def _bound(source: str, path: str) -> dict[str, Any]:
    return {"destination": path, "type": "none", "source": source, "options": ["bind", "rprivate"]}


def numbered(process: dict[str, Any], who: User) -> dict[str, Any]:
    """An OCI `process` with numbers for names, a home, and no capability that we lack."""
    environment = process["env"]
    if not any(each.startswith("HOME=") for each in environment):
        environment = [*environment, f"HOME={who.home}"]
    numbers = {"uid": who.uid, "gid": who.gid, "additionalGids": list(who.groups)}
    held = p.permitted()
    sets = {
        kind: [name for name in names if bits((name,)) & held]
        for kind, names in (process.get("capabilities") or {}).items()
    }
    return process | {"user": numbers, "env": environment, "capabilities": sets}
