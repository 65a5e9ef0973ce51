"""What a container sees of cgroups: its own, as if there were no others.

The view has the same hierarchies as the host, v1, v2 or both. Invariant: nobody can write in it
but a privileged container, and that only in its own cgroups.
"""

from __future__ import annotations

from tuidock.engine.cgroups.files import read
from tuidock.engine.linux import mount as m
from tuidock.engine.linux.mountinfo import parse
from tuidock.engine.named import NamedTuple
from tuidock.engine.runtime import asking as a
from tuidock.engine.runtime.rootfs import HIDDEN, attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.linux.arena import Answer
    from tuidock.engine.linux.mountinfo import Mount
    from tuidock.engine.runtime.asking import Caller
    from tuidock.engine.runtime.rootfs import Birth


class CgroupView(NamedTuple):
    """The container's own cgroups, as the root of every hierarchy; read-only unless privileged."""

    target: str
    attributes: int
    hierarchies: tuple[str, ...]
    """What the host has; see `hierarchies`."""

    def describe(self) -> str:
        return f"mount cgroups on {self.target}"

    def execute(self, birth: Birth) -> None:
        if self.hierarchies == ("",):
            view = a.new_mount(birth.stub, "cgroup2", (), self.attributes)
            return attach(birth, view, self.target, is_directory=True)
        options = (("mode", "755"), ("size", "65536"))
        frame = a.new_mount(birth.stub, "tmpfs", options, HIDDEN)
        attach(birth, frame, self.target, is_directory=True)
        for controllers in self.hierarchies:
            _mount_hierarchy(birth.stub, frame, controllers, self.attributes)
        return a.mount_setattr(birth.stub, frame, m.MOUNT_ATTR_RDONLY)


def hierarchies() -> tuple[str, ...]:
    """Those that are mounted now: `cpu,cpuacct` or `name=systemd` for each of v1, "" for v2.

    Raises OSError.
    """
    mounts = parse(read("/proc/self/mountinfo"), ("cgroup", "cgroup2"))
    return tuple(dict.fromkeys("" if each.kind == "cgroup2" else _named(each) for each in mounts))


def _named(mount: Mount) -> str:
    kept = [each for each in mount.options if each.partition("=")[0] not in _NOT_CONTROLLERS]
    return ",".join(kept)


_NOT_CONTROLLERS = frozenset(("rw", "ro", "xattr", "noprefix", "clone_children", "release_agent"))


def _mount_hierarchy(stub: Caller, directory: Answer, controllers: str, attributes: int) -> None:
    """One v1 hierarchy (`cpu,cpuacct`, `name=systemd`) or, when unnamed, v2's."""
    name = controllers.removeprefix("name=") or "unified"
    stub.add("mkdirat", directory, name, 0o755, path=name)
    if controllers:
        options = [(key, value) for key, _, value in map(_partition, controllers.split(","))]
        mounted = a.new_mount(stub, "cgroup", options, attributes)
    else:
        mounted = a.new_mount(stub, "cgroup2", (), attributes)
    a.move_mount(stub, mounted, directory, name)
    for controller in name.split(",") if "," in name else ():
        stub.add("symlinkat", name, directory, controller, path=controller)


def _partition(option: str) -> tuple[str, str, str]:
    return option.partition("=")
