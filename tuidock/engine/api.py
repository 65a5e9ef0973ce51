"""The engine's asynchronous door: what every screen is typed against.

`LocalEngine` (engine/local.py) is the real one, `FakeEngine` (engine/fake.py) serves screen
tests; one contract suite, tests/contract, holds both to this text. Every method may raise a
subclass of `EngineError` and nothing else. Iterators end when the thing they tell of ends;
closing one (`aclose`) stops the work behind it and leaves nothing half-made.

A *key* is a container's name, full id, or an unambiguous prefix of its id.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from typing import Protocol

from tuidock.engine.anatomy import Anatomy, Living
from tuidock.engine.debugging import Debug
from tuidock.engine.events import Event, PullEvent
from tuidock.engine.filesystem import Change, CommitSpec, Copied, Listing, PathStat
from tuidock.engine.pruning import Pruned, PruneQuery
from tuidock.engine.types import (
    Bounds,
    Container,
    ContainerSpec,
    ExecSpec,
    ExitRecord,
    Finding,
    History,
    HostInfo,
    Image,
    Limits,
    LogLine,
    LogQuery,
    Process,
    RemoteImage,
    Removed,
    Sample,
)

A_SHELL = Debug()
ALL_LINES = LogQuery()
EVERYTHING_STOPPED = PruneQuery()


class Session(Protocol):
    """Somebody's line into a container: an attach, or an exec."""

    tty: bool

    def output(self) -> AsyncIterator[tuple[str, bytes]]:
        """(`stdout` | `stderr`, bytes) until the other side is gone; with a tty all is stdout."""
        ...

    async def write(self, data: bytes) -> None:
        """Send bytes to the command's standard input."""
        ...

    async def close_input(self) -> None:
        """Let the command see the end of its standard input."""
        ...

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the tty its size; without a tty this does nothing."""
        ...

    async def wait(self) -> int:
        """The command's exit code, 128 + n after signal n."""
        ...

    async def close(self) -> None:
        """Detach; the command goes on."""
        ...


class Images(Protocol):
    """The local store."""

    async def list(self) -> Sequence[Image]:
        """All images, newest first."""
        ...

    async def get(self, reference: str) -> Image:
        """By reference, image id, or prefix of an id. Raises ImageNotFound."""
        ...

    def pull(self, reference: str, platform: str = "") -> AsyncIterator[PullEvent]:
        """Fetch an image; the last event is `Pulled`. `aclose` cancels, resumably.

        Raises RegistryError, ContentError, HostError.
        """
        ...

    async def remove(self, reference: str, force: bool = False) -> Sequence[str]:
        """Untag, and delete when nothing else needs it; what was done, in docker's words.

        Raises ImageNotFound, InUse.
        """
        ...

    async def tag(self, source: str, target: str) -> None: ...

    async def inspect(self, reference: str) -> dict[str, object]:
        """Docker's inspect object."""
        ...


class Registry(Protocol):
    """Registries, read without pulling."""

    async def catalog(self, host: str) -> list[str]:
        """Repositories of a registry, sorted. Raises RegistryError."""
        ...

    async def tags(self, repository: str) -> list[str]:
        """Tags of `host/repository`, in the registry's order. Raises RegistryError."""
        ...

    async def describe(self, reference: str, platform: str = "") -> RemoteImage:
        """Manifest and config of what a pull would fetch. Raises RegistryError, ContentError."""
        ...


