"""Words for the files of a cgroup, v1 and v2."""

from __future__ import annotations

_BLIND = "Without it, nobody could tell"

_V2 = {
    "cgroup.controllers": (
        "Which controllers count and limit here.",
        f"{_BLIND} which of the limits can work at all.",
    ),
    "cgroup.events": (
        "Whether processes live here, and whether they are frozen.",
        "Without it, the end of the last one would have to be polled for.",
    ),
    "cgroup.freeze": (
        "1 stops every process where it is: tuidock pause.",
        "Without it, a pause would need a signal that programs can notice.",
    ),
    "cgroup.procs": (
        "The processes in it; who writes a number moves that process here.",
        "Without it, limits would have nobody to hold for.",
    ),
    "cpu.max": (
        "Quota and period in microseconds: 50000 100000 is half a core (--cpus).",
        "Without it, it may use every idle core.",
    ),
    "cpu.weight": (
        "Its share when processors are scarce; 100 is normal (--cpu-shares).",
        "Without it, all containers would count the same.",
    ),
    "cpu.stat": (
        "How often the quota held it back (throttled), and on v2 the time that it used.",
        f"{_BLIND} a slow program from one that is slowed down.",
    ),
    "cpu.pressure": (
        "How much of the time somebody in it waited for a processor (PSI).",
        f"{_BLIND} whether more cores would help.",
    ),
    "cpuset.cpus.effective": (
        "The processors that it may run on (--cpuset-cpus).",
        "Without it, the scheduler takes any.",
    ),
    "cpuset.mems.effective": (
        "The memory nodes that it may take memory from.",
        "Without it, memory may come from a far node of a big machine.",
    ),
    "memory.current": (
        "Bytes in use now, the cache of its files included.",
        f"{_BLIND} how much memory it takes.",
    ),
    "memory.peak": ("The most that was ever in use.", f"{_BLIND} what limit would be enough."),
    "memory.max": (
        "Bytes it may never exceed; then the kernel kills (--memory).",
        "Without it, one leak could take the memory of the whole machine.",
    ),
    "memory.high": (
        "Bytes above which it is slowed and its memory reclaimed.",
        "Without it, the first thing it notices of a limit is the kill.",
    ),
    "memory.low": (
        "Bytes that are left to it while others still have some to give.",
        "Without it, a busy neighbour can push it out of memory.",
    ),
    "memory.swap.current": (
        "Bytes of it that were swapped out.",
        f"{_BLIND} why it is slow although it has memory.",
    ),
    "memory.swap.max": (
        "Bytes of swap that it may take (--memory-swap).",
        "Without it, a limit on memory would only push it to disk.",
    ),
    "memory.events": (
        "How often it met its limits, and how many were killed for it.",
        f"{_BLIND} an OOM kill from any other.",
    ),
    "memory.pressure": (
        "How much of the time somebody in it waited for memory (PSI).",
        f"{_BLIND} whether it has enough.",
    ),
    "pids.current": ("Processes and threads in it now.", f"{_BLIND} a fork bomb in the making."),
    "pids.max": (
        "How many there may be (--pids-limit).",
        "Without it, a fork bomb would take all process numbers of the host.",
    ),
    "io.max": (
        "Bytes and operations a second for each disk (--device-read-bps).",
        "Without it, a backup in one container could make all others wait.",
    ),
    "io.stat": (
        "What was read and written, disk by disk.",
        f"{_BLIND} who keeps the disk busy.",
    ),
    "io.weight": (
        "Its share when a disk is busy (--blkio-weight).",
        "Without it, all containers would count the same.",
    ),
    "io.bfq.weight": (
        "Its share of disks that the BFQ scheduler serves.",
        "Without it, that scheduler would treat all alike.",
    ),
    "io.pressure": (
        "How much of the time somebody in it waited for a disk (PSI).",
        f"{_BLIND} whether the disk is what slows it.",
    ),
}  # fmt: skip
_V1 = {
    "cpu.shares": (
        "Its share when processors are scarce; 1024 is normal (--cpu-shares).",
        "Without it, all containers would count the same.",
    ),
    "cpu.cfs_quota_us": (
        "Microseconds that it may run in each period; -1 is no limit (--cpus).",
        "Without it, it may use every idle core.",
    ),
    "cpu.cfs_period_us": (
        "The period, in microseconds, in which the quota is counted.",
        "Without it, the quota would have no measure.",
    ),
    "cpuacct.usage": (
        "Nanoseconds of processor time that it used.",
        f"{_BLIND} what it costs.",
    ),
    "cpuset.cpus": (
        "The processors that it may run on (--cpuset-cpus).",
        "Without a value here, no process can enter this cgroup.",
    ),
    "cpuset.mems": (
        "The memory nodes that it may take memory from.",
        "Without a value here, no process can enter this cgroup.",
    ),
    "memory.usage_in_bytes": (
        "Bytes in use now, the cache of its files included.",
        f"{_BLIND} how much memory it takes.",
    ),
    "memory.max_usage_in_bytes": (
        "The most that was ever in use.",
        f"{_BLIND} what limit would be enough.",
    ),
    "memory.limit_in_bytes": (
        "Bytes it may never exceed; then the kernel kills (--memory).",
        "Without it, one leak could take the memory of the whole machine.",
    ),
    "memory.soft_limit_in_bytes": (
        "What it is brought back to when memory is scarce (--memory-reservation).",
        "Without it, all containers are asked to give memory back alike.",
    ),
    "memory.memsw.limit_in_bytes": (
        "The limit of memory and swap together (--memory-swap).",
        "Without it, a limit on memory would only push it to disk.",
    ),
    "memory.memsw.usage_in_bytes": (
        "Memory and swap in use, together.",
        f"{_BLIND} how much of it lies on disk.",
    ),
    "memory.failcnt": (
        "How often the limit was hit.",
        f"{_BLIND} that it keeps giving up its cache to stay below.",
    ),
    "memory.oom_control": (
        "Whether the kernel may kill here, and how many it killed.",
        f"{_BLIND} an OOM kill from any other.",
    ),
    "memory.swappiness": (
        "How readily its memory is swapped rather than its cache dropped.",
        "Without it, the setting of the host would hold for all.",
    ),
    "freezer.state": (
        "FROZEN stops every process where it is: tuidock pause.",
        "Without it, a pause would need a signal that programs can notice.",
    ),
    "devices.list": (
        "Devices that may be read, written and made, by type and number.",
        "Without it, root in it could open the host's disks.",
    ),
    "blkio.weight": (
        "Its share when a disk is busy (--blkio-weight).",
        "Without it, all containers would count the same.",
    ),
    "blkio.bfq.weight": (
        "The same for the BFQ scheduler of disks.",
        "Without it, that scheduler would treat all alike.",
    ),
    "blkio.throttle.read_bps_device": (
        "Bytes a second that it may read, disk by disk (--device-read-bps).",
        "Without it, a backup in one container could make all others wait.",
    ),
    "blkio.throttle.write_bps_device": (
        "Bytes a second that it may write (--device-write-bps).",
        "Without it, one container's log could make all others wait.",
    ),
    "blkio.throttle.read_iops_device": (
        "Reads a second, disk by disk (--device-read-iops).",
        "Without it, many small reads could keep a disk busy.",
    ),
    "blkio.throttle.write_iops_device": (
        "Writes a second (--device-write-iops).",
        "Without it, many small writes could keep a disk busy.",
    ),
    "blkio.throttle.io_service_bytes": (
        "What was read and written, disk by disk.",
        f"{_BLIND} who keeps the disk busy.",
    ),
}  # fmt: skip

