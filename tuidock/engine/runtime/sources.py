"""What a container gets from outside: the engine's store, volumes, files of the bundle, devices.

Opened by the starter where root runs it, with the container's ids; asked of the container's first
process where an ordinary user does, who may copy mounts in namespaces of its own only and
whose files need no other ids. Invariant: nothing opened here can carry a mount back.
"""

from __future__ import annotations

import errno
import os
import stat

from tuidock.engine.linux import ledger
from tuidock.engine.linux import mount as m
from tuidock.engine.runtime import asking as a
from tuidock.engine.runtime import plan, rootfs
from tuidock.engine.runtime.namespaces import SHARED_MEMORY, SHIFTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from tuidock.engine.linux.arena import Answer
    from tuidock.engine.linux.stub import Stub
    from tuidock.engine.runtime.asking import Caller, Descriptor

    class Steps(Protocol):
        """Whoever can say what is being done."""

        step: str


def open_all(
    caller: Caller,
    root: str,
    config: dict[str, Any],
    userns: int,
    steps: Steps,
    shared_memory: int,
) -> list[int]:
    """Descriptors of detached mounts: the store's, then one for each of `plan.binds`.

    `caller` is who opens them, `userns` the descriptor of the user namespace whose ids they
    get, -1 for none, `shared_memory` the mount on /dev/shm that another container has, -1 for
    none. Raises OSError.
    """
    steps.step = caller.step = "open the store"
    store = a.open_tree(caller, a.AT_FDCWD, root)
    # Copies of a shared mount (systemd makes all of them so) are shared with it.
    mapped = userns >= 0 and needs_mapping(config)
    attributes, ids = (m.MOUNT_ATTR_IDMAP, userns) if mapped else (0, 0)
    a.mount_setattr(caller, store, attributes, propagation=m.MS_PRIVATE, userns=ids)
    opened: list[Descriptor] = [store]
    for source, target, options in plan.binds(config):
        steps.step = caller.step = f"open {source}"
        if shared_memory >= 0 and target == SHARED_MEMORY:
            a.mount_setattr(caller, shared_memory, options.attributes, propagation=m.MS_PRIVATE)
            opened.append(shared_memory)
        else:
            if options.insists:
                what = f"map the ids of {source}, whose file system may not know that"
                steps.step = caller.step = what
            opened.append(_open_bind(caller, source, options, userns))
    caller.run()
    return list(map(a.number, opened))


def needs_mapping(config: dict[str, Any]) -> bool:
    """Not if its layers are copies that have its ids already, or its ids are the host's."""
    ids = config["linux"]["uidMappings"][0]
    same = ids["hostID"] == ids["containerID"] == 0
    return not same and SHIFTED not in config["annotations"]


def _open_bind(caller: Caller, source: str, options: plan.Options, userns: int) -> Answer:
    """A detached, private copy of what is mounted at `source`, with its attributes set."""
    tree = a.open_tree(caller, a.AT_FDCWD, source, recursive=options.with_submounts)
    recursive = options.with_submounts
    a.mount_setattr(caller, tree, options.attributes, propagation=m.MS_PRIVATE, recursive=recursive)
    if options.idmap and userns >= 0:
        # Not every file system can; its files then belong to `nobody`, as in any userns.
        fine = () if options.insists else (errno.EINVAL, errno.EPERM)
        a.mount_setattr(
            caller, tree, m.MOUNT_ATTR_IDMAP, userns=userns, recursive=recursive, fine=fine
        )
    return tree


def make_devices(config: dict[str, Any], steps: Steps) -> list[int]:
    """For root: a detached file system with every node of `plan.nodes`, named by its number.

    Bound from the host a node would belong to nobody in there, as the file system of /dev maps
    no ids; made anew it belongs to the container's root, and to the image's group of that
    number. Raises OSError.
    """
    nodes = plan.nodes(config)
    if not nodes:
        return []
    steps.step = "make the devices"
    attributes = m.MOUNT_ATTR_NOSUID | m.MOUNT_ATTR_NOEXEC
    directory = m.new_mount("tmpfs", (("mode", "755"), ("size", "64k")), attributes)
    for number, (source, device) in enumerate(nodes):
        steps.step = f"make the device {source}"
        node = os.open(source, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        rootfs.check_device(node, source, *_kind(device))
        os.close(node)
        name, mode = str(number), device["fileMode"]
        numbers = os.makedev(device["major"], device["minor"])
        ledger.note("mknod", source, device["path"])
        os.mknod(name, mode | _KINDS[device["type"]], numbers, dir_fd=directory)
        owner = (_outside(config["linux"], which, device) for which in ("uid", "gid"))
        os.chown(name, *owner, dir_fd=directory, follow_symlinks=False)
        os.chmod(name, mode, dir_fd=directory)
    return [directory]


def open_devices(stub: Stub, config: dict[str, Any]) -> list[int]:
    """For anybody else: a detached mount of each node of the host; it opens for who may use it
    outside. Raises OSError.
    """
    mounts = []
    for source, device in plan.nodes(config):
        stub.step = f"open the device {source}"
        flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
        node = stub.call("openat", a.AT_FDCWD, source, flags, path=source)
        rootfs.check_device(node, source, *_kind(device))
        mounts.append(a.open_tree(stub, node))
    stub.run()
    return [each.known for each in mounts]


_KINDS = {"b": stat.S_IFBLK, "c": stat.S_IFCHR}


def _kind(device: dict[str, Any]) -> tuple[tuple[int, int], int]:
    return (device["major"], device["minor"]), _KINDS[device["type"]]


def _outside(linux: dict[str, Any], which: str, device: dict[str, Any]) -> int:
    """The host's number of an id in the container; that of its root where it has not that id."""
    ranges = linux.get(f"{which}Mappings")
    if not ranges:
        return int(device[which])
    for each in ranges:
        if 0 <= device[which] - each["containerID"] < each["size"]:
            return int(each["hostID"] + device[which] - each["containerID"])
    return int(ranges[0]["hostID"])