class Containers(Protocol):
    """Containers and what can be done with them."""

    async def list(self) -> Sequence[Container]:
        """All containers, newest first."""
        ...

    async def get(self, key: str) -> Container: ...

    async def create(self, spec: ContainerSpec) -> Container:
        """Raises ImageNotFound (never pulls), NameInUse, BadSpec."""
        ...

    async def start(self, key: str) -> None:
        """Returns once the command was executed. No-op when running.

        Raises StartFailed, CommandNotFound, CommandNotExecutable, PortInUse; the container
        then stays, exited, with the reason in its exit record.
        """
        ...

    async def stop(self, key: str, timeout: float | None = None) -> None:
        """Stop signal, then SIGKILL after `timeout` seconds (None: the container's own)."""
        ...

    async def kill(self, key: str, signal: str = "KILL") -> None: ...

    async def signal(self, key: str, pid: int, signal: str) -> None:
        """Send a signal to one process, by the pid of `top`, and to nobody who got that pid since.

        Raises NotFound when it is not in the container (any more), BadSpec.
        """
        ...

    async def restart(self, key: str, timeout: float | None = None) -> None: ...

    async def pause(self, key: str) -> None: ...

    async def unpause(self, key: str) -> None: ...

    async def remove(self, key: str, force: bool = False) -> None:
        """Raises WrongStatus for a running container without `force`."""
        ...

    async def rename(self, key: str, name: str) -> None:
        """Raises NameInUse, BadSpec; nothing changed then."""
        ...

    async def prune(self, query: PruneQuery = EVERYTHING_STOPPED) -> Pruned:
        """Remove the containers that do not run."""
        ...

    async def wait(self, key: str) -> ExitRecord:
        """Returns when it is not running (any more)."""
        ...

    async def update(self, key: str, limits: Limits, *, keep: bool = True) -> Container:
        """Change limits at once and for good; None fields stay as they are, 0 means no limit.

        Without `keep` only until this run ends: `spec` stays, `passing` tells what holds. Raises
        BadSpec with the kernel's reason when it refuses a value, nothing changed then; WrongStatus
        without `keep` when it does not run.
        """
        ...

    async def bounds(self, key: str) -> Bounds:
        """Which of its limits can be changed on this machine, running or not."""
        ...

    async def top(self, key: str) -> Sequence[Process]: ...

    async def inspect(self, key: str) -> dict[str, object]: ...

    def logs(self, key: str, query: LogQuery = ALL_LINES) -> AsyncIterator[Sequence[LogLine]]:
        """Batches of lines in order; with `follow` until the container ends.

        Of one that was `removed` too, by its whole id.
        """
        ...

    def log_growth(self, key: str) -> AsyncIterator[None]:
        """Something at once, then whenever lines have come, until the container ends; for who reads
        its `log_files`, and should not pay for lines that nobody sees.
        """
        ...

    async def anatomy(self, key: str) -> Anatomy:
        """How it was made and of what: its last birth, its layers, what is hidden from it."""
        ...

    async def living(self, key: str) -> Living:
        """What the kernel says of it now: namespaces, ids, cgroup, mounts, processes, privileges.

        Raises WrongStatus when it does not run.
        """
        ...

    async def log_files(self, key: str) -> Sequence[str]:
        """Paths of the log, oldest first, for readers that work by offset (logs.index).

        Of one that was `removed` too, by its whole id.
        """
        ...

    async def removed(self) -> Sequence[Removed]:
        """Containers removed in the last hour whose logs can be read, the last one first.

        Only the last few, and none that said nothing.
        """
        ...

    def stats(
        self, keys: Sequence[str] = (), interval: float = 1.0
    ) -> AsyncIterator[Sequence[Sample]]:
        """One batch each `interval` seconds, one sample for every running container asked for.

        No keys: all running containers at that moment, none too. The first batch comes at once.
        """
        ...

    async def history(self, key: str, since: float = 0.0) -> History:
        """What it used over the last day, one record each two seconds, from a moment on.

        Running or not; empty for one that was never recorded.
        """
        ...

    async def exec(self, key: str, spec: ExecSpec) -> Session: ...

    async def attach(self, key: str) -> Session: ...

    async def debug(self, key: str, asked: Debug = A_SHELL) -> Session:
        """A shell, or a command, with tools of its own in the namespaces of a running container.

        For images without any. It is a container besides, removed when the session is closed;
        the end of the other is its end too. Raises WrongStatus, ImageNotFound, Unsupported.
        """
        ...


class Files(Protocol):
    """The files of containers, running or not. Paths count from the root of the container."""

    async def changes(self, key: str) -> Sequence[Change]:
        """What differs from the image, ordered by path, parents first."""
        ...

    async def stat(self, key: str, path: str) -> PathStat:
        """Facts of a path; a link is not followed. Raises NotFound."""
        ...

    async def list(self, key: str, path: str) -> Listing:
        """What is in a directory, by name; nobody is held still for it. Raises NotFound."""
        ...

    async def read(self, key: str, path: str, size: int) -> bytes:
        """The first `size` bytes of a regular file; a link leads where it does inside.

        Raises NotFound, Conflict for what is no file.
        """
        ...

    async def revert(self, key: str, path: str) -> int:
        """Make a path and all below it what the image has there; how many differences that were.

        Raises NotFound when there is none, Conflict, HostError.
        """
        ...

    async def copy_out(self, key: str, path: str, local: str) -> Copied:
        """`cp CONTAINER:PATH LOCAL`, with its rules. Raises NotFound, Conflict, HostError."""
        ...

    async def copy_in(self, local: str, key: str, path: str) -> Copied:
        """`cp LOCAL CONTAINER:PATH`, the same the other way round."""
        ...

    def archive(self, key: str, path: str, follow: bool = False) -> AsyncIterator[bytes]:
        """A tar stream of a path, whose entries begin with its last component.

        `DIRECTORY/.` is its content, with entries below `./`. Raises NotFound.
        """
        ...

    def export(self, key: str) -> AsyncIterator[bytes]:
        """A tar stream of the root, without what is mounted in it."""
        ...

    async def extract(
        self, key: str, path: str, pieces: AsyncIterable[bytes], owners: bool = False
    ) -> int:
        """Put a tar stream (gzip and zstd too) into a directory; how many devices were left out.

        Files belong to the container's root, with `owners` to whom the stream says.
        Raises NotFound, Conflict, ContentError.
        """
        ...

    async def commit(self, key: str, asked: CommitSpec) -> Image:
        """Make an image of a container. Raises BadSpec, BadReference, NotFound."""
        ...


class Engine(Protocol):
    """A container engine."""

    @property
    def images(self) -> Images: ...

    @property
    def registry(self) -> Registry: ...

    @property
    def containers(self) -> Containers: ...

    @property
    def files(self) -> Files: ...

    def events(self, since: float | None = None) -> AsyncIterator[Event]:
        """Everything that happens from now on (or since then), from every client of this root."""
        ...

    async def info(self) -> HostInfo: ...

    async def doctor(self) -> list[Finding]: ...

    async def close(self) -> None:
        """Let go of files and threads; containers live on."""
        ...
