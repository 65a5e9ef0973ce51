"""Further commands in a container that another runtime has started: by its `exec`.

The program becomes the command's parent only until that is executed; then the monitor, a
subreaper, is. Invariant: the same words reach the client as from a command of ours.
"""

from __future__ import annotations

import json
import os
import signal

from tuidock.engine.errors import EngineError
from tuidock.engine.runtime import strays, user
from tuidock.engine.runtime.commands import Command
from tuidock.engine.runtime.config import added_groups, read_config
from tuidock.engine.runtime.execute import failure
from tuidock.engine.runtime.foreign import PROGRAM, Call
from tuidock.engine.runtime.staging import Stage, numbered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn


def command_for(about: Mapping[str, str]) -> type[Command]:
    """How commands get into the container with these annotations."""
    return ForeignCommand if PROGRAM in about else Command


class ForeignCommand(Command):
    """One exec: first the program is watched (`fd`), then the command, each by its pidfd."""

    _call: Call

    def begin(self, stdio: list[int]) -> None:
        """Fork what becomes the program; `stdio` are the client's descriptors, closed here."""
        self._detached = bool(stdio)
        config = read_config(f"{self._layout.container(self._id)}/config.json")
        about = config["annotations"]
        self._call = Call(self._layout, about, f"exec-{os.urandom(4).hex()}")
        arguments = ["--detach", "--process", self._call.process_file]
        arguments += ["--pid-file", self._call.pid_file]
        if self.process.get("terminal"):
            arguments += self._call.listen()
        self._joiner = os.fork()
        if self._joiner == 0:
            self._become_program(stdio, arguments, config)
        strays.running.add(self._joiner)
        self.fd = os.pidfd_open(self._joiner)
        for descriptor in stdio:
            os.close(descriptor)

    def _become_program(
        self, stdio: list[int], arguments: list[str], config: dict[str, Any]
    ) -> NoReturn:
        """Lives in a child of the monitor."""
        step = "find the user"
        try:
            path = f"/proc/{self._ward.pid}/root"
            root = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            groups = added_groups(config["annotations"])
            who = user.resolve(user.below(root), self.process["user"].get("username", ""), groups)
            os.close(root)
            step = "write the process"
            with open(self._call.process_file, "w", encoding="utf-8") as file:
                file.write(json.dumps(numbered(self.process, who)))
            step = "execute the runtime"
            if self._call.takes_no_cgroups:
                self._ward.cgroup().enter()
            Stage(self._layout, config, (self._call.program,)).pretend()
            null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
            self._call.execute(self._call.words("exec", *arguments), tuple(stdio or [null] * 3))
        except (EngineError, OSError) as error:
            self._call.note(failure(step, error))
        finally:
            os._exit(127)

    def give_up(self) -> None:
        """End the program, before there is a command; `advance` hears of it."""
        if not self.started:
            os.kill(self._joiner, signal.SIGKILL)

    def advance(self) -> bool:
        """Collect the end of the program, or of the command; False when it is over."""
        if self.started:
            self._finish()
            strays.kept.discard(self.pid)
            return False
        os.close(self.fd)
        status = os.waitpid(self._joiner, 0)[1]
        try:
            return self._executed(status)
        except EngineError as error:
            self.failed = True
            self._tell({"failed": failure("exec", error)})
            self.client.close()
            return False
        finally:
            self._call.close()
            strays.running.discard(self._joiner)
            strays.reap()

    def _executed(self, status: int) -> bool:
        """Raises RuntimeFailure when it was not."""
        if status:
            raise self._call.complaint()
        self.pid = self._call.pid()
        strays.kept.add(self.pid)
        self.started = True
        self.fd = os.pidfd_open(self.pid)
        if not self._call.takes_no_cgroups:
            self._ward.cgroup().add(self.pid)
        if self.process.get("terminal"):
            self._pass_on(self._call.master())
        self._tell({"started": self.pid})
        return True
