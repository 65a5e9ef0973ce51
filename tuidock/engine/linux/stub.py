"""A process that has no program: it makes the system calls that we write down for it.

It is born by clone3(2) with the namespaces that somebody shall live in, and shares our memory and
our descriptors until it becomes a command by execve(2). So no interpreter of ours ever runs in a
container. Where our machine code cannot be executed, a fork of us does the same by the C library.
Invariant: whoever owns a stub has one thread; when the owner dies, however, so does the stub.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import select
import signal
import struct
from contextlib import suppress

from tuidock.engine.linux import machine
from tuidock.engine.linux.arena import NEVER, Answer, Arena
from tuidock.engine.linux.calls import NUMBER
from tuidock.engine.linux.executable import executable
from tuidock.engine.linux.libc import check, libc, syscall
from tuidock.engine.linux.mount import messages
from tuidock.engine.linux.obeying import obey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from tuidock.engine.linux.arena import Argument, How

# <linux/sched.h>
CLONE_VM = 0x100
CLONE_VFORK = 0x4000
CLONE_FILES = 0x400
CLONE_PARENT = 0x8000
CLONE_PIDFD = 0x1000
CLONE_CLEAR_SIGHAND = 0x100000000
_SIGCHLD = 17
_SHUT_WR = 1
_EVERY_SIGNAL = frozenset(range(1, 65)) - {9, 19, 32, 33}
_PATIENCE = 1.0
"""Seconds that a process gets to end itself."""
_FILES = 512
"""Descriptors that there is room for from the beginning."""


CODE = executable(machine.code(os.uname().machine)) if NUMBER else 0
"""The address of our machine code, 0 where there is none or where none may be executed."""


def shares_memory() -> bool:
    """Whether stubs are made with machine code here, rather than by forks."""
    return bool(CODE)


class StubDied(ProcessLookupError):
    """The process that was to make the calls is gone."""


class Stub:
    """One such process; `step` is what it is doing, or what it failed to do."""

    def __init__(self, arena: Arena, starter: int, *, code: int) -> None:
        self.pid = 0
        self.pidfd = -1
        self.step = ""
        self.failed = ""
        """The system call that failed last."""
        self.arena = arena
        self.starter = starter
        """A pidfd of our own."""
        self._code = code
        self._line, self._theirs = _pair()
        self._left: tuple[Stub, ...] = ()
        self.control = arena.control(self._theirs, starter)

    # --- calls --------------------------------------------------------------------------------

    def add(self, name: str, *arguments: Argument, **how: Unpack[How]) -> Answer:
        """Write a call down for the next `run`; see `Arena.add`."""
        return self.arena.add(name, arguments, step=self.step, **how)

    def call(self, name: str, *arguments: Argument, path: str = "") -> int:
        """Make one call, after those that were written down. Raises OSError, StubDied."""
        answer = self.add(name, *arguments, path=path)
        self.run()
        return answer.known

    @property
    def waiting(self) -> int:
        """How many calls are written down."""
        return len(self.arena.calls)

    def run(self) -> None:
        """Make the calls that were written down. Raises OSError of the first that failed."""
        if self.arena.calls:
            self._conclude(self._ask())
            self._close_theirs()

    def run_apart(self) -> None:
        """The same by a process that lives for these calls only, while ours stands still.

        To be called in place of `start`. Raises OSError.
        """
        os.write(self._line, struct.pack("=q", self.arena.close_batch()))
        check(libc.shutdown(self._line, _SHUT_WR), "shutdown")  # the line's end is its end
        self.start(CLONE_VFORK)
        os.waitpid(self.pid, 0)
        os.close(self.pidfd)
        self.pidfd = -1
        self._conclude(int.from_bytes(os.read(self._line, 8), "little"))

    def finish(self) -> None:
        """The same for a batch that ends in execve(2), after `leave_files`: returns when it was
        executed, or when the process died of it. Raises OSError.
        """
        if stopped := self._ask(until_exec=True):
            self._judge(stopped)

    def _ask(self, *, until_exec: bool = False) -> int:
        """Where the batch ended; 0 when the line or the process did."""
        message = struct.pack("=q", self.arena.close_batch())
        try:
            os.write(self._line, message)
        except (BrokenPipeError, ConnectionResetError):
            return 0
        poll = select.poll()
        poll.register(self._line, select.POLLIN)
        if self.pidfd >= 0 and not until_exec:
            poll.register(self.pidfd, select.POLLIN)
        ready = [descriptor for descriptor, _ in poll.poll()]
        try:
            answer = os.read(self._line, 8) if self._line in ready else b""
        except ConnectionResetError:
            answer = b""
        return int.from_bytes(answer, "little")

    def _conclude(self, stopped: int) -> None:
        if not stopped:
            raise StubDied(errno.ESRCH, "the process died")
        self._judge(stopped)

    def _judge(self, stopped: int) -> None:
        failed = self.arena.open_batch(stopped)
        if failed is None:
            return
        self.step, self.failed = failed.step, failed.name
        code = -failed.answer.known
        said = [f"{failed.name}: {os.strerror(code)}"]
        if failed.context:
            said += messages(failed.context.known)
        raise OSError(code, "; ".join(said), failed.path or None)

    # --- processes ----------------------------------------------------------------------------

    def start(self, flags: int, cgroup: int = -1) -> None:
        """Make the process, with the namespaces in `flags`. Raises OSError.

        `cgroup`: the descriptor of a v2 cgroup to be born in.
        """
        pidfd = ctypes.c_int(-1)
        request = _clone_args(flags | self._shared(), ctypes.addressof(pidfd), cgroup)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _EVERY_SIGNAL)
        try:
            self.pid = self._clone(request)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.pidfd = pidfd.value

    def _clone(self, request: bytes) -> int:
        if self._code:
            born = _function(self._code)(request, len(request), self.control)
            if born < 0:
                raise OSError(-born, f"clone3: {os.strerror(-born)}")
            return born
        number = ctypes.c_long(NUMBER["clone3"])
        born = libc.syscall(number, request, ctypes.c_size_t(len(request)))
        if born == 0:
            obey(self.control)
        return check(born, "clone3")

    def _shared(self) -> int:
        """What is shared with the process: descriptors, and with machine code all memory."""
        return CLONE_FILES | CLONE_CLEAR_SIGHAND | CLONE_PIDFD | (CLONE_VM if self._code else 0)

    def clone(self, flags: int, cgroup: int = -1) -> Stub:
        """A process made by this one, in its namespaces and those of `flags`. Raises OSError."""
        child = self.heir()
        pidfd = self.arena.put(bytes(8))
        request = _clone_args(flags | self._shared(), pidfd, cgroup)
        answer = self._bear(child, "clone3", (request, len(request)))
        self.run()
        child.pid = answer.known
        (child.pidfd,) = struct.unpack("=i", self.arena.read(pidfd, 4))
        return child

    def heir(self) -> Stub:
        """A line for a process that this one will make."""
        child = Stub(self.arena, self.starter, code=self._code)
        child.step = self.step
        return child

    def clone_plainly(self, child: Stub, flags: int) -> None:
        """Make the process of `heir` by clone(2), whose arguments a seccomp filter can look into.

        It has descriptors of its own, and no pidfd. Raises OSError.
        """
        shared = CLONE_VM if self._code else 0
        answer = self._bear(child, "clone", (flags | shared | _SIGCHLD, 0, 0, 0, 0))
        self.run()
        child.pid = answer.known

    def _bear(self, child: Stub, name: str, arguments: tuple[Argument, ...]) -> Answer:
        return self.arena.add(name, arguments, child=child.control, step=self.step)

    # --- descriptors --------------------------------------------------------------------------

    def leave_files(self, stdio: tuple[int, ...], *also: Stub, kept: tuple[int, ...] = ()) -> None:
        """Let the process have a table of descriptors of its own: `stdio` as 0 to 2, its line.

        Also stay open, until it is a command, the lines of `also`, made by `heir`, and what is
        `kept`. Takes effect with the next `run`.
        """
        self.add("unshare", CLONE_FILES)
        for number, descriptor in enumerate(stdio):
            self.add("dup3", descriptor, number, 0)
        self._left = (self, *also)
        open_still = sorted({self.starter, *kept, *(each._theirs for each in self._left)})
        for low, high in zip([2, *open_still], [*open_still, 0x7FFFFFFF], strict=True):
            if high - low > 1:
                self.add("close_range", low + 1, high - 1, 0)

    def _close_theirs(self) -> None:
        """Once the process has left our table: its end of the line would never close in ours."""
        for each in self._left:
            os.close(each._theirs)
            each._theirs = -1
        self._left = ()

    def close(self) -> None:
        """Our end of the line: a process that is no command by now ends itself.

        One that shares our descriptors is waited for: it polls its end of the line by number,
        which would be another file's as soon as it is free, and held open by that poll.
        """
        if self._line >= 0:
            os.close(self._line)
        if self._theirs >= 0:
            if self.pidfd >= 0:
                select.select([self.pidfd], [], [], _PATIENCE)
            os.close(self._theirs)
        self._line = self._theirs = -1


class Own:
    """The same for this very process: each call is made at once."""

    def __init__(self) -> None:
        self.step = ""
        self.waiting = 0
        self._left_out = 0

    def add(self, name: str, *arguments: Argument, **how: Unpack[How]) -> Answer:
        """Raises OSError, but not for an errno that is `fine`."""
        answer = Answer(0)
        if self._left_out:
            self._left_out -= 1
            answer.value = NEVER
            return answer
        try:
            answer.value = self._make(name, arguments, how.get("tries", 0))
        except OSError as error:
            if error.errno not in how.get("fine", ()):
                context = how.get("context")
                said = messages(context.known) if context else []
                text = "; ".join([error.strerror or "", *said])
                raise OSError(error.errno, text, how.get("path") or None) from error
            answer.value = -(error.errno or 0)
            self._left_out = how.get("skip", 0)
        return answer

    def _make(self, name: str, arguments: tuple[Argument, ...], tries: int) -> int:
        words = [*map(_plain, arguments), *[0] * 6][:6]  # what is left out must be 0
        while True:
            try:
                return syscall(NUMBER[name], name, *words)
            except BlockingIOError:
                if tries <= 0:
                    raise
                tries -= 1

    def run(self) -> None:
        """All was made already."""


def _plain(argument: Argument) -> object:
    if isinstance(argument, Answer):
        return argument.known
    return os.fsencode(argument) if isinstance(argument, str) else argument


def make(flags: int, cgroup: int = -1, *, code: int | None = None) -> Stub:
    """A stub of ours, with the namespaces in `flags`. Raises OSError.

    `code` is the address of the machine code, 0 for a fork in its place.
    """
    code = CODE if code is None else code
    starter = os.pidfd_open(os.getpid())
    _make_room(starter)
    stub = Stub(Arena(shared=not code), starter, code=code)
    try:
        stub.start(flags, cgroup)
    except OSError:
        stub.close()
        os.close(starter)
        raise
    return stub


def _make_room(descriptor: int) -> None:
    """Grow our table of descriptors while it is ours alone: once it is shared, whoever needs the
    next larger one waits for an RCU grace period, 5 to 15 ms.
    """
    with suppress(OSError):  # a limit below: then there is less room
        os.close(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FILES - 1))


def _pair() -> tuple[int, int]:
    import _socket

    one, other = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0)
    return one.detach(), other.detach()


def _clone_args(flags: int, pidfd: int, cgroup: int) -> bytes:
    """struct clone_args. No stack: who shares memory does not use one."""
    signal_at_end = 0 if flags & CLONE_PARENT else _SIGCHLD
    into = 0x200000000 if cgroup >= 0 else 0
    return struct.pack("=11Q", flags | into, pidfd, 0, 0, signal_at_end, *[0] * 5, max(cgroup, 0))


def _function(address: int) -> Callable[[bytes, int, int], int]:
    kind = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p)
    return kind(address)
