"""The default seccomp filter, by intent: what a container may not ask of the kernel, and why.

Everything else that the tables know is allowed, what they do not know answers ENOSYS, so that
programs fall back as on an older kernel. The result is an OCI `linux.seccomp` object.
"""

from __future__ import annotations

from tuidock.engine.runtime.syscalls import numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

ALWAYS_REFUSED = {
    "kernel keyrings know no namespace": "add_key keyctl request_key",
    "replacing the running kernel": "kexec_load kexec_file_load",
    "the host's memory and swap": "swapon swapoff move_pages migrate_pages",
    "the file system of other processes": "pivot_root nfsservctl",
    "a long record of kernel holes": "userfaultfd io_uring_setup io_uring_enter io_uring_register",
    "memory that even the kernel cannot see": "memfd_secret",
    "obsolete doors": "_sysctl sysfs uselib ustat vm86 vm86old create_module "
    "get_kernel_syms query_module",
}
UNLOCKED_BY = {
    "CAP_SYS_ADMIN": "bpf fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount "
    "mount_setattr move_mount open_tree open_tree_attr perf_event_open quotactl quotactl_fd "
    "setdomainname sethostname setns syslog umount umount2 unshare lsm_set_self_attr",
    "CAP_BPF": "bpf",
    "CAP_DAC_READ_SEARCH": "open_by_handle_at",
    "CAP_PERFMON": "perf_event_open",
    "CAP_SYSLOG": "syslog",
    "CAP_SYS_BOOT": "reboot",
    "CAP_SYS_CHROOT": "chroot",
    "CAP_SYS_MODULE": "delete_module finit_module init_module",
    "CAP_SYS_NICE": "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
    "CAP_SYS_PACCT": "acct",
    "CAP_SYS_PTRACE": "kcmp pidfd_getfd process_madvise",
    "CAP_SYS_RAWIO": "ioperm iopl",
    "CAP_SYS_TIME": "clock_settime clock_settime64 settimeofday stime",
    "CAP_SYS_TTY_CONFIG": "vhangup",
}
PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
"""Linux, 32 bit Linux, both as if 2.6, and the question."""
NAMESPACES = 0x7E020000
"""Every CLONE_NEW* flag that clone(2) takes."""
SOCKETS = (0, 1, 2, 10, 16, 17, 29, 43, 44)
"""Address families: none, unix, inet, inet6, netlink, packet, can, smc, xdp. For any other one the
kernel would load a module that hardly anybody ever looked at; among them are alg (the kernel's
crypto, whose holes are many) and vsock (the hypervisor). A 32-bit program gets there by
`socketcall`, whose arguments a filter cannot see.
"""
_INT = 0xFFFFFFFF
"""The kernel looks at these bits of a family only, so no others may make it another one."""
ARCHITECTURES = {
    "x86_64": ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86"),
    "aarch64": ("SCMP_ARCH_AARCH64",),
}
TABLES = {"SCMP_ARCH_X86_64": "x86_64", "SCMP_ARCH_X86": "i386", "SCMP_ARCH_AARCH64": "aarch64"}
EPERM, ENOSYS = 1, 38
_BY_ARGUMENT = frozenset(("clone", "clone3", "personality", "socket"))


def profile(granted: Collection[str], machine: str) -> dict[str, Any] | None:
    """The default profile for a set of capabilities; None for a machine without tables."""
    architectures = ARCHITECTURES.get(machine)
    if architectures is None:
        return None
    known = {name for each in architectures for name in numbers(TABLES[each])}
    allowed = sorted(known - refused(granted) - _BY_ARGUMENT)
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": EPERM,
        "architectures": list(architectures),
        "syscalls": [_allow(allowed), *_by_argument(granted)],
    }


def refused(granted: Collection[str]) -> set[str]:
    """System calls without an exception, given what capabilities there are."""
    names = {name for text in ALWAYS_REFUSED.values() for name in text.split()}
    unlocked = set()
    for capability, text in UNLOCKED_BY.items():
        names |= set(text.split())
        if capability in granted:
            unlocked |= set(text.split())
    return names - unlocked


def _by_argument(granted: Collection[str]) -> list[dict[str, Any]]:
    rules = [_allow(["personality"], _is(0, "EQ", value)) for value in PERSONALITIES]
    if "CAP_NET_ADMIN" in granted:
        rules.append(_allow(["socket"]))
    rules += [_allow(["socket"], _is(0, "MASKED_EQ", _INT, family)) for family in SOCKETS]
    if "CAP_SYS_ADMIN" in granted:
        return [*rules, _allow(["clone", "clone3"])]
    # A filter cannot follow clone3's pointer; C libraries fall back to clone on ENOSYS.
    refusal = {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS}
    return [*rules, _allow(["clone"], _is(0, "MASKED_EQ", NAMESPACES, 0)), refusal]


def _allow(names: list[str], *conditions: dict[str, Any]) -> dict[str, Any]:
    rule: dict[str, Any] = {"names": names, "action": "SCMP_ACT_ALLOW"}
    return rule | ({"args": list(conditions)} if conditions else {})


def _is(index: int, operator: str, value: int, second: int = 0) -> dict[str, Any]:
    return {"index": index, "op": f"SCMP_CMP_{operator}", "value": value, "valueTwo": second}
