"""Mounts, directories and files as a stub makes them in a container's root.

The same words as `linux.mount` and `linux.openat2`, but each only writes system calls down;
`run` of the caller makes them. Invariant: no result lies outside the directory that was given,
and what is missing is made only below a directory that is open already (CVE-2024-45310).
"""

from __future__ import annotations

import errno
import os
import struct

from tuidock.engine.linux import mount as m
from tuidock.engine.linux.openat2 import IN_ROOT, PLAIN, TRIES, read_opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol, Unpack

    from tuidock.engine.linux.arena import Answer, Argument, Batch, How

    class Caller(Protocol):
        """A stub, a scribe, or `own.Own`: this process itself."""

        step: str

        @property
        def waiting(self) -> int: ...

        def add(self, name: str, *arguments: Argument, **how: Unpack[How]) -> Answer: ...

        def push(self) -> None: ...

        def play(self, passage: Batch) -> None: ...

        def run(self) -> None: ...

    Descriptor = int | Answer

AT_FDCWD = m.AT_FDCWD


def number(descriptor: Descriptor) -> int:
    """The number of a descriptor, once the call that opens it has been made."""
    return descriptor if isinstance(descriptor, int) else descriptor.known


# --- mounts -------------------------------------------------------------------------------------


def new_mount(
    caller: Caller, kind: str, options: Iterable[tuple[str, str]], attributes: int = 0
) -> Answer:
    """A new, detached mount of a file system; an option without a value is a flag."""
    context = caller.add("fsopen", kind, m.FSOPEN_CLOEXEC, path=kind)
    for key, value in options:
        command = m.FSCONFIG_SET_STRING if value else m.FSCONFIG_SET_FLAG
        caller.add("fsconfig", context, command, key, value or None, path=kind, context=context)
    caller.add("fsconfig", context, m.FSCONFIG_CMD_CREATE, path=kind, context=context)
    made = caller.add("fsmount", context, m.FSMOUNT_CLOEXEC, attributes, path=kind, context=context)
    caller.add("close", context)
    return made


def open_tree(
    caller: Caller, directory: Descriptor, path: str = "", *, recursive: bool = False
) -> Answer:
    """A detached copy of the mount at `path` (empty: of `directory` itself)."""
    flags = m.OPEN_TREE_CLONE | m.OPEN_TREE_CLOEXEC | m.AT_EMPTY_PATH
    flags |= m.AT_RECURSIVE if recursive else 0
    return caller.add("open_tree", directory, path, flags, path=path)


def move_mount(caller: Caller, mount: Descriptor, target: Descriptor, path: str = "") -> None:
    """Attach a detached mount over the file or directory open as `target`, or `path` below it."""
    flags = m.MOVE_MOUNT_F_EMPTY_PATH | (0 if path else m.MOVE_MOUNT_T_EMPTY_PATH)
    caller.add("move_mount", mount, "", target, path, flags, path=path)


def mount_setattr(
    caller: Caller,
    mount: Descriptor,
    attributes: int = 0,
    *,
    propagation: int = 0,
    userns: int = 0,
    recursive: bool = False,
    fine: tuple[int, ...] = (),
) -> None:
    """Change attributes of a mount, of every mount below it with `recursive`."""
    request = struct.pack("=QQQQ", attributes, 0, propagation, userns)
    flags = m.AT_EMPTY_PATH | (m.AT_RECURSIVE if recursive else 0)
    caller.add("mount_setattr", mount, "", flags, request, len(request), fine=fine)


# --- below a root -------------------------------------------------------------------------------


def open_in(
    caller: Caller,
    root: Descriptor,
    path: str,
    flags: int,
    resolve: int = IN_ROOT,
    *,
    fine: tuple[int, ...] = (),
    skip: int = 0,
) -> Answer:
    """openat2(2): `path` below `root`, close-on-exec."""
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC, 0, resolve)
    return caller.add(
        "openat2", root, path, how, len(how), fine=fine, skip=skip, tries=TRIES, path=path
    )


def make_directory(caller: Caller, root: Descriptor, path: str, mode: int = 0o755) -> Answer:
    """The directory `path` below `root` as O_PATH, made one name at a time where it is missing.

    A symbolic link is followed inside the root; one that leads nowhere is an error.
    """
    flags = os.O_PATH | os.O_DIRECTORY
    here = open_in(caller, root, ".", flags)
    walked = ""
    for name in [part for part in path.split("/") if part not in ("", ".")]:
        walked += f"/{name}"
        caller.add("mkdirat", here, name, mode, fine=(errno.EEXIST,), path=walked)
        here = open_in(caller, root, walked, flags)
    return here


def make_file(
    caller: Caller, root: Descriptor, path: str, mode: int = 0o644, *, or_skip: int = 0
) -> Answer:
    """The file `path` below `root` as O_PATH, made, with its directories, where it is missing.

    A link that leads nowhere is an error, or leaves the next `or_skip` calls out.
    """
    parent, _, name = path.rstrip("/").rpartition("/")
    directory = make_directory(caller, root, parent)
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    file = caller.add(
        "openat", directory, name, flags, mode, fine=(errno.EEXIST,), skip=1, path=path
    )
    caller.add("close", file)
    fine = (errno.ENOENT,) if or_skip else ()
    return open_in(caller, root, path, os.O_PATH, fine=fine, skip=or_skip)


def plain_directory(caller: Caller, root: Descriptor, path: str) -> Answer:
    """/dev, /proc and /sys must be real directories of the image (CVE-2026-41579)."""
    name = path.strip("/")
    caller.add("mkdirat", root, name, 0o755, fine=(errno.EEXIST,), path=path)
    return open_in(caller, root, name, os.O_PATH | os.O_DIRECTORY, PLAIN)


def read_small(caller: Caller, root: Descriptor, path: str, limit: int) -> bytes:
    """As `openat2.read_small`, of a file that only the caller can reach."""
    answer = open_in(caller, root, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    caller.run()
    return read_opened(answer.known, path, limit)
