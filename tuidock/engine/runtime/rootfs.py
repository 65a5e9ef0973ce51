"""The file system of a container, as a list of small operations asked of its first process.

Each operation says what it does (`describe`), so that a failed birth names its step, and writes
down the system calls for it (`execute`), on descriptors below `Birth.root`. Invariant: no
operation resolves a path of the image outside the image, and none follows a link for /dev,
/proc and /sys.
"""

from __future__ import annotations

import errno
import os
import stat

from tuidock.engine.linux import mount as m
from tuidock.engine.linux.openat2 import PLAIN, RESOLVE_NO_XDEV, destination
from tuidock.engine.named import NamedTuple
from tuidock.engine.runtime import asking as a

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from tuidock.engine.linux.arena import Answer
    from tuidock.engine.runtime.asking import Caller, Descriptor
    from tuidock.engine.runtime.passages import Passage

    Unchecked = tuple[Answer, str, tuple[int, int]]
    """A device node that was opened, its path, and the numbers that it must have."""

    class Operation(Protocol):
        """One step of the birth."""

        def describe(self) -> str: ...

        def execute(self, birth: Birth) -> None: ...


HIDDEN = m.MOUNT_ATTR_NOSUID | m.MOUNT_ATTR_NODEV | m.MOUNT_ATTR_NOEXEC
_FD_DIRECTORY = "/proc/self/fd"
_MANY = 500
"""Calls after which a batch is made: an operation needs less than its room has left then."""


class Birth:
    """What the operations share: who makes them, and descriptors that later steps need."""

    def __init__(
        self, stub: Caller, store: int, binds: list[int], passages: tuple[Passage, ...] = ()
    ) -> None:
        self.stub = stub
        self.passages = passages
        """What was written down already; only a stub that shares our memory can make it."""
        self.store = store
        """Detached mount of the engine's root, id-mapped where the container has own ids."""
        self.binds = binds
        """Detached mounts that the starter opened outside, one for each `Attach`, then devices."""
        self.root: Descriptor = -1
        self.empty: Answer | None = None
        """A read-only empty tmpfs, shared by all masked directories."""
        self.unchecked: list[Unchecked] = []
        self._dangling: list[tuple[Answer, Descriptor, str]] = []
        """Targets that may turn out to be links to what is missing, and what to mount there."""

    def furnish(self, operations: list[Operation]) -> None:
        """Execute them all. Raises OSError; the stub's step is the one that failed."""
        at = 0
        while at < len(operations):
            if passage := self._passage(operations, at):
                self._play(passage)
                at += len(passage.operations)
            else:
                self._execute(operations[at])
                at += 1
        self.run()

    def _execute(self, operation: Operation) -> None:
        self.stub.step = operation.describe()
        operation.execute(self)
        if self.stub.waiting > _MANY:
            self.run()
        self.stub.push()

    def _passage(self, operations: list[Operation], at: int) -> Passage | None:
        for each in self.passages:
            if tuple(operations[at : at + len(each.operations)]) == each.operations:
                return each
        return None

    def _play(self, passage: Passage) -> None:
        self.run()  # the root is known then
        self.unchecked += passage.unchecked
        passage.batch.arena.set(passage.root, a.number(self.root))
        self.stub.play(passage.batch)

    def run(self) -> None:
        """Make what was written down, and look at what was opened."""
        step = self.stub.step
        self.stub.run()
        for node, path, numbers in self.unchecked:
            self.stub.step = f"bind {path}"
            check_device(node.known, path, numbers)
        self.unchecked.clear()
        for target, mounted, path in self._dangling:
            if target.known == -errno.ENOENT:
                self.stub.step = f"mount where {path} leads"
                self._mount_at_end(mounted, path)
        self._dangling.clear()
        self.stub.step = step

    def mount_file(self, mounted: Descriptor, path: str) -> None:
        """Mount on the file `path`, made if missing, also where it is a link to what is missing:
        /etc/resolv.conf of a machine with systemd-resolved is one.
        """
        target = a.make_file(self.stub, self.root, path, or_skip=1)
        a.move_mount(self.stub, mounted, target)
        self._dangling.append((target, mounted, path))

    def _mount_at_end(self, mounted: Descriptor, path: str) -> None:
        end = destination(a.number(self.root), path)
        a.move_mount(self.stub, mounted, a.make_file(self.stub, self.root, end))
        self.stub.run()

    def host_device(self, path: str, numbers: tuple[int, int]) -> Answer:
        """A device node of the host, whose mounts are still there; its numbers are compared
        before anything of the image can run (CVE-2025-31133).
        """
        flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
        node = self.stub.add("openat", a.AT_FDCWD, path, flags, path=path)
        self.unchecked.append((node, path, numbers))
        return node


