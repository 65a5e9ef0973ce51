"""What `doctor` looks at: one small function for each finding, each with its remedy."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable

import tuidock
from tuidock.engine.cgroups.devices import EVERYTHING
from tuidock.engine.cgroups.devices import program as device_program
from tuidock.engine.cgroups.hierarchies import delegated, find, mode
from tuidock.engine.layout import Layout
from tuidock.engine.linux.bpf import load_device_program
from tuidock.engine.linux.landlock import landlock_version
from tuidock.engine.metrics import ordinary
from tuidock.engine.types import Finding

OLDEST = (5, 11)
"""The first kernel with overlay in user namespaces."""
BEST = (5, 19)
"""The first one with id-mapped layers; nothing later is needed."""
ENOUGH_DISK = 2 << 30
GROUP_LIMITS = {"memory": "-m", "cpu": "--cpus", "pids": "--pids-limit", "cpuset": "--cpuset-cpus"}
PROBE_SECONDS = 30


def findings(layout: Layout) -> list[Finding]:
    """All of them, in the order in which a person would mend them."""
    return [
        kernel(os.uname().release),
        *probed(layout),
        *user_namespace_switches(),
        *cgroups(),
        devices(),
        seccomp(),
        landlock(),
        births(),
        *(() if os.geteuid() == 0 else ordinary.findings()),
        *(private(path) for path in (layout.root, layout.runroot)),
        disk(layout.root),
    ]


def kernel(release: str) -> Finding:
    version = kernel_version(release)
    if version >= BEST:
        return Finding("kernel", "ok", release)
    if version >= OLDEST:
        return Finding(
            "kernel",
            "warning",
            f"{release}: layers are copied, and containers share one range of ids",
            "5.19 or newer has id-mapped layers",
        )
    return Finding("kernel", "missing", release, "install Linux 5.11 or newer, best 5.19")


def kernel_version(release: str) -> tuple[int, int]:
    """(6, 1) of `6.1.0-18-amd64`; (0, 0) of what does not look like a release."""
    numbers = release.split("-")[0].split(".")[:2]
    if len(numbers) == 2 and all(number.isdecimal() for number in numbers):
        return int(numbers[0]), int(numbers[1])
    return 0, 0


# --- features that are tried ----------------------------------------------------------------

REMEDIES = {
    "user namespaces": ("missing", "sysctl user.max_user_namespaces=15000, or what is said below"),
    "own ids": ("missing", "apt-get install --reinstall uidmap; or see /etc/subuid below"),
    "overlay": ("missing", "modprobe overlay; or put --root on ext4, xfs or btrfs"),
    "overlay in user namespaces": ("warning", "Linux 5.11 or newer, --root on ext4, xfs or btrfs"),
    "id-mapped mounts": (
        "warning",
        "layers are copied and containers share one range of ids; with Linux 5.19 or newer, and "
        "--root on ext4, xfs or btrfs, each has its own",
    ),
    "bridge": ("warning", "modprobe bridge; without it use --network host or none"),
    "veth": ("warning", "modprobe veth; without it use --network host or none"),
    "nftables": ("warning", "modprobe nf_tables nft_chain_nat; without it ports stay unpublished"),
}
FOR_ROOT = ("id-mapped mounts", "bridge", "veth", "nftables")
"""What containers of an ordinary user neither have nor need."""
FOR_USERS = ("own ids",)


def probed(layout: Layout) -> Iterable[Finding]:
    """Every feature of `probe`, tried in a process of its own on the store's file system."""
    base = layout.root if os.path.isdir(layout.root) else None
    with tempfile.TemporaryDirectory(prefix="doctor-", dir=base) as directory:
        said = _run_probe(directory)
    for name, (state, remedy) in REMEDIES.items():
        reason = said.get(name, said.get("", "it could not be tried"))
        if name in (FOR_USERS if os.geteuid() == 0 else FOR_ROOT):
            continue
        yield Finding(name, state if reason else "ok", reason or "works", remedy if reason else "")


def _run_probe(directory: str) -> dict[str, str]:
    """Feature -> why it does not work, empty when it does; "" -> why nothing could be tried."""
    home = os.path.dirname(tuidock.__path__[0])
    code = f"import sys; sys.path[:0] = [{home!r}]; from {__package__} import probe; probe.main()"
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", code, directory],
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"": str(error)}
    if done.returncode:
        return {"": (done.stderr.strip().splitlines() or ["no reason given"])[-1]}
    return dict(line.split("\t", 1) for line in done.stdout.splitlines())


