"""The nouns of the engine: immutable values that cross its door, in both directions.

They are `NamedTuple`s, not dataclasses, because every `tuidock run` imports them: 25 of them
cost 3 ms to define, the same as frozen dataclasses 37 ms (measured). Those that it never meets
are in `answers`. Rules: sizes are bytes (int), times are seconds since the epoch (float, UTC),
durations are seconds, CPU is in cores (1.0 = one core), ids are full 64-hex, digests are
`sha256:<64 hex>`.
"""

from __future__ import annotations

from enum import Enum

from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.answers import *  # noqa: F403
else:

    def __getattr__(name):
        """The nouns of `answers`, at first use: they take 1 ms, which `run` is spared."""
        if not name.startswith("_"):  # every `import` asks for __path__
            from tuidock.engine import answers

            if hasattr(answers, name):
                return getattr(answers, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Status(str, Enum):
    """What a container is doing; the values are docker's words."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    EXITED = "exited"

    def __str__(self) -> str:
        return self.value


DOWN = frozenset((Status.CREATED, Status.EXITED))
"""There is nothing to stop, and a start is possible."""
UP = frozenset(Status) - DOWN
"""A monitor sees to it, be it only to start it again."""


# --- what is asked ------------------------------------------------------------


class Limits(NamedTuple):
    """Resource limits; None means no limit of our own."""

    memory: int | None = None
    """Bytes."""
    memory_swap: int | None = None
    """Bytes of memory and swap together, as docker counts; -1 for unlimited swap."""
    memory_reservation: int | None = None
    cpus: float | None = None
    """Cores: 1.5 is a quota of 150 ms in each 100 ms."""
    cpu_shares: int | None = None
    """Docker's scale, 2 to 262144, 1024 the default; becomes cpu.weight on cgroup v2."""
    cpuset_cpus: str | None = None
    """A list as the kernel writes it, `0-2,7`."""
    pids: int | None = None
    blkio_weight: int | None = None
    device_read_bps: tuple[tuple[str, int], ...] | None = None
    """(path of a block device, bytes a second) each; 0 in an update lifts that limit."""
    device_write_bps: tuple[tuple[str, int], ...] | None = None
    device_read_iops: tuple[tuple[str, int], ...] | None = None
    """(path of a block device, operations a second) each."""
    device_write_iops: tuple[tuple[str, int], ...] | None = None
    memory_high: int | None = None
    """Bytes above which the kernel slows its processes down and reclaims; cgroup v2 only."""


class Port(NamedTuple):
    """A published port."""

    container_port: int
    protocol: str = "tcp"
    host_port: int = 0
    """0 asks for a free one; a started container always shows the real one."""
    host_ip: str = ""
    """Empty: every address of the host."""
    host_last: int = 0
    """Any free port from `host_port` to this one will do; 0: only that. Never of a started one."""


class Mount(NamedTuple):
    """A mount asked for by the user."""

    kind: str
    """`bind`, `tmpfs` or `volume`."""
    source: str
    target: str
    readonly: bool = False
    options: tuple[str, ...] = ()


class Device(NamedTuple):
    """A device node of the host, given to a container."""

    source: str
    """Path on the host."""
    target: str
    """Path in the container."""
    access: str = "rwm"
    """Of `r`ead, `w`rite, `m`knod."""


class HealthCheck(NamedTuple):
    """How a container's health is found out; what is None is as the image says, or docker."""

    test: tuple[str, ...] | None = None
    """As an image has it: `("CMD", ...)`, `("CMD-SHELL", line)`, or `("NONE",)`."""
    interval: float | None = None
    timeout: float | None = None
    start_period: float | None = None
    start_interval: float | None = None
    retries: int | None = None
    on_failure: str = "none"
    """When it becomes unhealthy: `none`, `kill`, `restart` or `stop`."""


class RestartPolicy(NamedTuple):
    """Docker's restart policy: `no`, `always`, `unless-stopped` or `on-failure[:n]`."""

    name: str = "no"
    maximum_retries: int = 0


class LogLimits(NamedTuple):
    """When a log file is rotated, and how many files are kept."""

    max_size: int = 10 * 1024 * 1024
    max_files: int = 3


class ContainerSpec(NamedTuple):
    """What a person asked for; everything an image may fill in is None until it is asked."""

    image: str
    name: str = ""
    """Empty: a name is made up."""
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    env: tuple[str, ...] = ()
    """`KEY=value` each."""
    labels: tuple[tuple[str, str], ...] = ()
    user: str | None = None
    working_dir: str | None = None
    hostname: str = ""
    tty: bool = False
    stdin: bool = False
    network: str = "bridge"
    """`bridge`, `host`, `none`, or `default`: `bridge` for root, `none` for anybody else."""
    ports: tuple[Port, ...] = ()
    publish_all: bool = False
    mounts: tuple[Mount, ...] = ()
    limits: Limits = Limits()
    remove: bool = False
    read_only: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    privileged: bool = False
    userns: str = "auto"
    """`auto`: an own id range; `host`: the host's ids; `keep-id`: own, but the caller's id."""
    restart: RestartPolicy = RestartPolicy()
    stop_signal: str | None = None
    stop_timeout: float = 10.0
    shm_size: int = 64 * 1024 * 1024
    log: LogLimits = LogLimits()
    add_hosts: tuple[tuple[str, str], ...] = ()
    dns: tuple[str, ...] = ()
    oom_score_adj: int = 0
    ulimits: tuple[tuple[str, int, int], ...] = ()
    sysctls: tuple[tuple[str, str], ...] = ()
    init: bool = False
    """A reaper of ours is the first process, the command its child."""
    devices: tuple[Device, ...] = ()
    device_rules: tuple[str, ...] = ()
    """As cgroup v1 writes them: `c 188:* rwm`."""
    groups: tuple[str, ...] = ()
    """Supplementary groups, by name or number."""
    pid: str = ""
    """Empty: its own pid namespace; `host`, or `container:ID`."""
    ipc: str = ""
    uts: str = ""
    health: HealthCheck = HealthCheck()
    runtime: str = ""
    """Empty: the embedded one; else `crun`, `runc`, or the path of such a program."""


# --- what is ---------------------------------------------------------------------


class ExitRecord(NamedTuple):
    """How a container's main process ended."""

    code: int
    """The shell's convention: 128 + n after signal n."""
    signal: int
    """0 when it exited by itself."""
    oom_killed: bool
    at: float
    error: str = ""
    """Why it never started, when it never did."""
    peak_memory: int = 0


class Container(NamedTuple):
    """A container as it is now."""

    id: str
    name: str
    image: str
    """The reference that was asked for."""
    image_id: str
    command: tuple[str, ...]
    """What really runs: entrypoint and command joined."""
    created: float
    status: Status
    spec: ContainerSpec
    pid: int = 0
    started: float = 0.0
    exit: ExitRecord | None = None
    address: str = ""
    """IPv4 address on the bridge, empty without one."""
    ports: tuple[Port, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    restarts: int = 0
    health: str = ""
    """`starting`, `healthy`, `unhealthy`, or empty without a health check."""
    passing: Limits | None = None
    """Limits in force until this run ends, where they are not those of `spec`."""


class ExecSpec(NamedTuple):
    """A further command to run inside a running container."""

    command: tuple[str, ...]
    env: tuple[str, ...] = ()
    user: str | None = None
    working_dir: str | None = None
    tty: bool = False
    stdin: bool = False
    privileged: bool = False
