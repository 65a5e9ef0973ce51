"""The mounts of a container as the runtime-spec lists them: what all have, and what was asked for.

Pure. Invariant: a target is mounted once, and after whatever it lies in.
"""

from __future__ import annotations

import os

from tuidock.engine.errors import BadSpec
from tuidock.engine.runtime import namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tuidock.engine.layout import Layout
    from tuidock.engine.linux.userns import Maps
    from tuidock.engine.types import ContainerSpec, Mount


def entries(
    layout: Layout, bundle: str, spec: ContainerSpec, *, own_ids: bool, maps: Maps | None
) -> list[dict[str, Any]]:
    """`mounts` of the configuration. Raises BadSpec for a target that is none."""
    hidden = _HIDDEN
    tty_group = ["gid=5"] * (maps is None or not maps.single)
    sys_flags = hidden if spec.privileged else [*hidden, "ro"]
    mounts = [
        # The kernel mounts proc, sysfs and mqueue only for who owns the namespace they show.
        _foreign("/proc", "proc", alien=spec.pid == "host" and bool(own_ids or maps)),
        _mount(
            "/dev", "tmpfs", "tmpfs", ["nosuid", "noexec", "strictatime", "mode=755", "size=64k"]
        ),
        _mount(
            "/dev/pts",
            "devpts",
            "devpts",
            ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", *tty_group],
        ),
        _mount("/sys", "none", "/sys", [*sys_flags, "rbind"])
        if spec.network == "host" and (own_ids or maps)
        else _mount("/sys", "sysfs", "sysfs", sys_flags),
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", sys_flags),
    ]
    mounts += _ipc_mounts(spec, alien=spec.ipc == "host" and bool(own_ids or maps))
    if donor := namespaces.donor(spec.network):
        bundle = layout.container(donor)
    flags = ["bind"] + ["ro"] * spec.read_only
    files = [
        _bind(f"{bundle}/{name}", f"/etc/{name}", flags, own_ids=own_ids)
        for name in ("hosts", "hostname", "resolv.conf")
    ]
    asked = [_asked(each, own_ids=own_ids) for each in spec.mounts]
    return _ordered(mounts + files + asked)


_HIDDEN = ["nosuid", "noexec", "nodev"]


def _foreign(target: str, kind: str, *, alien: bool) -> dict[str, Any]:
    """A file system that shows a namespace; the host's own mount of it where it is alien to us."""
    if alien:
        return _mount(target, "none", target, [*_HIDDEN, "rbind"])
    return _mount(target, kind, kind, _HIDDEN)


def _ipc_mounts(spec: ContainerSpec, *, alien: bool) -> list[dict[str, Any]]:
    """What belongs to the ipc namespace: POSIX shared memory and message queues."""
    size = [*_HIDDEN, "mode=1777", f"size={spec.shm_size}"]
    memory = _mount(namespaces.SHARED_MEMORY, "tmpfs", "shm", size)
    if spec.ipc:
        memory = _foreign(namespaces.SHARED_MEMORY, "none", alien=True)
    if alien and not os.path.ismount("/dev/mqueue"):
        return [memory]
    return [memory, _foreign("/dev/mqueue", "mqueue", alien=alien)]


def _mount(target: str, kind: str, source: str, options: list[str]) -> dict[str, Any]:
    return {"destination": target, "type": kind, "source": source, "options": options}


def _bind(source: str, target: str, options: list[str], *, own_ids: bool) -> dict[str, Any]:
    return _mount(target, "none", source, options + ["idmap"] * own_ids)


def _asked(mount: Mount, *, own_ids: bool) -> dict[str, Any]:
    target = os.path.normpath(mount.target)
    if not target.startswith("/") or target == "/":
        raise BadSpec(f"invalid mount target {mount.target!r}", "an absolute path other than /")
    if mount.kind == "tmpfs":
        words = [word for word, opposite in _CAUTIOUS if opposite not in mount.options]
        options = [*words, *mount.options] + ["ro"] * mount.readonly
        return _mount(target, "tmpfs", "tmpfs", options)
    words = [_WORDS.get(word, word) for word in mount.options if word not in _WITHOUT_EFFECT]
    flags = ["rbind", "nodev", *words] + ["rro"] * mount.readonly
    return _bind(mount.source, target, flags, own_ids=own_ids)


_WORDS = {"idmap": "ridmap"}
_WITHOUT_EFFECT = frozenset(("z", "Z", "cached", "consistent", "delegated"))
"""Of `-v`: for SELinux, which containers here know nothing of, and for docker elsewhere."""
_CAUTIOUS = (("nosuid", "suid"), ("nodev", "dev"), ("noexec", "exec"))
"""How a tmpfs is mounted, as docker does, unless the opposite is asked for."""


def _ordered(mounts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One mount for each target, the last asked for; parents before what is in them."""
    by_target = {mount["destination"]: mount for mount in mounts}
    return sorted(by_target.values(), key=lambda mount: mount["destination"].count("/"))
