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

from tuidock.engine.linux import ledger, machine
from tuidock.engine.linux.arena import Answer, Arena, Scribe
from tuidock.engine.linux.calls import NUMBER
from tuidock.engine.linux.executable import executable
from tuidock.engine.linux.libc import check, libc
from tuidock.engine.linux.mount import messages
from tuidock.engine.linux.obeying import obey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tuidock.engine.linux.arena import Argument, Batch

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
_SOME = 24
"""Calls that it is worth to wake somebody for, who takes about as long to wake."""
_FILES = 512
"""Descriptors that there is room for from the beginning."""


CODE = executable(machine.code(os.uname().machine)) if NUMBER else 0
"""The address of our machine code, 0 where there is none or where none may be executed."""


def shares_memory() -> bool:
    """Whether stubs are made with machine code here, rather than by forks."""
    return bool(CODE)


class StubDied(ProcessLookupError):
    """The process that was to make the calls is gone."""


class Stub(Scribe):
    """One such process; `step` is what it is doing, or what it failed to do."""

    def __init__(self, arena: Arena, starter: int, *, code: int) -> None:
        super().__init__(arena)
        self.pid = 0
        self.pidfd = -1
        self.failed = ""
        """The system call that failed last."""
        self.starter = starter
        """A pidfd of our own."""
        self._code = code
        self._line, self._theirs = _pair()
        self._left: tuple[Stub, ...] = ()
        self._given: Batch | None = None
        """What the process works at, unless somebody waits for that."""
        self.control = arena.control(self._theirs, starter)

    # --- calls --------------------------------------------------------------------------------

    def call(self, name: str, *arguments: Argument, path: str = "") -> int:
        """Make one call, after those that were written down. Raises OSError, StubDied."""
        answer = self.add(name, *arguments, path=path)
        self.run()
        return answer.known

    def push(self) -> None:
        """Let the process make the calls so far, if it is idle, while others are written down.

        None of them may leave out later ones. Raises OSError of an earlier one, StubDied.
        """
        if len(self.arena.calls) < _SOME:
            return
        if self._given:
            if not select.select([self._line], [], [], 0)[0]:
                return
            self._take()
        self._give(self.arena.close_batch())

    def play(self, passage: Batch) -> None:
        """The same for calls that were written down elsewhere, after those so far.

        Needs `shares_memory`. Raises OSError of an earlier one, StubDied.
        """
        self.run()
        self._give(passage)

    @property
    def shares_memory(self) -> bool:
        """Whether it can read what was written down before it was born."""
        return bool(self._code)

    def run(self) -> None:
        """Make the calls that were written down. Raises OSError of the first that failed."""
        if self._given:
            self._take()
        if self.arena.calls:
            self._give(self.arena.close_batch())
            self._take()
            self._close_theirs()

    def run_apart(self) -> None:
        """The same by a process that lives for these calls only, while ours stands still.

        To be called in place of `start`. Raises OSError.
        """
        batch = self.arena.close_batch()
        self._tell(batch)
        check(libc.shutdown(self._line, _SHUT_WR), "shutdown")  # the line's end is its end
        self.start(CLONE_VFORK)
        os.waitpid(self.pid, 0)
        os.close(self.pidfd)
        self.pidfd = -1
        self._conclude(batch, int.from_bytes(os.read(self._line, 8), "little"))

    def finish(self) -> None:
        """The same for a batch that ends in execve(2), after `leave_files`: returns when it was
        executed, or when the process died of it. Raises OSError.
        """
        batch = self.arena.close_batch()
        if self._tell(batch) and (stopped := self._hear()):
            self._judge(batch, stopped)

    def _give(self, batch: Batch) -> None:
        self._given = batch
        if not self._tell(batch):
            raise StubDied(errno.ESRCH, "the process died")

    def _take(self) -> None:
        batch, self._given = self._given, None
        assert batch
        self._conclude(batch, self._hear(self.pidfd))

    def _tell(self, batch: Batch) -> bool:
        """False when nobody hears it."""
        ledger.note("calls", batch.calls)
        try:
            os.write(self._line, struct.pack("=q", batch.address))
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def _hear(self, pidfd: int = -1) -> int:
        """Where the batch ended; 0 when the line did, or the process of `pidfd`."""
        poll = select.poll()
        poll.register(self._line, select.POLLIN)
        if pidfd >= 0:
            poll.register(pidfd, select.POLLIN)
        ready = [descriptor for descriptor, _ in poll.poll()]
        try:
            answer = os.read(self._line, 8) if self._line in ready else b""
        except ConnectionResetError:
            answer = b""
        return int.from_bytes(answer, "little")

    def _conclude(self, batch: Batch, stopped: int) -> None:
        if not stopped:
            raise StubDied(errno.ESRCH, "the process died")
        self._judge(batch, stopped)

    def _judge(self, batch: Batch, stopped: int) -> None:
        failed = batch.arena.open_batch(batch, stopped)
        ledger.note("answered")
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
        ledger.note("clone", flags)
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
