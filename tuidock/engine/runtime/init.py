"""The birth of a container: what its first process does from clone(2) to execve(2).

Runs as pid 1 of the new namespaces, forked from the monitor with everything imported: from
the moment it enters the image's root it loads no module and asks no name service. Invariant:
every failure reaches the monitor with the name of its step.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys

from tuidock.engine.linux import process as p
from tuidock.engine.linux import sockets, userns
from tuidock.engine.runtime import execute, rootfs, sources, terminal
from tuidock.engine.runtime.config import added_groups, owns
from tuidock.engine.runtime.protocol import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from tuidock.engine.cgroups.cgroup import Cgroup
    from tuidock.engine.linux.sockets import Packets
    from tuidock.engine.runtime.plan import Operation

_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1


class Init:
    """One birth, step by step; `step` is what is being done."""

    def __init__(
        self,
        root: str,
        config: dict[str, Any],
        plan: list[Operation],
        line: Packets,
        cgroup: Cgroup,
        program: bytes,
    ) -> None:
        self.root = root
        """The engine's, on the host."""
        self.config = config
        self.plan = plan
        self.line = line
        self.cgroup = cgroup
        self.program = program
        """The compiled seccomp filter."""
        self.shared_memory = -1
        """A mount of the container whose ipc namespace this one shares."""
        self.step = "clone"

    def live(self, stdio: tuple[int, int, int], *, in_cgroup: bool) -> NoReturn:
        """Never returns: becomes the command, or reports why not and exits.

        `in_cgroup`: clone3 has put us into the v2 part of our cgroup.
        """
        try:
            forbid_imports()
            os.setsid()
            os.umask(0)
            self.step = "enter the cgroup"
            self.cgroup.enter(cloned=in_cgroup)
            self._furnish(stdio)
            self._await_go()
            self._become()
        except Exception as error:
            self.line.send(encode({"failed": execute.failure(self.step, error)}))
        finally:
            os._exit(127)

    def _furnish(self, stdio: tuple[int, int, int]) -> None:
        """Everything that only needs the image and the host."""
        self.step = "wait for the mounts"
        message, descriptors = self.line.receive(sockets.SMALL_MESSAGE)
        if not message:
            os._exit(127)  # the starter gave up and says why
        self.step = "become root of the user namespace"
        userns.become_root()
        if not descriptors:
            shm = self.shared_memory
            descriptors = sources.open_all(self.root, self.config, -1, self, shm)
            descriptors += sources.open_devices(self.config, self)
        birth = rootfs.Birth(self.line, descriptors[0], descriptors[1:])
        p.unshare(p.CLONE_NEWCGROUP)
        for operation in self.plan:
            self.step = operation.describe()
            operation.execute(birth)
        self._open_stdio(stdio)
        self.step = "set the hostname"
        if name := self.config.get("hostname"):
            p.set_hostname(name)
        if owns(self.config["linux"], "network"):
            self.step = "bring up lo"
            _bring_up_loopback()

    def _open_stdio(self, stdio: tuple[int, int, int]) -> None:
        if self.config["process"].get("terminal"):
            self.step = "open the terminal"
            slave = terminal.open_terminal(self.line)
            terminal.adopt(slave)
            if size := self.config["process"].get("consoleSize"):
                terminal.set_size(0, size["width"], size["height"])
            terminal.make_console()
            return
        for number, descriptor in enumerate(stdio):
            os.dup2(descriptor, number, inheritable=True)

    def _await_go(self) -> None:
        """The gate: the client wires the network meanwhile."""
        self.step = "wait for the network"
        self.line.send(encode({"ready": True}))
        message, _ = self.line.receive(sockets.SMALL_MESSAGE)
        if not decode(message).get("go"):
            os._exit(127)

    def _become(self) -> NoReturn:
        self.step = "close descriptors"
        kept = self.line.fileno()
        p.close_range(3, kept - 1)
        p.close_range(kept + 1)
        os.umask(0o022)
        process = self.config["process"]
        self.step = f"enter {process['cwd']} as the user"
        who = self.config["annotations"].get("tuidock.user", "")
        groups = added_groups(self.config["annotations"])
        environment = execute.become(process, who, groups, self.program)
        self.step = "execute the command"
        reaped = self.config["annotations"].get("tuidock.init") == "true"
        execute.execute(process["args"], environment, reaped=reaped)


def _bring_up_loopback() -> None:
    line = sockets.datagram_socket()
    try:
        fcntl.ioctl(line.fileno(), _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    finally:
        line.close()


def forbid_imports() -> None:
    """A module that is loaded after the root was entered would be the image's code."""
    sys.meta_path.clear()
    sys.path.clear()
    sys.path_hooks.clear()
