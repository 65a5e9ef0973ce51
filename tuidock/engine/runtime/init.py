"""The birth of a container: what its first process is asked to do from clone(2) to execve(2).

That process is a stub: it has no program, and everything here runs in the starter, outside.
Invariant: every failure names its step, and nothing of the image is executed, loaded or asked
for a name before the command is.
"""

from __future__ import annotations

import os
import struct

from tuidock.engine.linux import process as p
from tuidock.engine.runtime import execute, passages, rootfs, terminal
from tuidock.engine.runtime.asking import AT_FDCWD
from tuidock.engine.runtime.config import owns
from tuidock.engine.runtime.namespaces import joined

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tuidock.engine.linux.stub import Stub
    from tuidock.engine.runtime.asking import Descriptor
    from tuidock.engine.runtime.rootfs import Operation
    from tuidock.engine.runtime.terminal import Terminal

_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
_AF_INET, _SOCK_DGRAM = 2, 2


class Init:
    """One birth, step by step; the stub's `step` is what is being done."""

    def __init__(self, stub: Stub, config: dict[str, Any]) -> None:
        self.stub = stub
        self.config = config
        self.root: Descriptor = -1
        self.terminal: Terminal | None = None

    def enter(self, doors: list[str]) -> None:
        """The cgroup, by the files `doors`; then be root of the user namespace."""
        stub = self.stub
        stub.step = "enter the cgroup"
        stub.add("setsid")
        stub.add("umask", 0)
        pass_doors(stub, doors)
        stub.step = "become root of the user namespace"
        if os.geteuid() == 0:
            stub.add("prctl", p.PR_SET_DUMPABLE, 0)
        become_root(stub)
        if os.geteuid() and not joined(self.config):
            # Whoever carries the user's network must look into it; a change of ids forbids that.
            stub.add("prctl", p.PR_SET_DUMPABLE, 1)
        stub.add("unshare", p.CLONE_NEWCGROUP)
        stub.push()

    def furnish(self, plan: list[Operation], descriptors: list[int]) -> None:
        """Everything that only needs the image and the host."""
        written = passages.USUAL if self.stub.shares_memory else ()
        birth = rootfs.Birth(self.stub, descriptors[0], descriptors[1:], written)
        birth.furnish(plan)
        self.root = birth.root
        if self.config["process"].get("terminal"):
            self._open_terminal()
        if name := self.config.get("hostname"):
            self.stub.step = "set the hostname"
            encoded = name.encode()
            self.stub.add("sethostname", encoded, len(encoded))
        if owns(self.config["linux"], "network"):
            self.stub.step = "bring up lo"
            bring_up_loopback(self.stub)
        self.stub.run()

    def _open_terminal(self) -> None:
        self.stub.step = "open the terminal"
        self.terminal = terminal.open_terminal(self.stub, self.root)
        terminal.take(self.stub, self.terminal.slave)
        if size := self.config["process"].get("consoleSize"):
            terminal.set_size(self.terminal.master, size["width"], size["height"])
        terminal.make_console(self.stub, self.root, self.terminal.slave)

    def become(
        self, asked: execute.Asked, stdio: tuple[int, ...], limit: Callable[[], None]
    ) -> None:
        """Be the command; `limit` sets its limits, which would hold for the steps before, too.

        Raises OSError, StartFailed, CommandNotFound, CommandNotExecutable.
        """
        stub = self.stub
        who = execute.identify(stub, self.root, asked)
        if self.terminal:
            stdio = (self.terminal.slave,) * 3
        stub.step = "close descriptors"
        execute.own_stdio(stub, who.uid, stdio)
        execute.default_signals(stub)
        stub.add("umask", 0o022)
        kept = (asked.reaper,) if asked.reaper >= 0 else ()
        stub.leave_files(stdio, kept=kept)
        stub.run()
        limit()
        execute.make_directory(stub, self.config["process"]["cwd"])
        ready = execute.settle(stub, self.config["process"], asked, who)
        execute.harden(stub, ready)
        execute.execute(stub, ready)


def bring_up_loopback(stub: Stub) -> None:
    """In the stub's network namespace; no-op where it is up."""
    line = stub.add("socket", _AF_INET, _SOCK_DGRAM | os.O_CLOEXEC, 0)
    request = struct.pack("16sh14x", b"lo", _IFF_UP)
    stub.add("ioctl", line, _SIOCSIFFLAGS, request)
    stub.add("close", line)


def pass_doors(stub: Stub, doors: list[str]) -> None:
    """Enter the cgroups of the files `doors`."""
    for path in doors:
        file = stub.add("openat", AT_FDCWD, path, os.O_WRONLY | os.O_CLOEXEC, path=path)
        stub.add("write", file, b"0", 1, path=path)
        stub.add("close", file)


def become_root(stub: Stub) -> None:
    """Take the ids of root, in a user namespace whose ids are mapped, or of the host's."""
    stub.add("setresgid", 0, 0, 0)
    stub.add("setresuid", 0, 0, 0)
    execute.set_groups(stub, ())
