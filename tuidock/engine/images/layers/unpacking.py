"""The parent's half of unpacking one layer: a child process, a pipe to it, its answer.

Invariant: until `finish` has returned, nothing exists but a directory below `ingest` that is
locked by the two processes and that anybody may remove once neither lives.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
from typing import Any, NamedTuple

import tuidock
from tuidock.engine import errors
from tuidock.engine.errors import ContentError
from tuidock.engine.images.layers.faults import translated
from tuidock.engine.linux.files import remove_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.layout import Layout

_F_SETPIPE_SZ = 1031
_PIPE = 1 << 20
_LAYER_TYPES = ("tar", "tar+gzip", "tar+zstd", "tar.gzip", "tar.zstd")
_CHILD = "tuidock.engine.images.layers.child"


class UnpackedLayer(NamedTuple):
    """A layer that lies complete, and on disk, in an ingest directory of its own."""

    diff_id: str
    size: int
    """Bytes of data in its files."""
    entries: int
    directory: str
    """Its files; the parent directory is the locked ingest directory."""
    lock: int
    """Descriptor that holds the lock; `discard` closes it."""
    implied: tuple[bytes, ...] = ()
    """Directories without an entry, which are what lower layers have there."""
    links: tuple[tuple[bytes, bytes], ...] = ()
    """(name, target) of hard links to files of lower layers."""

    @property
    def dependent(self) -> bool:
        """True when the content depends on what lies beneath."""
        return bool(self.implied or self.links)

    def discard(self) -> None:
        """Remove what is left of it in `ingest`; harmless the second time. Raises OSError."""
        ingest = os.path.dirname(self.directory)
        if os.path.isdir(ingest):
            discard(ingest, self.lock)


class Unpacking:
    """One layer on its way; `finish` or `abort` ends it, `with` aborts on an error."""

    def __init__(self, layout: Layout, media_type: str) -> None:
        """Raises ContentError for something else than a layer, StorageFull, HostError."""
        if not media_type.endswith(_LAYER_TYPES):
            raise ContentError(f"not a layer that can be unpacked: {media_type}")
        self._ingest = f"{layout.ingest}/layer-{os.urandom(8).hex()}"
        self.pid = self._input = self._answer = self._lock = -1
        try:
            self._lock = _locked(self._ingest)
            self._spawn()
        except OSError as error:
            self.abort()
            raise translated(error) from error

    @property
    def directory(self) -> str:
        """Where the files go."""
        return f"{self._ingest}/files"

    def _spawn(self) -> None:
        with contextlib.ExitStack() as theirs:
            stream, self._input = os.pipe()
            theirs.callback(os.close, stream)
            self._answer, answer = os.pipe()
            theirs.callback(os.close, answer)
            with contextlib.suppress(OSError):  # more than a user's share of pipe memory
                fcntl.fcntl(self._input, _F_SETPIPE_SZ, _PIPE)
            root = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            theirs.callback(os.close, root)
            null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
            theirs.callback(os.close, null)
            self.pid = _spawned(stream, answer, null, root, self._lock)

    def __enter__(self) -> Unpacking:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            self.abort()

    def write(self, data: bytes) -> None:
        """Give compressed bytes to the child; blocks while it is busy.

        Raises UnsafeLayer, ContentError, StorageFull as soon as the child has failed.
        """
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._input, view) :]
        except BrokenPipeError:
            self._result()
            raise ContentError("the layer goes on after its end") from None

    def finish(self) -> UnpackedLayer:
        """The end of the stream; returns when the layer is on disk.

        Raises UnsafeLayer, ContentError, StorageFull; nothing is left of the layer then.
        """
        self._close_input()
        answer = self._result()
        lock, self._lock = self._lock, -1  # the directory is the result's now
        return UnpackedLayer(
            answer["diff_id"],
            answer["size"],
            answer["entries"],
            self.directory,
            lock,
            tuple(path.encode("latin-1") for path in answer["implied"]),
            tuple((n.encode("latin-1"), t.encode("latin-1")) for n, t in answer["links"]),
        )

    def abort(self) -> None:
        """Kill the child and remove what it wrote; harmless after `finish` or a failure."""
        self._close_input()
        if self.pid > 0:
            os.kill(self.pid, signal.SIGKILL)
        self._reap()
        if self._lock >= 0:
            discard(self._ingest, self._lock)
            self._lock = -1

    def _close_input(self) -> None:
        if self._input >= 0:
            os.close(self._input)
            self._input = -1

    def _reap(self) -> None:
        if self._answer >= 0:
            os.close(self._answer)
            self._answer = -1
        if self.pid > 0:
            os.waitpid(self.pid, 0)
            self.pid = -1

    def _result(self) -> dict[str, Any]:
        """What the child says at its end. Raises its error."""
        data = bytearray()
        while piece := os.read(self._answer, 1 << 16):
            data += piece
        self._reap()
        answer: dict[str, Any] = json.loads(data) if data else _KILLED
        if "error" in answer:
            self.abort()
            kind = getattr(errors, answer["error"])
            raise kind(answer["message"], answer["hint"])
        return answer


_KILLED = {"error": "HostError", "message": "the unpacking process was killed", "hint": ""}


def _locked(ingest: str) -> int:
    """Make an ingest directory; the descriptor that locks it. Raises OSError."""
    while True:
        os.mkdir(ingest, 0o700)
        try:
            lock = os.open(ingest, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(lock, fcntl.LOCK_EX)
            os.mkdir(f"{ingest}/files", 0o755)
            return lock
        except FileNotFoundError:  # somebody's sweep came before the lock
            continue


def _spawned(*descriptors: int) -> int:
    """Start the child with these as its descriptors 0, 1, 2, ...; its pid. Raises OSError.

    It gets a process group of its own, so that a key press in the terminal does not reach it.
    """
    high = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 32) for each in descriptors]
    moves = [(os.POSIX_SPAWN_DUP2, each, place) for place, each in enumerate(high)]
    here = os.path.dirname(os.path.abspath(tuidock.__path__[0]))
    code = f"import sys; sys.path[:] = {[here, *sys.path]!r}; from {_CHILD} import main; main()"
    arguments = [sys.executable, "-I", "-S", "-c", code]
    try:
        return os.posix_spawn(sys.executable, arguments, {}, file_actions=moves, setpgroup=0)
    finally:
        for each in high:
            os.close(each)


def discard(ingest: str, lock: int) -> None:
    """Remove an ingest directory and give up its lock. Raises OSError."""
    try:
        remove_path(ingest)
    finally:
        os.close(lock)