_WRITTEN = {
    "devices.deny": (
        "Takes the right to use devices away; “a” means all of them.",
        "Without it, root in it could open any disk that it makes a node for.",
    ),
    "devices.allow": (
        "Gives the right to one kind of device back: c or b, its numbers, and r, w or m (make).",
        "Without it, not even /dev/null could be opened.",
    ),
    "cgroup.subtree_control": (
        "Hands controllers on to the cgroups below.",
        "Without it, these would have no files of limits.",
    ),
}  # fmt: skip
"""Files that are never read."""

_HIERARCHIES = {
    "cpu": (
        "Shares processor time out, and caps it.",
        "Without it, one busy loop in a container could slow all others down.",
    ),
    "cpuacct": (
        "Counts processor time.",
        f"{_BLIND} which container keeps the processors busy.",
    ),
    "cpuset": (
        "Binds processes to processors and memory nodes.",
        "Without it, the scheduler moves them wherever it likes.",
    ),
    "memory": (
        "Counts memory, and kills within the container when its limit is reached.",
        "Without it, the kernel would choose somebody of the whole machine.",
    ),
    "devices": (
        "Keeps a list of the devices that may be opened.",
        "Without it, a device node would be enough to read a disk.",
    ),
    "freezer": (
        "Stops and continues all processes at once.",
        "Without it, pausing would be a race against processes that fork.",
    ),
    "blkio": (
        "Counts and limits what goes to and comes from disks.",
        "Without it, one container could keep a disk to itself.",
    ),
    "pids": (
        "Counts and limits processes.",
        "Without it, a fork bomb would take all process numbers of the host.",
    ),
    "unified": (
        "Cgroup v2: one tree for all controllers, with freezing, killing and pressure.",
        "Without it, each controller has a tree of its own, as in v1.",
    ),
    "other": (
        "A tree in which the kernel groups processes.",
        "Without it, this controller would not know the container.",
    ),
}  # fmt: skip

WORDS: dict[str, tuple[str, str]] = {f"hierarchy.{k}": said for k, said in _HIERARCHIES.items()}
WORDS |= {f"file.{name}": said for name, said in (_V2 | _V1 | _WRITTEN).items()}
