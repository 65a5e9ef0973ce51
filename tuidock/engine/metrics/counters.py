"""What cgroup files say, on v1 and v2, as the same few numbers.

Each function gets `read`, which gives the content of a file of the controller's directory, and
b"" for one that this kernel does not have.
"""

from __future__ import annotations

from collections.abc import Callable

from tuidock.engine.named import NamedTuple

Read = Callable[[str], bytes]


class Cpu(NamedTuple):
    seconds: float = 0.0
    throttled: float = 0.0
    """Seconds in which the quota held it back, all CPUs together."""
    limit: float | None = None
    """Cores."""
    periods: int = 0
    throttled_periods: int = 0


class Memory(NamedTuple):
    used: int = 0
    """Working set: usage without inactive file cache."""
    cache: int = 0
    limit: int | None = None
    peak: int = 0
    oom_kills: int = 0
    anon: int = 0
    shared: int = 0
    """Files in memory, which are cache and have no disk to go to."""
    swap: int = 0
    failures: int = 0
    """How often usage met the limit."""
    high_events: int = 0


class Pids(NamedTuple):
    current: int = 0
    limit: int | None = None
    failures: int = 0
    """Forks that were refused."""


class Io(NamedTuple):
    read: int = 0
    written: int = 0
    reads: int = 0
    """Operations."""
    writes: int = 0


def cpu_v1(read: Read, accounting: Read) -> Cpu:
    """`accounting` reads the cpuacct controller, which may be mounted elsewhere."""
    quota, period = _number(read("cpu.cfs_quota_us"), -1), _number(read("cpu.cfs_period_us"))
    stat = _keyed(read("cpu.stat"))
    return Cpu(
        _number(accounting("cpuacct.usage")) / 1e9,
        stat.get(b"throttled_time", 0) / 1e9,
        quota / period if quota > 0 and period else None,
        stat.get(b"nr_periods", 0),
        stat.get(b"nr_throttled", 0),
    )


def cpu_v2(read: Read) -> Cpu:
    stat = _keyed(read("cpu.stat"))
    quota, _, period = read("cpu.max").partition(b" ")
    return Cpu(
        stat.get(b"usage_usec", 0) / 1e6,
        stat.get(b"throttled_usec", 0) / 1e6,
        int(quota) / int(period) if quota not in (b"", b"max") else None,
        stat.get(b"nr_periods", 0),
        stat.get(b"nr_throttled", 0),
    )


def memory_v1(read: Read) -> Memory:
    stat = _keyed(read("memory.stat"))
    usage = _number(read("memory.usage_in_bytes"))
    limit = _number(read("memory.limit_in_bytes"))
    return Memory(
        max(usage - stat.get(b"total_inactive_file", 0), 0),
        stat.get(b"total_cache", 0),
        # "No limit" is the greatest multiple of a page in a long, whatever the page is.
        limit if 0 < limit < 1 << 62 else None,
        _number(read("memory.max_usage_in_bytes")),
        _keyed(read("memory.oom_control")).get(b"oom_kill", 0),
        stat.get(b"total_rss", 0),
        stat.get(b"total_shmem", 0),
        stat.get(b"total_swap", 0),
        # Without swap, memory and swap together fails first; Linux 6.18 counts that nowhere.
        _number(read("memory.failcnt")) + _number(read("memory.memsw.failcnt")),
    )


def memory_v2(read: Read) -> Memory:
    stat, events = _keyed(read("memory.stat")), _keyed(read("memory.events"))
    return Memory(
        max(_number(read("memory.current")) - stat.get(b"inactive_file", 0), 0),
        stat.get(b"file", 0),
        _limit(read("memory.max")),
        _number(read("memory.peak")),
        events.get(b"oom_kill", 0),
        stat.get(b"anon", 0),
        stat.get(b"shmem", 0),
        _number(read("memory.swap.current")),
        events.get(b"max", 0),
        events.get(b"high", 0),
    )


def pids(read: Read) -> Pids:
    """The same on v1 and v2."""
    refused = _keyed(read("pids.events")).get(b"max", 0)
    return Pids(_number(read("pids.current")), _limit(read("pids.max")), refused)


def io_v1(read: Read) -> Io:
    sizes = _ways(read("blkio.throttle.io_service_bytes_recursive"))
    return Io(*sizes, *_ways(read("blkio.throttle.io_serviced_recursive")))


def _ways(text: bytes) -> tuple[int, int]:
    """What all devices of a v1 file read, and what they wrote."""
    totals = {b"Read": 0, b"Write": 0}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[1] in totals:
            totals[words[1]] += int(words[2])
    return totals[b"Read"], totals[b"Write"]


def io_v2(read: Read) -> Io:
    totals = {b"rbytes": 0, b"wbytes": 0, b"rios": 0, b"wios": 0}
    for word in read("io.stat").split():
        key, _, value = word.partition(b"=")
        if key in totals:
            totals[key] += int(value)
    return Io(*totals.values())


def pressure(text: bytes) -> float:
    """`some avg10` of a PSI file, percent."""
    # some avg10=0.00 avg60=0.00 avg300=0.00 total=0
    words = text.split(b" ", 2)
    return float(words[1][6:]) if len(words) > 2 and words[0] == b"some" else 0.0


def network(text: bytes) -> tuple[int, int]:
    """Received and sent bytes of all interfaces but lo, from /proc/PID/net/dev."""
    received = sent = 0
    for line in text.splitlines()[2:]:
        name, _, rest = line.partition(b":")
        if name.strip() != b"lo":
            fields = rest.split()
            received += int(fields[0])
            sent += int(fields[8])
    return received, sent


def _number(text: bytes, default: int = 0) -> int:
    return int(text) if text else default


def _limit(text: bytes) -> int | None:
    return None if text.strip() in (b"", b"max") else int(text)


def _keyed(text: bytes) -> dict[bytes, int]:
    words = text.split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))
