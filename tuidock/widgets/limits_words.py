"""What the counters of a container mean now, in sentences that say what to do.

Pure functions from samples and limits to words. Invariant: each sentence stands on figures of the
samples given, and none is said when its cause is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tuidock import format as fmt
from tuidock.engine.types import Bounds, Limits, Sample
from tuidock.widgets.amounts import size_text
from tuidock.widgets.limits_measures import lately, now

CLOSE = 0.9
"""From this share of a limit on it is said how near it is."""
RARE = 0.05
"""Throttled in fewer of its periods than this, nobody feels it."""
PRESSING = 1.0
"""Percent from which on pressure is worth a sentence."""

ABOUT = {
    "cpus": "CPU time it may use at most, in cores; each 0.1 s anew. 50% is half a core.",
    "cpu_shares": "Its part when CPUs are short, against the 1024 of all others; no ceiling.",
    "cpuset_cpus": "The CPUs it may run on; space or a click toggles one. Others may use them too.",
    "memory": "All it may use, page cache included. What does not fit is killed (OOM).",
    "memory_high": "Above it the kernel slows its processes down and reclaims, and kills nobody.",
    "memory_reservation": "What the kernel tries to leave to it when the machine runs short.",
    "memory_swap": "Memory and swap together, as docker counts: equal to the max means no swap.",
    "pids": "Processes and threads it may have at most; the next fork fails.",
    "blkio_weight": "Its part of a busy disk against others, 10 to 1000.",
    "device_read_bps": "Bytes a second it may read from this disk.",
    "device_write_bps": "Bytes a second it may write to this disk.",
    "device_read_iops": "Reads a second it may do on this disk.",
    "device_write_iops": "Writes a second it may do on this disk.",
}
"""What each limit is, by field of `Limits`."""


class Sentence(NamedTuple):
    """Something to know."""

    level: str
    """`bad`, `warn`, or empty for what is as it should be."""
    text: str


class Case(NamedTuple):
    """What is known of one container."""

    past: Sequence[Sample]
    """Of a run that goes on, oldest first, at least one."""
    limits: Limits
    bounds: Bounds | None

    @property
    def last(self) -> Sample:
        return self.past[-1]


def sentences(
    group: str, past: Sequence[Sample], limits: Limits, bounds: Bounds | None
) -> list[Sentence]:
    """What there is to say about `cpu`, `memory`, `pids` or `io`; the worst first."""
    if not past:
        return []
    found = list(_GROUPS[group](Case(past, limits, bounds)))
    order = {"bad": 0, "warn": 1, "": 2}
    return sorted(found, key=lambda it: order[it.level])


def _cpu(case: Case) -> Iterator[Sentence]:
    last, limits = case.last, case.limits
    yield from _quota(case)
    yield from _pressure("CPU", last.pressure_cpu, last, "waited for a CPU")
    if limits.cpu_shares:
        part = f"{limits.cpu_shares / 1024:g}"
        yield Sentence("", f"When CPUs are short, it gets {part} times what an ordinary one gets.")
    if limits.cpuset_cpus and case.bounds:
        machine = f"the machine has {fmt.count(len(case.bounds.cpus), 'core')}"
        yield Sentence("", f"It may run on core {limits.cpuset_cpus} alone; {machine}.")


def _quota(case: Case) -> Iterator[Sentence]:
    if not case.limits.cpus:
        cores = f"all {len(case.bounds.cpus)} cores" if case.bounds else "every core"
        yield Sentence("", f"No quota: it may use {cores} that others leave.")
        return
    periods = lately(case.past, lambda it: it.periods)
    held = lately(case.past, lambda it: it.throttled_periods)
    if not held:
        yield Sentence("", "The quota has not held it back in the last 10 s.")
        return
    said = f"The quota held it back in {held:.0f} of the last {periods:.0f} periods of 0.1 s"
    if held < periods * RARE:
        yield Sentence("", f"{said}: it just fits.")
    else:
        yield Sentence("warn", f"{said}: it wants more. If it is too slow, raise it.")


def _memory(case: Case) -> Iterator[Sentence]:
    last, limit = case.last, case.limits.memory
    yield from _killed(case)
    yield from _met(case)
    if limit and last.memory >= limit * CLOSE and not last.oom_kills:
        share = f"{last.memory / limit:.0%}"
        yield Sentence("warn", f"{share} of its max is in use, more than the cache can give back.")
    if last.memory_high_events and case.limits.memory_high:
        times = fmt.count(last.memory_high_events, "time")
        yield Sentence("warn", f"Above its high {times}: slowed down instead of killed.")
    yield from _pressure("Memory", last.pressure_memory, last, "waited for memory to be freed")
    yield Sentence("", _made_of(last))
    if not limit and case.bounds:
        machine = fmt.size(case.bounds.memory)
        yield Sentence("", f"No max: it may take the machine's {machine}, others suffer then.")


def _made_of(last: Sample) -> str:
    """What can be given back, and what cannot."""
    own = f"{fmt.size(last.memory_anon)} its own (anon)"
    files = (
        f", {fmt.size(last.memory_shared)} files in memory (tmpfs)" if last.memory_shared else ""
    )
    swap = f", {fmt.size(last.memory_swap)} swapped out" if last.memory_swap else ""
    cache = fmt.size(max(0, last.memory_cache - last.memory_shared))
    return f"{own}{files}{swap}; {cache} page cache, given back when needed."


def _killed(case: Case) -> Iterator[Sentence]:
    kills, limit = case.last.oom_kills, case.limits.memory
    if not kills:
        return
    count = fmt.count(kills, "process").replace("processs", "processes")
    at = f" at its max of {size_text(limit)}" if limit else ""
    cure = "raise the max, = suggests how far" if limit else "a limit above it was met"
    yield Sentence("bad", f"The kernel killed {count} of it{at} (OOM): {cure}.")


def _met(case: Case) -> Iterator[Sentence]:
    """`memory.failcnt`, which frightens people for no reason unless somebody was killed."""
    times = case.last.memory_failures
    recent = lately(case.past, lambda it: it.memory_failures)
    if case.last.oom_kills:
        return
    if recent:
        said = f"It met its max {recent:.0f} times in 10 s, and page cache was dropped to make room"
        yield Sentence("warn", f"{said}: what it reads again comes from disk. More memory helps.")
    elif times:
        said = f"It met its max {fmt.count(times, 'time')} since it started, not lately"
        yield Sentence("", f"{said}: page cache was dropped, which is harmless.")


def _pids(case: Case) -> Iterator[Sentence]:
    last, limit = case.last, case.limits.pids
    if last.pids_failures:
        forks = fmt.count(last.pids_failures, "fork")
        yield Sentence("bad", f"The limit refused {forks}: raise it, or look for what forks so.")
    if limit and last.pids >= limit * CLOSE:
        yield Sentence("warn", f"{last.pids} of {limit} are in use: soon nothing can be started.")
    if not limit:
        yield Sentence("", f"{last.pids} now. No limit: a fork bomb would stop the machine.")


def _io(case: Case) -> Iterator[Sentence]:
    last = case.last
    yield from _pressure("I/O", last.pressure_io, last, "waited for a disk")
    read, written = now(case.past, "read"), now(case.past, "write")
    so_far = f"{fmt.size(last.block_read)} and {fmt.size(last.block_write)} so far"
    said = f"Reads {fmt.rate(read)}, writes {fmt.rate(written)}, all disks together; {so_far}."
    yield Sentence("", said)


def _pressure(what: str, percent: float, sample: Sample, did: str) -> Iterator[Sentence]:
    if percent < PRESSING:
        return
    if sample.pressure_of == "host":
        whose, who = "the host's, which is all that is told here", "something on the machine"
    else:
        whose, who = "its own", "something in it"
    level = "warn" if percent >= 10 else ""
    said = f"{what} pressure {percent:.0f}% ({whose}): in that share of 10 s {who} {did}."
    yield Sentence(level, said)


_GROUPS: dict[str, Callable[[Case], Iterator[Sentence]]] = {
    "cpu": _cpu,
    "memory": _memory,
    "pids": _pids,
    "io": _io,
}