def check_device(node: int, path: str, numbers: tuple[int, int], kind: int = stat.S_IFCHR) -> None:
    """Raises OSError when the descriptor is not that device."""
    status = os.fstat(node)
    if stat.S_IFMT(status.st_mode) != kind or status.st_rdev != os.makedev(*numbers):
        word = "character" if kind == stat.S_IFCHR else "block"
        raise OSError(errno.EINVAL, f"not {word} device {numbers[0]}:{numbers[1]}", path)


class Private(NamedTuple):
    """Nothing that is mounted here may be seen by the host, or by its other containers."""

    def describe(self) -> str:
        return "make all mounts private"

    def execute(self, birth: Birth) -> None:
        birth.stub.add("mount", None, "/", None, m.MS_REC | m.MS_PRIVATE, None)


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
        stub = birth.stub
        # Somewhere: overlayfs takes only layers of a mount in our own namespace. Not on "/",
        # where the old root, once pivoted away, must be the topmost.
        a.move_mount(stub, birth.store, a.AT_FDCWD, "/sys")
        names = [f"layers/{key}" for key in reversed(self.layers)] or [f"{self.bundle}/rootfs"]
        lower = [_directory(birth.store, name) for name in names]
        upper = _directory(birth.store, f"{self.bundle}/upper")
        work = _directory(birth.store, f"{self.bundle}/work")
        stub.add("chdir", _FD_DIRECTORY)  # a descriptor's number is the shortest name
        options = [("upperdir", str(upper)), ("workdir", str(work)), ("userxattr", "")]
        options += [("volatile", "")] * self.volatile
        target = _directory(birth.store, f"{self.bundle}/rootfs")
        root = _overlay(birth, target, lower, options)
        stub.add("chdir", "/")
        flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        birth.root = root or stub.add("openat", birth.store, f"{self.bundle}/rootfs", flags)


def _directory(base: int, path: str) -> int:
    """Opened by us: the process shares our descriptors, and nobody else's names are in there."""
    return os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=base)


def _overlay(
    birth: Birth, target: int, layers: list[int], options: list[tuple[str, str]]
) -> Answer | None:
    """Mount on `target`; the current directory is that of our descriptors.

    Returns its root where that is open afterwards.
    """
    joined = ("lowerdir", ":".join(map(str, layers)))
    if len(joined[1]) < 256:
        root = a.new_mount(birth.stub, "overlay", [joined, *options], m.MOUNT_ATTR_NODEV)
        a.move_mount(birth.stub, root, target)
        return root
    # Too long for fsconfig.
    text = ",".join(f"{key}={value}" if value else key for key, value in (joined, *options))
    birth.stub.add("mount", "overlay", str(target), "overlay", m.MS_NODEV, text)
    return None


class Filesystem(NamedTuple):
    """A new file system: proc, sysfs, tmpfs, devpts, mqueue."""

    kind: str
    target: str
    options: tuple[tuple[str, str], ...] = ()
    attributes: int = HIDDEN

    def describe(self) -> str:
        return f"mount {self.kind} on {self.target}"

    def execute(self, birth: Birth) -> None:
        mounted = a.new_mount(birth.stub, self.kind, self.options, self.attributes)
        attach(birth, mounted, self.target, is_directory=True)


class Attach(NamedTuple):
    """A mount that the starter opened outside: a volume, or a file of the bundle."""

    number: int
    target: str
    source: str

    def describe(self) -> str:
        return f"bind {self.source} to {self.target}"

    def execute(self, birth: Birth) -> None:
        mounted = birth.binds[self.number]
        is_directory = stat.S_ISDIR(os.fstat(mounted).st_mode)
        attach(birth, mounted, self.target, is_directory=is_directory)


def attach(birth: Birth, mounted: Descriptor, path: str, *, is_directory: bool) -> None:
    """Mount on `path`, made if missing."""
    if path in ("/dev", "/proc", "/sys"):
        target = a.plain_directory(birth.stub, birth.root, path)
    elif is_directory:
        target = a.make_directory(birth.stub, birth.root, path)
    else:
        birth.mount_file(mounted, path)
        return
    a.move_mount(birth.stub, mounted, target)


class Device(NamedTuple):
    """A device node of the host; nodes cannot be made in a user namespace."""

    path: str
    numbers: tuple[int, int]

    def describe(self) -> str:
        return f"bind {self.path}"

    def execute(self, birth: Birth) -> None:
        node = birth.host_device(self.path, self.numbers)
        target = a.make_file(birth.stub, birth.root, self.path, 0o666)
        a.move_mount(birth.stub, a.open_tree(birth.stub, node), target)