# --- what the kernel says of itself -----------------------------------------------------------


def user_namespace_switches() -> Iterable[Finding]:
    """Distributions' own switches, which forbid what the kernel could do."""
    for switch, bad, remedy in (
        ("user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=15000"),
        ("kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ):
        if _sysctl(switch) == bad:
            state = "warning" if os.geteuid() == 0 else "missing"
            yield Finding(switch.replace("/", "."), state, f"is {bad}", remedy)


def _sysctl(name: str) -> str:
    """Empty where this kernel does not have it."""
    try:
        with open(f"/proc/sys/{name}") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def cgroups() -> Iterable[Finding]:
    """Which limits can be set, and whether containers can be paused."""
    hierarchies = [*find(), *delegated()]
    usable = {name for each in hierarchies for name in each.controllers}
    lacking = {name: flag for name, flag in GROUP_LIMITS.items() if name not in usable}
    where = f"cgroup {mode()}"
    if lacking:
        remedy = "boot with these controllers enabled (cgroup_enable=memory)"
        if os.geteuid():
            remedy = ordinary.delegation(lacking)
        missing = ", ".join(f"{name} ({flag})" for name, flag in lacking.items())
        yield Finding("cgroups", "warning", f"{where}, no limits of {missing}", remedy)
    else:
        yield Finding("cgroups", "ok", f"{where}, limits of {', '.join(GROUP_LIMITS)}")
    if not any(each.unified for each in hierarchies) and "freezer" not in usable:
        remedy = "mount cgroup2, or v1's freezer, writable"
        if os.geteuid():
            remedy = ordinary.delegation(())
        yield Finding("pause", "warning", "no cgroup freezer is writable", remedy)


def devices() -> Finding:
    """What keeps containers from the host's devices."""
    if os.geteuid():
        detail = "containers can make none, and open of those given what you may open yourself"
        return Finding("devices", "ok", detail)
    if any("devices" in each.controllers for each in find()):
        return Finding("devices", "ok", "allowed one by one, by cgroup v1")
    try:
        os.close(load_device_program(device_program(EVERYTHING)))
    except OSError as error:
        return Finding(
            "devices",
            "warning",
            f"no BPF program may guard them ({error.strerror}): containers need ids of their own",
            "a kernel with CONFIG_CGROUP_BPF, and CAP_BPF and CAP_NET_ADMIN for tuidock",
        )
    return Finding("devices", "ok", "allowed one by one, by a BPF program on cgroup v2")


def seccomp() -> Finding:
    actions = _sysctl("kernel/seccomp/actions_avail").split()
    if "errno" in actions:
        return Finding("seccomp", "ok", "system calls can be filtered")
    return Finding("seccomp", "missing", "no filters", "a kernel with CONFIG_SECCOMP_FILTER")


def landlock() -> Finding:
    if version := landlock_version():
        return Finding("landlock", "ok", f"ABI {version}, confines what unpacks layers")
    return Finding(
        "landlock",
        "warning",
        "layers are unpacked without this second fence",
        "boot with lsm=landlock,... on Linux 5.13 or newer",
    )


def births() -> Finding:
    """Who stands in a container before its command."""
    from tuidock.engine.linux.stub import shares_memory

    if shares_memory():
        return Finding(
            "births", "ok", "containers are made by machine code of ours, without Python"
        )
    return Finding(
        "births",
        "warning",
        "a fork of Python makes containers, slower: our machine code cannot be executed",
        "allow executable memory files (vm.memfd_noexec=0), on x86_64 or aarch64",
    )


# --- directories, space ------------------------------------------------------------------


def private(path: str) -> Finding:
    """Layers hold real setuid files: nobody else may reach them (CVE-2021-41091)."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return Finding(path, "ok", "is made at first use")
    mode_bits = stat.S_IMODE(found.st_mode)
    if found.st_uid != os.geteuid():
        return Finding(
            path, "warning", f"belongs to uid {found.st_uid}", "use a --root of your own"
        )
    if mode_bits & 0o077:
        return Finding(path, "warning", f"mode {mode_bits:04o}", f"chmod 700 {path}")
    return Finding(path, "ok", "mode 0700")


def disk(
    path: str, free: Callable[[str], int] = lambda path: shutil.disk_usage(path).free
) -> Finding:
    """Space where images go, or where they will."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    space = free(path)
    detail = f"{space / (1 << 30):.1f} GiB free at {path}"
    if space >= ENOUGH_DISK:
        return Finding("disk", "ok", detail)
    return Finding("disk", "warning", detail, "remove images with `tuidock rmi`")
