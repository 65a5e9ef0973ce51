"""Try kernel features for real: a program of its own, so that it may unshare and mount freely.

    python -I -S -c "..." DIRECTORY

Prints one line for each feature, `name` and, when it failed, why. Whatever a probe makes lives
in namespaces that end with it, or in DIRECTORY, which must be empty and is left empty.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
import sys

from tuidock.engine.linux import mount, process, userns
from tuidock.engine.linux.files import remove_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Probe = Callable[[str], None]

SIOCBRADDBR = 0x89A0
NETLINK_NETFILTER = 12
NFT_MSG_GETGEN = (10 << 8) | 16
RTM_NEWLINK = 16
NLM_F_REQUEST_ACK_CREATE_EXCL = 0x605
NLMSG_ERROR = 2


def main() -> None:
    """Run every probe in a child of its own."""
    for name, probe in PROBES.items():
        directory = f"{sys.argv[1]}/{name.replace(' ', '-')}"
        os.mkdir(directory)
        print(f"{name}\t{_outcome(probe, directory)}")
        remove_path(directory)


def _outcome(probe: Probe, directory: str) -> str:
    """Empty, or why it did not work."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        with contextlib.suppress(BaseException):
            os.write(writing, _reason(probe, directory).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, errors="replace") as said:
        reason = said.read()
    os.waitpid(pid, 0)
    return " ".join(reason.split())


def _reason(probe: Probe, directory: str) -> str:
    try:
        probe(directory)
    except Exception as error:
        return str(error) or type(error).__name__
    return ""


# --- the probes ---------------------------------------------------------------------------------


def user_namespace(_directory: str) -> None:
    """An unprivileged one, also for root: that is what a container gets."""
    _enter_user_namespace()


def own_ids(_directory: str) -> None:
    """All that an ordinary user may map, by the programs that do it."""
    userns.enter(userns.own())


def overlay(directory: str) -> None:
    """On the store's own file system."""
    if os.geteuid():
        _enter_user_namespace()
    process.unshare(process.CLONE_NEWNS)
    os.close(mount.new_mount("overlay", _overlay_options(directory)))


def overlay_in_user_namespace(directory: str) -> None:
    os.chmod(directory, 0o755)
    _enter_user_namespace()
    process.unshare(process.CLONE_NEWNS)
    options = [*_overlay_options(directory), ("userxattr", "")]
    os.close(mount.new_mount("overlay", options))


def idmapped_mounts(directory: str) -> None:
    """Of the store's own file system; only the host's root may, rootless needs none."""
    if os.geteuid():
        raise PermissionError(errno.EPERM, "only root may make them")
    userns = _mapped_user_namespace()
    here = os.open(directory, os.O_PATH)
    tree = mount.open_tree(here, "")
    mount.mount_setattr(tree, mount.MOUNT_ATTR_IDMAP, userns=userns)


def bridge(_directory: str) -> None:
    _enter_network_namespace()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SIOCBRADDBR, b"probe\0")


def veth(_directory: str) -> None:
    _enter_network_namespace()
    # rtnetlink(7): struct ifinfomsg, then IFLA_LINKINFO { IFLA_INFO_KIND "veth" }
    kind = struct.pack("=HH", 4 + 5, 1) + b"veth\0\0\0\0"
    _netlink(socket.NETLINK_ROUTE, RTM_NEWLINK, bytes(16) + struct.pack("=HH", 16, 18) + kind)


def nftables(_directory: str) -> None:
    _enter_network_namespace()
    _netlink(NETLINK_NETFILTER, NFT_MSG_GETGEN, bytes(4))


PROBES: dict[str, Probe] = {
    "user namespaces": user_namespace,
    "own ids": own_ids,
    "overlay": overlay,
    "overlay in user namespaces": overlay_in_user_namespace,
    "id-mapped mounts": idmapped_mounts,
    "bridge": bridge,
    "veth": veth,
    "nftables": nftables,
}


# --- what they share ------------------------------------------------------------------------------


def _overlay_options(directory: str) -> list[tuple[str, str]]:
    for name in ("lower", "upper", "work"):
        os.mkdir(f"{directory}/{name}", 0o755)
    return [
        ("lowerdir", f"{directory}/lower"),
        ("upperdir", f"{directory}/upper"),
        ("workdir", f"{directory}/work"),
    ]


def _enter_user_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    process.unshare(process.CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _enter_network_namespace() -> None:
    if os.geteuid():
        _enter_user_namespace()
    process.unshare(process.CLONE_NEWNET)


def _mapped_user_namespace() -> int:
    """A descriptor of one that maps 65536 ids; nobody is left in it."""
    ready, told = os.pipe()
    pid = os.fork()
    if not pid:
        process.unshare(process.CLONE_NEWUSER)
        os.write(told, b"!")
        os.read(os.pipe()[0], 1)
    try:
        os.read(ready, 1)
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{pid}/{name}", "w") as file:
                file.write("0 100000 65536")
        return os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def _netlink(family: int, kind: int, payload: bytes) -> None:
    """Send one request and wait for its answer. Raises OSError with what the kernel said."""
    head = struct.pack("=IHHII", 16 + len(payload), kind, NLM_F_REQUEST_ACK_CREATE_EXCL, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family) as sock:
        sock.settimeout(5)
        sock.send(head + payload)
        answer = sock.recv(1 << 16)
    if struct.unpack_from("=H", answer, 4)[0] == NLMSG_ERROR:
        (code,) = struct.unpack_from("=i", answer, 16)
        if code:
            raise OSError(-code, os.strerror(-code))


if __name__ == "__main__":
    main()
