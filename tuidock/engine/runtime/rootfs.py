"""The file system of a container, as a list of small operations run inside its namespaces.

Each operation says what it does (`describe`), so that a failed birth names its step, and does
it on descriptors below `Birth.root` (`execute`). Invariant: no operation resolves a path of
the image outside the image, and none follows a link for /dev, /proc and /sys.
"""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from tuidock.engine.cgroups.files import read
from tuidock.engine.linux import mount as m
from tuidock.engine.linux.openat2 import (
    PLAIN,
    RESOLVE_NO_XDEV,
    make_directory,
    make_file,
    openat2,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.linux.sockets import Packets

HIDDEN = m.MOUNT_ATTR_NOSUID | m.MOUNT_ATTR_NODEV | m.MOUNT_ATTR_NOEXEC
_FD_DIRECTORY = "/proc/self/fd"


class Birth:
    """What the operations share: descriptors that later steps need."""

    def __init__(self, line: Packets, store: int, binds: list[int]) -> None:
        self.line = line
        self.store = store
        """Detached mount of the engine's root, id-mapped where the container has own ids."""
        self.binds = binds
        """Detached mounts that the monitor opened outside, one for each `Attach`, then devices."""
        self.root = -1
        self.empty = -1
        """A read-only empty tmpfs, shared by all masked directories."""
        self.slave = -1
        """The container's end of its terminal."""


class Operation:
    """One step; subclasses are NamedTuples that look the same."""


class Private(NamedTuple):
    """Nothing that is mounted here may be seen by the host, or by its other containers."""

    def describe(self) -> str:
        return "make all mounts private"

    def execute(self, birth: Birth) -> None:
        m.set_propagation("/", m.MS_REC | m.MS_PRIVATE)


class Overlay(NamedTuple):
    """The image's layers, lowest first, with the container's own directory on top."""

    layers: tuple[str, ...]
    bundle: str
    """Below the engine's root: `containers/ID`."""
    volatile: bool = False
    """Never sync: for containers that are removed at their end."""

    def describe(self) -> str:
        return f"overlay {len(self.layers)} layers"

    def execute(self, birth: Birth) -> None:
        # Somewhere: overlayfs takes only layers of a mount in our own namespace. Not on "/",
        # where the old root, once pivoted away, must be the topmost.
        m.move_mount(birth.store, _AT_FDCWD, "/sys")
        names = [f"layers/{key}" for key in reversed(self.layers)] or [f"{self.bundle}/rootfs"]
        lower = [_directory(birth.store, name) for name in names]
        upper = _directory(birth.store, f"{self.bundle}/upper")
        work = _directory(birth.store, f"{self.bundle}/work")
        os.chdir(_FD_DIRECTORY)  # a descriptor's number is the shortest name of a directory
        options = [("upperdir", str(upper)), ("workdir", str(work)), ("userxattr", "")]
        options += [("volatile", "")] * self.volatile
        target = _directory(birth.store, f"{self.bundle}/rootfs")
        _overlay(target, lower, options)
        os.chdir("/")
        birth.root = _directory(birth.store, f"{self.bundle}/rootfs")
        for descriptor in (*lower, upper, work, target):
            os.close(descriptor)


_AT_FDCWD = -100


def _directory(base: int, path: str) -> int:
    return os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=base)


def _overlay(target: int, layers: list[int], options: list[tuple[str, str]]) -> None:
    """Mount on `target`; the current directory is that of our descriptors."""
    joined = ("lowerdir", ":".join(map(str, layers)))
    if len(joined[1]) >= 256:  # too long for fsconfig
        return m.mount_at(str(target), "overlay", [joined, *options], m.MS_NODEV)
    root = m.new_mount("overlay", [joined, *options], m.MOUNT_ATTR_NODEV)
    m.move_mount(root, target)
    return os.close(root)


class Filesystem(NamedTuple):
    """A new file system: proc, sysfs, tmpfs, devpts, mqueue."""

    kind: str
    target: str
    options: tuple[tuple[str, str], ...] = ()
    attributes: int = HIDDEN

    def describe(self) -> str:
        return f"mount {self.kind} on {self.target}"

    def execute(self, birth: Birth) -> None:
        mounted = m.new_mount(self.kind, self.options, self.attributes)
        _attach(birth, mounted, self.target)


