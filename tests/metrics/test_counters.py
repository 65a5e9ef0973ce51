"""Parsing of cgroup files, on texts recorded from real kernels (v1: 6.18 here, v2: Debian 12)."""

from __future__ import annotations

from tuidock.engine.metrics import counters
from tuidock.engine.metrics.counters import Cpu, Io, Memory, Pids, Read


def _files(**texts: bytes) -> Read:
    """Files by name, `_` for the first dot, or for two before `current`; b"" for all others."""
    named = {name.replace("_", ".", 1): text for name, text in texts.items()}
    named |= {name.replace("swap_", "swap."): text for name, text in named.items()}
    return lambda name: named.get(name, b"")


NOTHING = _files()


def test_cpu_v1() -> None:
    stat = (
        b"nr_periods 100\nnr_throttled 40\nthrottled_time 2500000000\nnr_bursts 0\nburst_time 0\n"
    )
    read = _files(cpu_stat=stat, cpu_cfs_quota_us=b"150000\n", cpu_cfs_period_us=b"100000\n")
    used = _files(cpuacct_usage=b"1234567890\n")
    assert counters.cpu_v1(read, used) == Cpu(1.23456789, 2.5, 1.5, 100, 40)
    unlimited = _files(cpu_cfs_quota_us=b"-1\n", cpu_cfs_period_us=b"100000\n")
    assert counters.cpu_v1(unlimited, NOTHING) == Cpu(0.0, 0.0, None)


def test_cpu_v2() -> None:
    stat = (
        b"usage_usec 7342938\nuser_usec 5001000\nsystem_usec 2341938\n"
        b"nr_periods 70\nnr_throttled 66\nthrottled_usec 6123456\nnr_bursts 0\nburst_usec 0\n"
    )
    read = _files(cpu_stat=stat, cpu_max=b"50000 100000\n")
    assert counters.cpu_v2(read) == Cpu(7.342938, 6.123456, 0.5, 70, 66)
    assert counters.cpu_v2(_files(cpu_max=b"max 100000\n")) == Cpu()


def test_memory_v1() -> None:
    stat = (
        b"cache 1\ninactive_file 2\nrss 3\nswap 4\n"
        b"total_cache 50\ntotal_rss 45\ntotal_swap 6\ntotal_inactive_file 30\ntotal_shmem 7\n"
    )
    read = _files(
        memory_stat=stat,
        memory_usage_in_bytes=b"100\n",
        memory_limit_in_bytes=b"9223372036854771712\n",
        memory_max_usage_in_bytes=b"120\n",
        memory_oom_control=b"oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
        memory_failcnt=b"812\n",
    )
    assert counters.memory_v1(read) == Memory(70, 50, None, 120, 3, 45, 7, 6, 812)


def test_memory_v2() -> None:
    stat = b"anon 60\nfile 40\nshmem 3\ninactive_anon 0\nactive_anon 60\ninactive_file 35\n"
    events = b"low 0\nhigh 9\nmax 17\noom 2\noom_kill 1\noom_group_kill 0\n"
    read = _files(
        memory_stat=stat,
        memory_current=b"105\n",
        memory_max=b"max\n",
        memory_events=events,
        memory_swap_current=b"8\n",
    )
    assert counters.memory_v2(read) == Memory(70, 40, None, 0, 1, 60, 3, 8, 17, 9)
    limited = _files(memory_current=b"1\n", memory_max=b"67108864\n", memory_peak=b"9\n")
    assert counters.memory_v2(limited) == Memory(1, 0, 67108864, 9, 0)


def test_a_counter_that_lags_never_makes_memory_negative() -> None:
    read = _files(memory_stat=b"total_inactive_file 200\n", memory_usage_in_bytes=b"100\n")
    assert counters.memory_v1(read).used == 0


def test_pids() -> None:
    assert counters.pids(_files(pids_current=b"3\n", pids_max=b"max\n")) == Pids(3, None)
    assert counters.pids(_files(pids_current=b"3\n", pids_max=b"12\n")) == Pids(3, 12)
    assert counters.pids(NOTHING) == Pids(0, None)
    assert counters.pids(_files(pids_current=b"3\n", pids_events=b"max 5\n")) == Pids(3, None, 5)


def test_io() -> None:
    text = b"8:0 Read 4096\n8:0 Write 512\n8:0 Sync 1\n8:16 Read 4\n8:16 Total 4\nTotal 4613\n"
    read = _files(blkio_throttle=b"")
    assert counters.io_v1(read) == Io(0, 0)
    assert counters.io_v1(lambda name: text) == Io(4100, 512, 4100, 512)
    operations = b"8:0 Read 10\n8:0 Write 2\nTotal 12\n"
    two = {"bytes": text, "serviced": operations}
    assert counters.io_v1(lambda name: two["bytes" if "bytes" in name else "serviced"]) == Io(
        4100, 512, 10, 2
    )
    stat = (
        b"254:0 rbytes=1000 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n8:0 rbytes=1 wbytes=2\n7:0 \n"
    )
    assert counters.io_v2(_files(io_stat=stat)) == Io(1001, 22, 1, 2)


def test_pressure() -> None:
    text = b"some avg10=12.34 avg60=1.00 avg300=0.00 total=9\nfull avg10=5.00 avg60=0.00 ...\n"
    assert counters.pressure(text) == 12.34
    assert counters.pressure(b"") == 0.0


def test_network_without_lo() -> None:
    text = b"""Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs
    lo: 1000 10 0 0 0 0 0 0 1000 10 0 0 0 0 0 0
  eth0: 1500 11 0 0 0 0 0 0 700 9 0 0 0 0 0 0
 eth1:10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0
"""
    assert counters.network(text) == (1510, 720)
