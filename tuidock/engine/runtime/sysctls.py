"""Which kernel settings a container may have of its own: those that the kernel keeps apart for
each ipc or network namespace, by their exact names (CVE-2022-0811).
"""

from __future__ import annotations

from tuidock.engine.errors import BadSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.types import ContainerSpec

IPC = frozenset(
    "kernel.msgmax kernel.msgmnb kernel.msgmni kernel.sem kernel.shmall kernel.shmmax "
    "kernel.shmmni kernel.shm_rmid_forced fs.mqueue.msg_default fs.mqueue.msg_max "
    "fs.mqueue.msgsize_default fs.mqueue.msgsize_max fs.mqueue.queues_max".split()
)
NETWORK = "net."
"""Below it, the kernel shows in a namespace of its own only what belongs to that."""
_CHARACTERS = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"  # an interface is in some
)


def check(name: str, value: str, spec: ContainerSpec) -> tuple[str, str]:
    """The setting as OCI's `linux.sysctl` has it. Raises BadSpec for one that is not ours alone."""
    if not all(part and set(part) <= _CHARACTERS for part in name.split(".")):
        raise BadSpec(f"invalid sysctl {name!r}", "write it with dots: net.ipv4.ip_forward=1")
    if not value or not value.isprintable():
        raise BadSpec(f"invalid value of sysctl {name}: {value!r}")
    if name == "kernel.hostname":
        raise BadSpec("sysctl 'kernel.hostname' conflicts with the hostname", "use --hostname")
    owner = "host"
    if name in IPC:
        owner = spec.ipc
    elif name.startswith(NETWORK):
        owner = "" if spec.network in ("bridge", "none") else spec.network
    if owner:
        raise BadSpec(f"sysctl {name!r} is not in a separate namespace", f"set it on the {owner}")
    return name, value