class Attach(NamedTuple):
    """A mount that the monitor opened outside: a volume, or a file of the bundle."""

    number: int
    target: str
    source: str

    def describe(self) -> str:
        return f"bind {self.source} to {self.target}"

    def execute(self, birth: Birth) -> None:
        _attach(birth, birth.binds[self.number], self.target)


def _attach(birth: Birth, mounted: int, path: str) -> None:
    """Mount on `path`, made if missing; closes `mounted`."""
    if os.path.dirname(path) == "/" and path in ("/dev", "/proc", "/sys"):
        target = _plain_directory(birth.root, path)
    elif stat.S_ISDIR(os.fstat(mounted).st_mode):
        target = make_directory(birth.root, path)
    else:
        target = make_file(birth.root, path)
    m.move_mount(mounted, target)
    os.close(target)
    os.close(mounted)


def _plain_directory(root: int, path: str) -> int:
    """/dev, /proc and /sys must be real directories of the image (CVE-2026-41579)."""
    name = path.strip("/")
    try:
        return openat2(root, name, os.O_PATH | os.O_DIRECTORY, PLAIN)
    except FileNotFoundError:
        os.mkdir(name, 0o755, dir_fd=root)
        return openat2(root, name, os.O_PATH | os.O_DIRECTORY, PLAIN)


class Device(NamedTuple):
    """A device node of the host; nodes cannot be made in a user namespace."""

    path: str
    numbers: tuple[int, int]

    def describe(self) -> str:
        return f"bind {self.path}"

    def execute(self, birth: Birth) -> None:
        node = host_device(self.path, self.numbers)
        target = make_file(birth.root, self.path, 0o666)
        tree = m.open_tree(node, "")
        m.move_mount(tree, target)
        for descriptor in (node, target, tree):
            os.close(descriptor)


def host_device(path: str, numbers: tuple[int, int], kind: int = stat.S_IFCHR) -> int:
    """Open a device node of the host and make sure that it is the one (CVE-2025-31133)."""
    node = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    status = os.fstat(node)
    if stat.S_IFMT(status.st_mode) != kind or status.st_rdev != os.makedev(*numbers):
        os.close(node)
        word = "character" if kind == stat.S_IFCHR else "block"
        raise OSError(22, f"not {word} device {numbers[0]}:{numbers[1]}", path)
    return node


class Node(NamedTuple):
    """A device that was asked for, as `sources` opened or made it outside."""

    first: int
    """Where the devices begin in `Birth.binds`: each for itself, or one directory of them."""
    number: int
    path: str

    def describe(self) -> str:
        return f"give the device {self.path}"

    def execute(self, birth: Birth) -> None:
        opened = birth.binds[self.first :][: self.number + 1][-1]
        if stat.S_ISDIR(os.fstat(opened).st_mode):
            if self.number == 0:  # not every kernel copies from a detached mount
                m.move_mount(opened, _AT_FDCWD, "/sys")
            opened = m.open_tree(opened, str(self.number))
        _attach(birth, opened, self.path)


class Link(NamedTuple):
    """A symbolic link below /dev."""

    path: str
    target: str

    def describe(self) -> str:
        return f"link {self.path} to {self.target}"

    def execute(self, birth: Birth) -> None:
        parent, name = os.path.split(self.path)
        directory = openat2(birth.root, parent, os.O_PATH | os.O_DIRECTORY)
        try:
            os.symlink(self.target, name, dir_fd=directory)
        except FileExistsError:
            pass
        finally:
            os.close(directory)


class CgroupView(NamedTuple):
    """The container's own cgroups, as the root of every hierarchy; read-only unless privileged."""

    target: str
    attributes: int

    def describe(self) -> str:
        return f"mount cgroups on {self.target}"

    def execute(self, birth: Birth) -> None:
        hierarchies = mounted_hierarchies(read("/proc/self/mountinfo"))
        if hierarchies == [""]:
            return _attach(birth, m.new_mount("cgroup2", (), self.attributes), self.target)
        frame = m.new_mount("tmpfs", (("mode", "755"), ("size", "65536")), HIDDEN)
        inside = os.dup(frame)
        _attach(birth, frame, self.target)
        for controllers in hierarchies:
            _mount_hierarchy(inside, controllers, self.attributes)
        m.mount_setattr(inside, m.MOUNT_ATTR_RDONLY)
        return os.close(inside)


