"""Anatomy of the fake engine's containers: a birth like a real one, and files that move.

The steps are those of a container with a bridge network, with round times; figures of the cgroup
come from the box's samples.
"""

from __future__ import annotations

import shlex
from itertools import accumulate

from tuidock.engine.anatomy import (
    AHEAD,
    Anatomy,
    Batch,
    Birth,
    CgroupFile,
    IdRange,
    Living,
    Member,
    Mounted,
    Namespace,
    Part,
    Privileges,
    StackLayer,
    Step,
)
from tuidock.engine.fake.box import Box, processes
from tuidock.engine.fake.clock import Clock
from tuidock.engine.fake.images import FakeImages
from tuidock.engine.types import Container, Image, Process, Sample, Status


class AnatomyVerbs:
    """What can be asked about how a container is made; for whoever has boxes and images."""

    _clock: Clock
    _images: FakeImages

    def _box(self, key: str) -> Box:
        raise NotImplementedError

    def _alive(self, key: str) -> Box:
        raise NotImplementedError

    async def anatomy(self, key: str) -> Anatomy:
        it = self._box(key).it
        images = await self._images.list()
        return anatomy(it, next((each for each in images if each.id == it.image_id), None))

    async def living(self, key: str) -> Living:
        box, now = self._alive(key), self._clock.time()
        return living(box.it, processes(box, now), box.sample(now, None))


_FIRST_ID = 536870912
_KEPT = tuple(
    f"CAP_{name}"
    for name in (
        "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW "
        "SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP"
    ).split()
)
_DROPPED = tuple(f"CAP_{name}" for name in "NET_ADMIN SYS_ADMIN SYS_MODULE SYS_PTRACE".split())
_MASKED = ("/proc/acpi", "/proc/kcore", "/proc/keys", "/sys/firmware")
_READONLY = ("/proc/bus", "/proc/sys")
_NAMESPACES = ("user", "mnt", "pid", "net", "uts", "ipc", "cgroup", "time")

_Rows = tuple[tuple[str, str], ...]
_PARTS: tuple[tuple[str, float, _Rows], ...] = (
    (AHEAD, 0.0021, (("namespace.user", "a new user namespace"),
                     ("namespace.net", "a new net namespace"))),
    ("make the cgroup", 0.0011, (("cgroup.make", "/sys/fs/cgroup/tuidock/{id}"),
                                 ("cgroup.file", "pids.max ← max"))),
    ("make the namespaces", 0.0004, (("namespace.pid", "a new pid namespace"),)),
    ("map user ids", 0.0002, (("ids.uid_map", "/proc/{pid}/uid_map ← 0 536870912 65536"),)),
    ("open what comes from outside", 0.0005, (("outside.store", "open the store (idmapped)"),)),
    ("furnish the root", 0.0038, (
        ("mount.overlay", "overlay {layers} layers"),
        ("mount.proc", "mount proc on /proc (nosuid,nodev,noexec)"),
        ("device.null", "bind /dev/null"),
        ("mask", "mask /proc/keys"),
        ("pivot", "pivot into the root"),
    )),
    ("wait for the network", 0.0009, (("network.veth", "make the interface td0v0102"),)),
    ("become the command", 0.0013, (
        ("capabilities.bounding", "drop 27: net_admin sys_admin sys_module …"),
        ("seccomp", "a filter of 562 instructions"),
        ("exec", "execve({command})"),
    )),
)  # fmt: skip


def anatomy(it: Container, image: Image | None) -> Anatomy:
    """Of a container in any status."""
    layers = image.layers if image else ()
    stack = [StackLayer("", 4096, "", 0, 1)]
    stack += [
        StackLayer(layer.diff_id[7:], layer.size, layer.created_by, 1, 1)
        for layer in reversed(layers)
    ]
    born = _birth(it, len(layers)) if it.started else Birth(unread="It was never started.")
    return Anatomy(
        it.id, born, tuple(stack), _MASKED, _READONLY, (), 399, "SCMP_ACT_ERRNO"
    )  # fmt: skip


def _birth(it: Container, layers: int) -> Birth:
    facts = {"id": it.id, "pid": it.pid, "layers": layers, "command": shlex.join(it.command)}
    begun = accumulate((seconds for _, seconds, _ in _PARTS[1:]), initial=0.0)
    starts = [-0.003, *begun]
    return Birth(
        tuple(
            Part(name, seconds, (Batch(seconds * 0.8, _steps(rows, start, facts)),))
            for (name, seconds, rows), start in zip(_PARTS, starts, strict=False)
        )
    )


def _steps(rows: _Rows, start: float, facts: dict[str, object]) -> tuple[Step, ...]:
    return tuple(
        Step(kind, text.format(**facts), start, (f"{kind.partition('.')[0]}(...) = 0",))
        for kind, text in rows
    )


def living(it: Container, processes: list[Process], sample: Sample) -> Living:
    """Of one that runs."""
    return Living(
        it.id,
        it.pid,
        tuple(_namespace(name, it) for name in _NAMESPACES),
        (IdRange("uid", 0, _FIRST_ID, 65536), IdRange("gid", 0, _FIRST_ID, 65536)),
        _cgroup(it, sample),
        _mounts(it),
        tuple(_member(each, number) for number, each in enumerate(processes, 1)),
        212,
        Privileges(_KEPT, _KEPT, _DROPPED, "filter", 1, no_new_privileges=False),
    )


def _namespace(name: str, it: Container) -> Namespace:
    host = 4026531834 + _NAMESPACES.index(name)
    own = name != "time" and not (name == "net" and it.spec.network == "host")
    return Namespace(name, 4026532000 + it.pid if own else host, host)


def _cgroup(it: Container, sample: Sample) -> tuple[CgroupFile, ...]:
    limits = it.spec.limits
    values = {
        "cgroup.freeze": str(int(it.status is Status.PAUSED)),
        "cpu.max": f"{int(limits.cpus * 100000) if limits.cpus else 'max'} 100000",
        "cpu.stat": f"usage_usec {int(sample.cpu_seconds * 1e6)}",
        "memory.current": str(sample.memory + sample.memory_cache),
        "memory.max": str(limits.memory or "max"),
        "pids.current": str(sample.pids),
        "pids.max": str(limits.pids or "max"),
    }
    return tuple(CgroupFile("/sys/fs/cgroup", 2, name, value) for name, value in values.items())


def _mounts(it: Container) -> tuple[Mounted, ...]:
    usual = [
        Mounted("/", "overlay", "none", "/", ("rw", "nodev"), "mount.overlay"),
        Mounted("/proc", "proc", "none", "/", ("rw", "nosuid", "nodev", "noexec"), "mount.proc"),
        Mounted("/dev", "tmpfs", "none", "/", ("rw", "nosuid", "noexec"), "mount.dev"),
        Mounted("/dev/null", "devtmpfs", "devtmpfs", "/null", ("rw",), "device.null"),
        Mounted("/proc/keys", "devtmpfs", "devtmpfs", "/null", ("rw",), "mask"),
    ]
    asked = [
        Mounted(m.target, "ext4", "/dev/sda1", m.source, ("rw", "idmapped"), "bind.volume")
        for m in it.spec.mounts
    ]
    return (*usual, *asked)


def _member(process: Process, number: int) -> Member:
    uid = int(process.user) if process.user.isdecimal() else 0
    name = "root" if uid == 0 else ""
    return Member(process.pid, number, _FIRST_ID + uid, uid, name, process.state, process.command)
