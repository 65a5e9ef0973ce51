"""A further command in a running container, whose processes may be hostile.

The joiner enters cgroup and namespaces, takes user, capabilities and filter, and only then
makes the process that the container can see: at no time is somebody in there who is more than
the command may be. Invariant: nothing is imported and no name is looked up in the container
but with `openat2`.
"""

from __future__ import annotations

import os

from tuidock.engine.linux import process as p
from tuidock.engine.linux import userns
from tuidock.engine.runtime import execute, terminal
from tuidock.engine.runtime.capabilities import ALL
from tuidock.engine.runtime.config import added_groups, filter_program, flags, read_config
from tuidock.engine.runtime.init import forbid_imports
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
        self.groups: tuple[str, ...] = ()

    def live(self, init: int, cgroup: Cgroup, stdio: list[int]) -> NoReturn:
        """Join the container of the pidfd `init`; never returns."""
        try:
            forbid_imports()
            self.step = "read the configuration"
            config = read_config(f"{self.bundle}/config.json")
            linux = config["linux"]
            self.groups = added_groups(config["annotations"])
            privileged = len(self.process["capabilities"]["bounding"]) == len(ALL)
            program = filter_program(None if privileged else linux.get("seccomp"))
            self._join(init, cgroup, flags(linux))
            self._prepare_and_fork(stdio, program)
        except Exception as error:
            self.line.send(encode({"failed": execute.failure(self.step, error)}))
        finally:
            os._exit(127)

    def _join(self, init: int, cgroup: Cgroup, namespaces: int) -> None:
        self.step = "enter the cgroup"
        cgroup.enter()
        self.step = "join the namespaces"
        p.prctl(p.PR_SET_DUMPABLE, 0)
        p.setns(init, namespaces)
        userns.become_root()

    def _prepare_and_fork(self, stdio: list[int], program: bytes) -> None:
        slave = -1
        if self.process.get("terminal"):
            self.step = "open the terminal"
            slave = terminal.open_terminal(self.line)
            stdio = [slave] * 3
        for number, descriptor in enumerate(stdio):
            os.dup2(descriptor, number, inheritable=True)
        self.step = "close descriptors"
        kept = self.line.fileno()
        p.close_range(3, kept - 1)
        p.close_range(kept + 1)
        os.umask(0o022)
        self.step = f"enter {self.process['cwd']} as the user"
        who = self.process["user"].get("username", "")
        environment = execute.become(self.process, who, self.groups, program)
        self.step = "fork"
        if child := p.clone_sibling():
            self.line.send(encode({"pid": child}))
            os._exit(0)
        self._run(environment)

    def _run(self, environment: dict[str, str]) -> NoReturn:
        """The process that becomes the command; a child of the monitor."""
        self.step = "execute the command"
        os.setsid()
        if self.process.get("terminal"):
            terminal.adopt(0)
        execute.execute(self.process["args"], environment)