class Node(NamedTuple):
    """A device that was asked for, as `sources` opened or made it outside."""

    first: int
    """Where the devices begin in `Birth.binds`: each for itself, or one directory of them."""
    number: int
    path: str

    def describe(self) -> str:
        return f"give the device {self.path}"

    def execute(self, birth: Birth) -> None:
        opened = birth.binds[self.first]
        tree: Descriptor
        if stat.S_ISDIR(os.fstat(opened).st_mode):
            if self.number == 0:  # not every kernel copies from a detached mount
                a.move_mount(birth.stub, opened, a.AT_FDCWD, "/sys")
            tree = a.open_tree(birth.stub, opened, str(self.number))
        else:
            tree = birth.binds[self.first + self.number]
        attach(birth, tree, self.path, is_directory=False)


class Link(NamedTuple):
    """A symbolic link below /dev."""

    path: str
    target: str

    def describe(self) -> str:
        return f"link {self.path} to {self.target}"

    def execute(self, birth: Birth) -> None:
        parent, name = os.path.split(self.path)
        directory = a.open_in(birth.stub, birth.root, parent, os.O_PATH | os.O_DIRECTORY)
        birth.stub.add(
            "symlinkat", self.target, directory, name, fine=(errno.EEXIST,), path=self.path
        )


class Masks(NamedTuple):
    """Hide files behind /dev/null, directories behind an empty one; what is missing is fine."""

    paths: tuple[str, ...]

    def describe(self) -> str:
        return f"mask {', '.join(self.paths[:1])} and others"

    def execute(self, birth: Birth) -> None:
        stub = birth.stub
        found = []
        for path in self.paths:
            stub.step = f"mask {path}"
            found.append(_find(birth, path))
        null = birth.host_device("/dev/null", (1, 3))
        birth.run()
        for path, target in zip(self.paths, found, strict=True):
            if target.known >= 0:
                stub.step = f"mask {path}"
                is_directory = stat.S_ISDIR(os.fstat(target.known).st_mode)
                cover = _empty(birth) if is_directory else a.open_tree(stub, null)
                a.move_mount(stub, cover, target)


def _find(birth: Birth, path: str, *, skip: int = 0) -> Answer:
    missing = (errno.ENOENT, errno.ENOTDIR)
    return a.open_in(birth.stub, birth.root, path, os.O_PATH, fine=missing, skip=skip)


def _empty(birth: Birth) -> Answer:
    """The tmpfs itself at first, then copies of it: not every kernel copies a detached mount."""
    if birth.empty is not None:
        return a.open_tree(birth.stub, birth.empty)
    options = (("mode", "555"), ("nr_inodes", "1"))
    birth.empty = a.new_mount(birth.stub, "tmpfs", options, HIDDEN | m.MOUNT_ATTR_RDONLY)
    return birth.empty


class ReadOnly(NamedTuple):
    """Make what is below a path read-only, other mounts in it too."""

    path: str

    def describe(self) -> str:
        return f"make {self.path} read-only"

    def execute(self, birth: Birth) -> None:
        target = _find(birth, self.path, skip=3)
        tree = a.open_tree(birth.stub, target, recursive=True)
        a.mount_setattr(birth.stub, tree, m.MOUNT_ATTR_RDONLY, recursive=True)
        a.move_mount(birth.stub, tree, target)


class ReadOnlyRoot(NamedTuple):
    """`--read-only`: the image and what was written before, not the mounts in it."""

    def describe(self) -> str:
        return "make the root read-only"

    def execute(self, birth: Birth) -> None:
        birth.run()  # which may have to make a file
        a.mount_setattr(birth.stub, birth.root, m.MOUNT_ATTR_RDONLY)


class Sysctl(NamedTuple):
    """One namespaced kernel setting; which are allowed, `spec` decides."""

    name: str
    value: str

    def describe(self) -> str:
        return f"sysctl {self.name}={self.value}"

    def execute(self, birth: Birth) -> None:
        stub = birth.stub
        proc = a.open_in(stub, birth.root, "proc", os.O_PATH | os.O_DIRECTORY, PLAIN)
        path = f"sys/{self.name.replace('.', '/')}"
        file = a.open_in(stub, proc, path, os.O_WRONLY, PLAIN | RESOLVE_NO_XDEV)
        value = self.value.encode()
        stub.add("write", file, value, len(value), path=path)
        stub.add("close", file)


class Pivot(NamedTuple):
    """Leave the host's file system for good."""

    def describe(self) -> str:
        return "pivot into the root"

    def execute(self, birth: Birth) -> None:
        stub = birth.stub
        stub.add("fchdir", birth.root)
        stub.add("pivot_root", ".", ".")
        stub.add("umount2", ".", m.MNT_DETACH)  # the old root, which lies on the new one now
        stub.add("chdir", "/")
