"""A container's root file system, mounted for a person to look at or another runtime to run.

Where it is mounted stands in a file of the bundle. Invariant: a container is not mounted twice,
so one that is mounted here does not run, and does not start.
"""

from __future__ import annotations

import os
import shutil

from tuidock.engine.containers import bundle
from tuidock.engine.containers.etc import contents
from tuidock.engine.containers.records import Record
from tuidock.engine.errors import BadSpec, HostError, NeedsRoot, WrongStatus
from tuidock.engine.layout import Layout
from tuidock.engine.linux import mount as m
from tuidock.engine.linux import sockets
from tuidock.engine.runtime.state import read_state
from tuidock.engine.types import DOWN


def mount(layout: Layout, record: Record, directory: str = "") -> str:
    """The path of its mounted root; the same as before when it is.

    With `directory`, that becomes a bundle for any OCI runtime: the configuration as it is, and
    the root beside it. The store itself is closed to the ids of a container, so one with a user
    namespace cannot be run from there. Raises WrongStatus, BadSpec, NeedsRoot, HostError.
    """
    if os.geteuid():
        raise NeedsRoot(
            "only root can mount a container's files", "`tuidock cp` and `export` need no mount"
        )
    with bundle.locked(layout, record.id):
        if read_state(layout, record.id).status not in DOWN:
            raise WrongStatus(
                f"container {record.name} is running", f"`tuidock stop {record.name}` first"
            )
        if there := mounted(layout, record.id):
            return there
        bundle.write_files(layout, record.id, contents(record, None))  # the bundle binds them
        target = _prepare(layout, record.id, directory)
        _remember(layout, record.id, target)
        root = _detached_root(layout, record.id)
        m.move_mount(root, m.AT_FDCWD, target)
        os.close(root)
    return target


def _prepare(layout: Layout, container_id: str, directory: str) -> str:
    here = layout.container(container_id)
    if not directory:
        return f"{here}/rootfs"
    target = os.path.abspath(directory)
    try:
        for path in (target, f"{target}/rootfs"):
            os.mkdir(path, 0o755)
        shutil.copyfile(f"{here}/config.json", f"{target}/config.json")
    except OSError as error:
        raise BadSpec(
            f"cannot make a bundle in {directory}: {error.strerror}", "name a new directory"
        ) from error
    return f"{target}/rootfs"


def unmount(layout: Layout, container_id: str) -> None:
    """Take the mount away, and the bundle that was made with it. No-op without one.

    Raises HostError while it is in use.
    """
    target = _remembered(layout, container_id)
    if not target:
        return
    try:
        if os.path.ismount(target):
            m.unmount(target, 0)
        if target != f"{layout.container(container_id)}/rootfs":
            os.unlink(f"{os.path.dirname(target)}/config.json")
            os.rmdir(target)
            os.rmdir(os.path.dirname(target))
    except FileNotFoundError:
        pass  # somebody has cleaned up there
    except OSError as error:
        raise HostError(
            f"cannot unmount container {container_id[:12]}: {error.strerror}",
            f"somebody works in {target}",
        ) from error
    os.unlink(bundle.mount_mark(layout, container_id))


def mounted(layout: Layout, container_id: str) -> str:
    """Where its root is mounted; empty when it is not."""
    target = _remembered(layout, container_id)
    return target if target and os.path.ismount(target) else ""


def _remember(layout: Layout, container_id: str, target: str) -> None:
    with open(bundle.mount_mark(layout, container_id), "wb") as file:
        file.write(os.fsencode(target))


def _remembered(layout: Layout, container_id: str) -> str:
    try:
        with open(bundle.mount_mark(layout, container_id), "rb") as file:
            return os.fsdecode(file.read())
    except FileNotFoundError:
        return ""


def _detached_root(layout: Layout, container_id: str) -> int:
    """Mounted by a child, in a mount namespace where the id-mapped layers may be in sight."""
    ours, theirs = sockets.pair()
    child = os.fork()
    if child == 0:
        _mount_and_send(layout, container_id, theirs)
    theirs.close()
    message, descriptors = ours.receive()
    ours.close()
    os.waitpid(child, 0)
    if not descriptors:
        raise HostError(f"cannot mount container {container_id[:12]}: {message.decode()}")
    return descriptors[0]


def _mount_and_send(layout: Layout, container_id: str, line: sockets.Packets) -> None:
    """The child's part; never returns."""
    from tuidock.engine.runtime.staging import detached_root

    try:
        config = bundle.read_config(layout, container_id)
        place = f"{layout.container(container_id)}/rootfs"
        line.send(b"mounted", (detached_root(layout, config, place),))
    except OSError as error:
        line.send((error.strerror or str(error)).encode())
    finally:
        os._exit(0)
