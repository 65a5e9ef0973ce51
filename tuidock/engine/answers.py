"""The nouns of what the engine tells when it is asked: images, processes, figures, logs, the host.

Rules as in `types`, from where they are to be imported. Invariant: a plain `tuidock run` meets
none of them, so that it need not define them.
"""

from __future__ import annotations

from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuidock.engine.events import Event

# --- images -------------------------------------------------------------------------------------


class Platform(NamedTuple):
    """An OCI platform, as `linux/arm64/v8` spells it."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in self if part)


class Layer(NamedTuple):
    """One layer of an image: its blob as the registry names it, and its content."""

    digest: str
    diff_id: str
    size: int
    """Compressed bytes."""
    media_type: str = ""
    created_by: str = ""


class Image(NamedTuple):
    """An image in the local store."""

    id: str
    """Digest of the image config, docker's image ID."""
    tags: tuple[str, ...]
    """Full references, `docker.io/library/debian:latest`; empty for a dangling image."""
    digests: tuple[str, ...]
    """`repository@sha256:...` for every manifest this image was pulled by."""
    created: float
    size: int
    """Bytes of the extracted layers."""
    platform: Platform
    layers: tuple[Layer, ...]
    labels: dict[str, str]
    command: tuple[str, ...]
    """Entrypoint followed by command, as a container without arguments would run it."""


class RemoteLayer(NamedTuple):
    """A layer offered by a registry."""

    digest: str
    size: int
    present: bool
    """True when the local store already holds it."""


class RemoteImage(NamedTuple):
    """What a registry holds under one tag or digest, for one platform, before any pull."""

    reference: str
    digest: str
    platform: Platform
    platforms: tuple[Platform, ...]
    """Every platform of the index; the one above alone when there is no index."""
    layers: tuple[RemoteLayer, ...]
    created: float
    config: dict[str, object]


# --- containers ---------------------------------------------------------------------------------


class Process(NamedTuple):
    """One process in a container, as the host sees it."""

    pid: int
    parent: int
    user: str
    """Numeric uid in the container."""
    cpu_seconds: float
    memory: int
    """Resident bytes."""
    started: float
    state: str
    command: str
    terminal: str = ""
    """`pts/0`; empty without one."""


class Sample(NamedTuple):
    """One measurement of one container, counters and the rates derived from the one before."""

    id: str
    at: float
    """CLOCK_BOOTTIME seconds, so that a changed wall clock cannot bend a rate."""
    cpu: float
    """Cores in use since the sample before; 0.0 in the first."""
    cpu_seconds: float
    cpu_limit: float | None
    """Quota in cores, None without one."""
    throttled: float
    """Share of the time since the sample before in which the quota held it back, 0.0 to 1.0."""
    memory: int
    """Working set: usage without inactive file cache, as docker counts it."""
    memory_cache: int
    memory_limit: int | None
    memory_peak: int
    oom_kills: int
    pids: int
    pids_limit: int | None
    network_rx: int
    """Bytes since the network was made, all interfaces but lo."""
    network_tx: int
    block_read: int
    block_write: int
    pressure_cpu: float = 0.0
    """PSI `some avg10` in percent; 0.0 where the kernel does not tell."""
    pressure_memory: float = 0.0
    pressure_io: float = 0.0
    pressure_of: str = ""
    """Whose pressure that is: `container`, `host` where only that is told, or empty."""
    periods: int = 0
    """Periods of the quota in which it ran, `nr_periods`."""
    throttled_periods: int = 0
    """Those in which the quota was used up, `nr_throttled`."""
    throttled_seconds: float = 0.0
    """In which the quota held it back, all CPUs together."""
    memory_anon: int = 0
    """Bytes of the processes' own, which only swap could take back."""
    memory_shared: int = 0
    """Bytes of files in memory (tmpfs, /dev/shm): cache that only swap could take back."""
    memory_swap: int = 0
    memory_failures: int = 0
    """How often usage met the limit: the `failcnt`s, on v2 `max` of `memory.events`."""
    memory_high_events: int = 0
    """How often usage was above `memory.high`."""
    pids_failures: int = 0
    """Forks that the pids limit refused."""
    block_reads: int = 0
    """Operations."""
    block_writes: int = 0


class Bounds(NamedTuple):
    """Which limits of a container can be set on this machine, and between what they make sense."""

    cpus: tuple[int, ...]
    """Numbers of the CPUs that are online."""
    memory: int
    """Bytes that the machine has."""
    swap: int
    """Bytes of swap that the machine has."""
    disks: tuple[str, ...]
    """Paths of whole block devices, which can be given rates."""
    lacking: tuple[tuple[str, str], ...] = ()
    """(field of `Limits`, why it cannot be set)."""
    remarks: tuple[tuple[str, str], ...] = ()
    """(field of `Limits`, why it may have no effect)."""


class History(NamedTuple):
    """What a container used, run after run, oldest first: columns of one length, and starts."""

    id: str
    at: Sequence[float] = ()
    """Seconds since the epoch."""
    cpu: Sequence[float] = ()
    """Cores in use since the one before; 0.0 after a gap."""
    memory: Sequence[int] = ()
    """Working set, as in `Sample`."""
    pids: Sequence[int] = ()
    received: Sequence[float] = ()
    """Bytes a second since the one before, by the container's own network."""
    sent: Sequence[float] = ()
    events: Sequence[Event] = ()
    """What happened to it in that time, as far as the journal goes back; no further commands."""
    starts: Sequence[float] = ()
    """When a run began to be recorded, a second or so after it began."""
    read: Sequence[float] = ()
    """Bytes a second from block devices. This and what follows are of some seconds, not of two."""
    written: Sequence[float] = ()
    throttled: Sequence[float] = ()
    """Share of the time in which the quota held it back, 0.0 to 1.0."""
    pressure_cpu: Sequence[float] = ()
    """PSI `some` in percent of the time, the container's own; 0.0 where that is not told."""
    pressure_memory: Sequence[float] = ()
    pressure_io: Sequence[float] = ()


class Removed(NamedTuple):
    """A container that is gone, and whose log can still be read."""

    id: str
    name: str
    image: str
    at: float
    """When it was removed, seconds since the epoch."""
    code: int | None = None
    """How its last run ended; None if it never ran."""


class LogLine(NamedTuple):
    """One line, or one part of an over-long line, that a container wrote."""

    at: float
    stream: str
    """`stdout` or `stderr`."""
    text: bytes
    """As written, without the newline."""
    partial: bool = False
    """True when the line goes on in the next record."""
    name: str = ""
    """What stands before the text where several logs are one: whose it is, with blanks behind."""


class LogQuery(NamedTuple):
    """Which part of a log to read."""

    follow: bool = False
    tail: int | None = None
    """Last n lines; None for all."""
    since: float | None = None
    until: float | None = None


# --- the host -----------------------------------------------------------------------------------


class Finding(NamedTuple):
    """One line of `tuidock doctor`."""

    name: str
    state: str
    """`ok`, `warning` or `missing`."""
    detail: str
    remedy: str = ""


class HostInfo(NamedTuple):
    """The host, as `info` prints it."""

    version: str
    kernel: str
    architecture: str
    operating_system: str
    hostname: str
    cpus: int
    memory: int
    cgroup: str
    """`v1`, `v2` or `hybrid`."""
    root: str
    runroot: str
    rootless: bool
    containers: int
    running: int
    paused: int
    images: int
