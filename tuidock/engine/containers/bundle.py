"""The bundle of a container on disk: `config.json` after the OCI runtime-spec, and its directories.

A bundle directory is locked (flock) by whoever makes it until its row is committed, so that
the sweep can tell one being made from one left over.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import time

from tuidock.engine.errors import ContainerNotFound
from tuidock.engine.layout import Layout
from tuidock.engine.linux.files import remove_path, replace

_PATIENCE = 5.0
"""Seconds for a monitor to finish what it does at the end; then it hangs, and is not waited for."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def making(layout: Layout, container_id: str) -> Iterator[str]:
    """A new, locked bundle directory; removed again when the block fails."""
    path = layout.container(container_id)
    os.mkdir(path, 0o700)
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        for name in ("upper", "work", "rootfs"):
            os.mkdir(f"{path}/{name}", 0o755)
        yield path
    except BaseException:
        remove_path(path)
        raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(
    layout: Layout, container_id: str, turn_out: Callable[[], object] | None = None
) -> Iterator[int]:
    """Only one client at a time starts, updates, looks into or removes a container.

    Yields the descriptor that is locked. `turn_out` is called again and again while somebody
    else has it. Raises ContainerNotFound when it was removed meanwhile.
    """
    path = layout.container(container_id)
    try:
        descriptor = _open(path)
    except FileNotFoundError as error:
        raise ContainerNotFound(container_id) from error
    try:
        _lock(descriptor, turn_out)
        if not os.path.exists(path):
            raise ContainerNotFound(container_id)
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, turn_out: Callable[[], object] | None) -> None:
    if turn_out is None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return
    pause = 0.005
    while not _locks(descriptor):
        turn_out()
        time.sleep(pause)
        pause = min(2 * pause, 0.1)


@contextlib.contextmanager
def unwatched(layout: Layout, container_id: str) -> Iterator[bool]:
    """Keep monitors away: one that records an end gets time for it, a new one must wait.

    Yields whether there is a run directory, which a monitor removes when it ends in peace.
    """
    try:
        descriptor = _open(layout.run(container_id))
    except FileNotFoundError:
        yield False
        return
    try:
        deadline = time.monotonic() + _PATIENCE
        while not _locks(descriptor) and time.monotonic() < deadline:
            time.sleep(0.002)
        yield True
    finally:
        os.close(descriptor)


def _locks(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def is_free(path: str) -> bool:
    """Nobody is making this bundle."""
    descriptor = _open(path)
    try:
        return _locks(descriptor)
    finally:
        os.close(descriptor)


def write_config(layout: Layout, container_id: str, config: dict[str, object]) -> None:
    """Replace `config.json` in one step."""
    path = f"{layout.container(container_id)}/config.json"
    replace(path, json.dumps(config).encode())  # `dump` encodes in Python, ten times as long


def read_config(layout: Layout, container_id: str) -> dict[str, object]:
    """The runtime-spec config. Raises OSError."""
    with open(f"{layout.container(container_id)}/config.json", encoding="utf-8") as file:
        found: dict[str, object] = json.load(file)
    return found


def write_files(layout: Layout, container_id: str, files: dict[str, str]) -> None:
    """`hosts`, `hostname` and `resolv.conf`, bind-mounted at the start.

    Mostly they are as the last start left them, and to truncate a file may mean to wait for a disk.
    """
    for name, text in files.items():
        path = f"{layout.container(container_id)}/{name}"
        if _holds(path, text.encode()):
            continue
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o644)


def _holds(path: str, content: bytes) -> bool:
    """Whether a container, which may write to it, has left it alone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        is_readable = stat.S_IMODE(os.fstat(descriptor).st_mode) == 0o644
        return is_readable and os.read(descriptor, len(content) + 1) == content
    finally:
        os.close(descriptor)


def mount_mark(layout: Layout, container_id: str) -> str:
    """The file that says where the root is mounted for a person; see `mounting`."""
    return f"{layout.container(container_id)}/mounted"


def may_be_mounted(layout: Layout, container_id: str) -> bool:
    """Cheap, for every start: nothing more is to be asked when it is not."""
    return os.path.exists(mount_mark(layout, container_id))
