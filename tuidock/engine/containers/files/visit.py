"""Our end of an errand: a process of ours in the container, a tar stream, answers in JSON lines.

Invariant: when a visit is closed, its processes are gone and the container runs as before.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import sys

import tuidock
from tuidock.engine import errors
from tuidock.engine.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tuidock.engine.layout import Layout

PIECE = 1 << 18
_KEEPER = "tuidock.engine.containers.files.keeper"
_PATIENCE = ((signal.SIGTERM, 2.0), (signal.SIGKILL, 10.0))
"""Seconds that a visit gets to end by itself, once nobody listens any more, before each."""


class Visit:
    """One errand; `with` ends it."""

    def __init__(self, layout: Layout, errand: dict[str, Any], lock: int) -> None:
        """`errand` is what `keeper` reads; it holds `lock` until it ends. Raises HostError."""
        self._said = bytearray()
        with contextlib.ExitStack() as theirs:
            try:
                stream, self._input = _pipe(theirs, reading=True)
                output, self._output = _pipe(theirs, reading=False)
                answers, self._answers = _pipe(theirs, reading=False)
                null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
                theirs.callback(os.close, null)
                self._request = errand | {"root": layout.root, "tag": layout.tag}
                self._request["run"] = layout.run(errand["id"])
                self._pid = _spawned((stream, output, null, answers, lock), self._request)
            except OSError as error:
                raise HostError(f"cannot look into the container: {error.strerror}") from error

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def answer(self) -> dict[str, Any]:
        """The next answer. Raises what went wrong over there, as an EngineError."""
        while b"\n" not in self._said:
            data = os.read(self._answers, 1 << 16)
            if not data:
                raise HostError("the process that looked into the container was killed")
            self._said += data
        line, _, rest = self._said.partition(b"\n")
        self._said = bytearray(rest)
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise getattr(errors, answer["error"])(answer["message"], answer["hint"])
        return answer

    def read(self) -> bytes:
        """Some bytes of the stream; b"" at its end. Raises EngineError when it was cut short."""
        data = self.take()
        if not data:
            self.answer()
        return data

    def take(self) -> bytes:
        """Some bytes of the stream; at its end b"", and the answer to it is still to be had."""
        return os.read(self._output, PIECE)

    def pieces(self) -> Iterator[bytes]:
        """All of the stream. Raises as `read`."""
        while data := self.read():
            yield data

    def write(self, data: bytes) -> None:
        """Give bytes to the other side. Raises what it says when it takes no more."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._input, view) :]
        except BrokenPipeError:
            self.answer()
            raise HostError("the archive goes on after its end") from None

    def await_more(self, descriptor: int) -> None:
        """Until there is something to read for the other side. Raises what it says meanwhile."""
        while descriptor not in select.select([descriptor, self._answers], [], [])[0]:
            said = os.read(self._answers, 1 << 16)
            self._said += said
            if not self._said or b'"error"' in self._said:
                self.answer()
            if not said:  # it has taken all that it wants
                return

    def end(self) -> None:
        """No more bytes will come."""
        if self._input >= 0:
            os.close(self._input)
            self._input = -1

    def close(self) -> None:
        """End it, whatever it is doing; harmless the second time."""
        self.end()
        if self._output >= 0:
            os.close(self._output)
            self._output = -1
            self._reap()
            os.close(self._answers)

    def _reap(self) -> None:
        """Wait, and hurry it after a moment: it may be where nothing is read or written."""
        pidfd = os.pidfd_open(self._pid)
        try:
            for number, seconds in _PATIENCE:
                if select.select([pidfd], [], [], seconds)[0]:
                    break
                signal.pidfd_send_signal(pidfd, number)
            if os.waitpid(self._pid, 0)[1]:
                self._thaw()
        finally:
            os.close(pidfd)

    def _thaw(self) -> None:
        """What the keeper would have done, had it not been killed."""
        if self._request["freeze"]:
            from tuidock.engine.containers.files.keeper import thaw

            thaw(self._request["tag"], self._request["id"])


def _pipe(theirs: contextlib.ExitStack, *, reading: bool) -> tuple[int, int]:
    """(their end, our end) of a pipe; `reading`: they read."""
    ends = os.pipe2(os.O_CLOEXEC)
    their, our = ends if reading else ends[::-1]
    theirs.callback(os.close, their)
    return their, our


def _spawned(descriptors: tuple[int, ...], request: dict[str, Any]) -> int:
    """Start the keeper with these as its descriptors 0, 1, 2, ...; its pid. Raises OSError.

    It gets a process group of its own: a key press in the terminal is for us to act upon.
    """
    high = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 32) for each in descriptors]
    moves = [(os.POSIX_SPAWN_DUP2, each, place) for place, each in enumerate(high)]
    here = os.path.dirname(os.path.abspath(tuidock.__path__[0]))
    code = f"import sys; sys.path[:0] = [{here!r}]; from {_KEEPER} import main; main()"
    words = [sys.executable, "-I", "-S", "-c", code, json.dumps(request)]
    try:
        return os.posix_spawn(sys.executable, words, {}, file_actions=moves, setpgroup=0)
    finally:
        for each in high:
            os.close(each)
