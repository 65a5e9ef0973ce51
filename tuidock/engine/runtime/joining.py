"""A further command in a running container, whose processes may be hostile.

A stub enters cgroup and namespaces, takes user, capabilities and filter, and only then makes
the process that the container can see: at no time is somebody in there who is more than the
command may be. Invariant: the joiner itself, which is Python, never enters.
"""

from __future__ import annotations

import os

from tuidock.engine.linux import process as p
from tuidock.engine.linux import stub as s
from tuidock.engine.runtime import execute, terminal
from tuidock.engine.runtime.allowance import set_limits, set_score
from tuidock.engine.runtime.asking import AT_FDCWD
from tuidock.engine.runtime.capabilities import ALL
from tuidock.engine.runtime.config import (
    added_groups,
    filter_program,
    flags,
    held_capabilities,
    read_config,
)
from tuidock.engine.runtime.init import become_root, pass_doors
from tuidock.engine.runtime.protocol import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from tuidock.engine.cgroups.cgroup import Cgroup
    from tuidock.engine.linux.sockets import Packets


class Joiner:
    """Lives in a child of the monitor; `step` is what is being done."""

    def __init__(self, bundle: str, process: dict[str, Any], line: Packets) -> None:
        self.bundle = bundle
        self.process = process
        self.line = line
        self.step = "join"
        self.stubs: list[s.Stub] = []
        """Who enters, and who is to be the command: children of the monitor."""

    def live(self, init: int, cgroup: Cgroup, stdio: tuple[int, ...]) -> NoReturn:
        """Join the container of the pidfd `init`; never returns."""
        try:
            self.step = "read the configuration"
            # Ours, and so that of everybody whom we make.
            set_score("self", self.process)
            config = read_config(f"{self.bundle}/config.json")
            entering = self._enter(init, cgroup, flags(config["linux"]))
            command, ready = self._prepare(entering, self._asked(config), stdio)
            self._run(command, ready)
        except Exception as error:
            step = self.stubs[-1].step if self.stubs else self.step
            self._tell({"failed": execute.failure(step, error)})
        finally:
            os._exit(0)

    def _tell(self, message: dict[str, Any], *descriptors: int) -> None:
        """`children` are all those of the monitor that it has to reap, the command's last."""
        self.line.send(encode({**message, "children": [e.pid for e in self.stubs]}), descriptors)

    def _asked(self, config: dict[str, Any]) -> execute.Asked:
        linux = config["linux"]
        privileged = len(self.process["capabilities"]["bounding"]) == len(ALL)
        program = filter_program(None if privileged else linux.get("seccomp"))
        held = held_capabilities(linux)
        groups = added_groups(config["annotations"])
        return execute.Asked(self.process["user"].get("username", ""), groups, program, held)

    def _enter(self, init: int, cgroup: Cgroup, namespaces: int) -> s.Stub:
        self.step = "enter the cgroup"
        unified = cgroup.fd_for_clone()
        entering = s.make(p.CLONE_PARENT, -1 if unified is None else unified)
        self.stubs.append(entering)
        self._tell({})
        entering.step = self.step
        pass_doors(entering, cgroup.doors(cloned=unified is not None))
        entering.step = "join the namespaces"
        entering.add("prctl", p.PR_SET_DUMPABLE, 0)
        entering.add("setns", init, namespaces)
        become_root(entering)
        return entering

    def _prepare(
        self, entering: s.Stub, asked: execute.Asked, stdio: tuple[int, ...]
    ) -> tuple[s.Stub, execute.Ready]:
        """The process that becomes the command, as little as the command is."""
        flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        root = entering.call("openat", AT_FDCWD, "/", flags)
        if self.process.get("terminal"):
            entering.step = "open the terminal"
            master, slave = terminal.open_terminal(entering, root)
            self._tell({"terminal": True}, master)
            stdio = (slave,) * 3
        who = execute.identify(entering, root, asked)
        execute.own_stdio(entering, who.uid, stdio)
        execute.default_signals(entering)
        entering.add("umask", 0o022)
        command = entering.heir()
        entering.leave_files(stdio, command)
        entering.run()
        ready = execute.settle(entering, self.process, asked, who)
        entering.step = "fork"
        execute.harden(entering, ready)
        entering.clone_plainly(command, p.CLONE_PARENT)
        self.stubs.append(command)
        entering.close()  # it leaves
        return command, ready

    def _run(self, command: s.Stub, ready: execute.Ready) -> None:
        self._tell({"pid": command.pid})
        command.step = "set limits of the process"
        set_limits(command.pid, self.process)
        command.add("setsid")
        if self.process.get("terminal"):
            terminal.take(command, 0)
        execute.execute(command, ready)
        self._tell({"executed": True})