def mounted_hierarchies(mountinfo: str) -> list[str]:
    """`cpu,cpuacct` or `name=systemd` for each v1 hierarchy in proc(5)'s mountinfo, "" for v2."""
    found: dict[str, None] = {}
    for line in mountinfo.splitlines():
        kind, _source, options = line.partition(" - ")[2].split(" ", 2)
        if kind == "cgroup2":
            found[""] = None
        elif kind == "cgroup":
            found[
                ",".join(
                    o for o in options.split(",") if o.partition("=")[0] not in _NOT_CONTROLLERS
                )
            ] = None
    return list(found)


_NOT_CONTROLLERS = frozenset(("rw", "ro", "xattr", "noprefix", "clone_children", "release_agent"))


def _mount_hierarchy(directory: int, controllers: str, attributes: int) -> None:
    """One v1 hierarchy (`cpu,cpuacct`, `name=systemd`) or, when unnamed, v2's."""
    name = controllers.removeprefix("name=") or "unified"
    os.mkdir(name, 0o755, dir_fd=directory)
    if controllers:
        options = [(key, value) for key, _, value in map(_partition, controllers.split(","))]
        mounted = m.new_mount("cgroup", options, attributes)
    else:
        mounted = m.new_mount("cgroup2", (), attributes)
    m.move_mount(mounted, directory, name)
    os.close(mounted)
    for controller in name.split(",") if "," in name else ():
        os.symlink(name, controller, dir_fd=directory)


def _partition(option: str) -> tuple[str, str, str]:
    return option.partition("=")


class Mask(NamedTuple):
    """Hide a file behind /dev/null, a directory behind an empty one."""

    path: str

    def describe(self) -> str:
        return f"mask {self.path}"

    def execute(self, birth: Birth) -> None:
        try:
            target = openat2(birth.root, self.path, os.O_PATH)
        except FileNotFoundError:
            return
        if stat.S_ISDIR(os.fstat(target).st_mode):
            cover = _empty(birth)
        else:
            null = host_device("/dev/null", (1, 3))
            cover = m.open_tree(null, "")
            os.close(null)
        m.move_mount(cover, target)
        os.close(cover)
        os.close(target)


def _empty(birth: Birth) -> int:
    """The tmpfs itself at first, then copies of it: not every kernel copies a detached mount."""
    if birth.empty >= 0:
        return m.open_tree(birth.empty, "")
    options = (("mode", "555"), ("nr_inodes", "1"))
    birth.empty = m.new_mount("tmpfs", options, HIDDEN | m.MOUNT_ATTR_RDONLY)
    return os.dup(birth.empty)


class ReadOnly(NamedTuple):
    """Make what is below a path read-only, other mounts in it too."""

    path: str

    def describe(self) -> str:
        return f"make {self.path} read-only"

    def execute(self, birth: Birth) -> None:
        try:
            target = openat2(birth.root, self.path, os.O_PATH)
        except FileNotFoundError:
            return
        tree = m.open_tree(target, "", recursive=True)
        m.mount_setattr(tree, m.MOUNT_ATTR_RDONLY, recursive=True)
        m.move_mount(tree, target)
        os.close(tree)
        os.close(target)


class ReadOnlyRoot(NamedTuple):
    """`--read-only`: the image and what was written before, not the mounts in it."""

    def describe(self) -> str:
        return "make the root read-only"

    def execute(self, birth: Birth) -> None:
        m.mount_setattr(birth.root, m.MOUNT_ATTR_RDONLY)


class Sysctl(NamedTuple):
    """One namespaced kernel setting; which are allowed, `spec` decides."""

    name: str
    value: str

    def describe(self) -> str:
        return f"sysctl {self.name}={self.value}"

    def execute(self, birth: Birth) -> None:
        proc = openat2(birth.root, "proc", os.O_PATH | os.O_DIRECTORY, PLAIN)
        path = f"sys/{self.name.replace('.', '/')}"
        file = openat2(proc, path, os.O_WRONLY, PLAIN | RESOLVE_NO_XDEV)
        try:
            os.write(file, self.value.encode())
        finally:
            os.close(file)
            os.close(proc)


class Pivot(NamedTuple):
    """Leave the host's file system for good."""

    def describe(self) -> str:
        return "pivot into the root"

    def execute(self, birth: Birth) -> None:
        os.fchdir(birth.root)
        m.pivot_root(".", ".")
        m.unmount(".")  # the old root, which lies on top of the new one now
        os.chdir("/")
