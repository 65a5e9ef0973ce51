"""The nouns of a container's anatomy: how it was made, and what the kernel says of it now.

Values are as the kernel has them, not yet in words for a person. Every noun has a `kind` by which
those words are found (`tuidock.anatomy_words`). Invariant: what could not be read is not there,
and `Living.unread` says why; nothing is guessed from what was asked for.
"""

from __future__ import annotations

from tuidock.engine.named import NamedTuple

# --- the birth ------------------------------------------------------------------------------------


class Step(NamedTuple):
    """One thing that was done for a birth."""

    kind: str
    """As `mount.proc`, `namespace.pid`, `cgroup.file`."""
    text: str
    """What was done, with its arguments."""
    at: float | None
    """Seconds since the birth began; None where only its part was timed."""
    calls: tuple[str, ...] = ()
    """The system calls that did it, each with arguments and result."""


class Batch(NamedTuple):
    """Steps that were timed together, or a single one."""

    seconds: float | None
    """How long the first process took for them, or longer, as the starter looked; None: not
    timed."""
    steps: tuple[Step, ...]


class Part(NamedTuple):
    """A part of a birth, each timed for itself."""

    name: str
    seconds: float
    batches: tuple[Batch, ...]


class Birth(NamedTuple):
    """The last birth of a container."""

    parts: tuple[Part, ...] = ()
    unread: str = ""
    """Why nothing is known of it."""

    @property
    def seconds(self) -> float:
        """From the start of the first part to the command's execution."""
        return sum(part.seconds for part in self.parts if part.name != AHEAD)


AHEAD = "made ahead of time"
"""The part that took place before anybody asked for this container."""


# --- what it is made of ---------------------------------------------------------------------------


class StackLayer(NamedTuple):
    """A layer of the root file system."""

    key: str
    """The name of its directory; empty for the writable one."""
    size: int
    """Bytes of its files."""
    created_by: str
    """The line of the image's history."""
    images: int
    """How many images have it, this container's own among them."""
    containers: int
    """How many containers have it, this one among them."""

    @property
    def kind(self) -> str:
        return "layer.image" if self.key else "layer.own"


class Anatomy(NamedTuple):
    """What stays as it is while a container runs."""

    id: str
    birth: Birth
    layers: tuple[StackLayer, ...]
    """The writable one first, then down."""
    masked: tuple[str, ...]
    readonly: tuple[str, ...]
    devices: tuple[str, ...]
    """Paths of the nodes that it was given."""
    allowed_calls: int
    """System calls that its seccomp profile names as allowed, some of them with conditions."""
    filter_default: str
    """What happens to any other, as OCI writes it; empty without a filter."""


# --- what the kernel says of it now ---------------------------------------------------------------


class Namespace(NamedTuple):
    """A namespace of the first process beside the host's of that type."""

    name: str
    """As in /proc/PID/ns."""
    inode: int
    host: int
    """Inode number of ours."""
    shared_with: tuple[str, ...] = ()
    """Names of other containers that are in it."""

    @property
    def kind(self) -> str:
        return f"namespace.{self.name}"

    @property
    def own(self) -> bool:
        return self.inode != self.host


class IdRange(NamedTuple):
    """A line of uid_map or gid_map."""

    name: str
    """`uid` or `gid`."""
    inside: int
    outside: int
    size: int

    @property
    def kind(self) -> str:
        return f"ids.{self.name}"


class CgroupFile(NamedTuple):
    """A file of the container's cgroup."""

    hierarchy: str
    """The directory where its hierarchy is mounted."""
    version: int
    name: str
    value: str

    @property
    def kind(self) -> str:
        return f"file.{self.name}"


class Mounted(NamedTuple):
    """A mount in the container's mount namespace."""

    target: str
    type: str
    source: str
    root: str
    """What of the file system is mounted."""
    options: tuple[str, ...]
    """Of the mount; those of the file system follow."""
    kind: str


class Member(NamedTuple):
    """A process of the container."""

    pid: int
    """As the host numbers it."""
    inside: int
    """As the container numbers it."""
    uid: int
    uid_inside: int
    name: str
    """Of its user in the container's passwd(5), empty when there is none."""
    state: str
    command: str

    @property
    def kind(self) -> str:
        return "process.first" if self.inside == 1 else "process.other"


class Privileges(NamedTuple):
    """What the first process may do, from its /proc/PID/status."""

    kept: tuple[str, ...]
    """Capabilities that it could still get (the bounding set)."""
    effective: tuple[str, ...]
    """Those that it has now."""
    dropped: tuple[str, ...]
    seccomp: str
    """`filter`, `strict` or `off`."""
    filters: int
    no_new_privileges: bool


class Living(NamedTuple):
    """A running container as the kernel shows it at this moment."""

    id: str
    pid: int = 0
    namespaces: tuple[Namespace, ...] = ()
    ids: tuple[IdRange, ...] = ()
    cgroup: tuple[CgroupFile, ...] = ()
    mounts: tuple[Mounted, ...] = ()
    members: tuple[Member, ...] = ()
    host_processes: int = 0
    privileges: Privileges | None = None
    unread: tuple[tuple[str, str], ...] = ()
    """(section, why) of what could not be read."""
