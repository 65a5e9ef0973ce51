"""Another OCI runtime in place of ours: `crun`, `runc`, or a program that takes their words.

Such a program knows neither id-mapped layers nor names of users, and holds no output. What it
gets is a bundle of its own with all of that done, staged in a mount namespace that ends with
the program's `create`. Invariant: the host sees no mount of it, and the container's first
process ends up a child of its monitor, which is a subreaper for that.
"""

from __future__ import annotations

import errno
import json
import os
from contextlib import suppress

from tuidock.engine.cgroups.files import read
from tuidock.engine.errors import (
    CommandNotExecutable,
    CommandNotFound,
    RuntimeFailure,
    StartFailed,
)
from tuidock.engine.linux import ledger, mountinfo, sockets
from tuidock.engine.linux import process as p
from tuidock.engine.linux.files import remove_path, unlink
from tuidock.engine.runtime.birth import Birth, Born, Refused, terminal_streams
from tuidock.engine.runtime.execute import failure
from tuidock.engine.runtime.protocol import GATE, decode, encode
from tuidock.engine.runtime.staging import Stage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

    from tuidock.engine.cgroups.cgroup import Cgroup
    from tuidock.engine.layout import Layout

PROGRAM = "tuidock.runtime"
"""The annotation: the absolute path of the program."""
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
_NOT_EXECUTABLE = ("permission denied", "operation not permitted", "is a directory")


class Call:
    """One call of the program, for one container; its files are in the run dir."""

    def __init__(self, layout: Layout, about: Mapping[str, str], name: str) -> None:
        self.program = about[PROGRAM]
        self.id = about["tuidock.id"]
        self.run = layout.run(self.id)
        self.log = f"{self.run}/{name}.log"
        self.pid_file = f"{self.run}/{name}.pid"
        self.process_file = f"{self.run}/{name}.json"
        self._console_name = f"{name}.sock"
        self._directory = -1
        self._console: sockets.Listener | None = None

    @property
    def takes_no_cgroups(self) -> bool:
        """It can be told to leave the process in the cgroup that it is in."""
        return os.path.basename(self.program) == "crun"

    def words(self, verb: str, *arguments: str) -> list[str]:
        """The command line."""
        words = [self.program, "--root", f"{self.run}/oci", "--log", self.log]
        words += ["--log-format", "json"]
        if self.takes_no_cgroups:
            words.append("--cgroup-manager=disabled")
        return [*words, verb, *arguments, self.id]

    def listen(self) -> list[str]:
        """Be ready for the master of a terminal; the arguments that say where."""
        self._directory = os.open(self.run, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        # Wherever the run dir is, this name of it fits into a socket's address.
        path = f"/proc/{os.getpid()}/fd/{self._directory}/{self._console_name}"
        self._console = sockets.listen_stream(path)
        return ["--console-socket", path]

    def master(self) -> int:
        """The terminal's master, which the program has sent. Raises StartFailed."""
        assert self._console
        try:
            line = sockets.accept(self._console)
            _, descriptors = line.receive(sockets.SMALL_MESSAGE)
        except BlockingIOError:
            descriptors = []
        if len(descriptors) != 1:
            raise StartFailed(f"{os.path.basename(self.program)} sent no terminal")
        line.close()
        return descriptors[0]

    def execute(self, words: list[str], stdio: tuple[int, ...]) -> NoReturn:
        """Become the program, with these standard streams. Raises StartFailed."""
        for number, descriptor in enumerate(stdio):
            os.dup2(descriptor, number, inheritable=True)
        try:
            os.execve(self.program, words, _ENVIRONMENT)
        except OSError as error:
            raise missing(self.program, error.strerror or "") from error

    def pid(self) -> int:
        """What its `--pid-file` says."""
        with open(self.pid_file, "rb", buffering=0) as file:
            return int(file.read(32))

    def note(self, told: dict[str, Any]) -> None:
        """Why it could not even be called, for `complaint` in another process."""
        with open(f"{self.log}.own", "w", encoding="utf-8") as file:
            file.write(json.dumps(told))

    def complaint(self) -> RuntimeFailure:
        """Why it failed: what was noted, or the last error in its log."""
        try:
            with open(f"{self.log}.own", encoding="utf-8") as file:
                told = json.loads(file.read())
        except FileNotFoundError:
            return self._understood()
        return StartFailed(told["message"], told["hint"])

    def _understood(self) -> RuntimeFailure:
        message = _last_error(self.log)
        name = os.path.basename(self.program)
        lowered = message.lower()
        if "executable file" in lowered and "not found" in lowered:
            return CommandNotFound(f"{name}: {message}")
        if "exec" in lowered and "no such file or directory" in lowered:
            return CommandNotFound(f"{name}: {message}")
        if "exec" in lowered and any(each in lowered for each in _NOT_EXECUTABLE):
            return CommandNotExecutable(f"{name}: {message}")
        return StartFailed(f"{name}: {message or 'failed without a word'}")

    def close(self) -> None:
        """Remove what only this call needed."""
        if self._console:
            self._console.close()
            os.close(self._directory)
            self._console = None
        console = f"{self.run}/{self._console_name}"
        for path in (self.log, f"{self.log}.own", self.pid_file, self.process_file, console):
            unlink(path)


def missing(program: str, why: str) -> StartFailed:
    return StartFailed(
        f"cannot run the runtime {program}: {why.lower()}",
        "install it, or create the container without --runtime",
    )


def _last_error(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read(65536).splitlines()
    except FileNotFoundError:
        return ""
    for line in reversed(lines):
        try:
            found = json.loads(line)
        except ValueError:
            return line
        if found.get("level") == "error":
            return str(found.get("msg", ""))
    return ""


class ForeignBirth(Birth):
    """One attempt to have a container started by another runtime."""

    def _start(self, *, gate: bool) -> Born:
        discard(self.layout, self.config["annotations"])  # what a crash left
        call = self._call = Call(self.layout, self.config["annotations"], "create")
        p.prctl(p.PR_SET_CHILD_SUBREAPER, 1)  # until the monitor is one
        cgroup = self._make_cgroup()
        self._begin("open the output")
        stdio, outputs, stdin = self._open_stdio()
        self._create(cgroup, stdio)
        for descriptor in set(stdio):
            os.close(descriptor)
        self._begin("watch the first process")
        pid = call.pid()
        pidfd = os.pidfd_open(pid)
        cgroup.add(pid)
        self.listener = sockets.listen(f"{self.layout.run(self.id)}/monitor.sock")
        if gate:
            self.client.send(encode({"created": pid}))
            self._begin(GATE)
            self._await_client()
        self._begin("execute the command")
        self._run(call.words("start"))
        if self.config["process"].get("terminal"):
            outputs, stdin = terminal_streams(call.master())
        call.close()
        self._begin("")
        helpers: tuple[int, ...] = ()
        if self.ahead:
            ledger.note("discarded")
            self.ahead.close()
            helpers = (self.ahead.pid,)
        return Born(pid, pidfd, cgroup, outputs, stdin, helpers)

    def _create(self, cgroup: Cgroup, stdio: tuple[int, int, int]) -> None:
        self._begin("create the container")
        arguments = ["--pid-file", self._call.pid_file]
        if self.config["process"].get("terminal"):
            arguments += self._call.listen()
        ledger.note("program", self._call.words("create", *arguments))
        ours, theirs = sockets.pair()
        child = os.fork()
        if child == 0:
            ours.close()
            self._stage_and_create(theirs, cgroup, stdio, arguments)
        theirs.close()
        told = decode(ours.receive(sockets.SMALL_MESSAGE)[0])  # nothing, once it is executed
        ours.close()
        status = os.waitpid(child, 0)[1]
        if told:
            raise Refused(told["failed"])
        if status:
            raise self._call.complaint()

    def _stage_and_create(
        self, line: sockets.Packets, cgroup: Cgroup, stdio: tuple[int, ...], arguments: list[str]
    ) -> NoReturn:
        """Lives in a child, which becomes the program."""
        try:
            stage = Stage(self.layout, self.config, (self._call.program,))
            stage.build(self)
            if self._call.takes_no_cgroups:
                cgroup.enter()
            words = self._call.words("create", "--bundle", stage.path, *arguments)
            self._call.execute(words, stdio)
        except Exception as error:
            line.send(encode({"failed": failure(self.step, error)}))
        finally:
            os._exit(127)

    def _run(self, words: list[str]) -> None:
        ledger.note("program", words)
        status = _spawn(words)
        if status:
            raise self._call.complaint()

    def _undo(self) -> None:
        try:
            super()._undo()
        finally:
            discard(self.layout, self.config["annotations"])


def _spawn(words: list[str]) -> int:
    """Run it to its end, in silence; its wait status."""
    null = [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0) for number in range(3)]
    try:
        child = os.posix_spawn(words[0], words, _ENVIRONMENT, file_actions=null)
    except OSError as error:
        raise missing(words[0], error.strerror or "") from error
    return os.waitpid(child, 0)[1]


def discard(layout: Layout, about: Mapping[str, str]) -> None:
    """Have the program forget an ended container. No-op for one of ours.

    What it keeps is removed also when it is not there any more.
    """
    if PROGRAM not in about:
        return
    call = Call(layout, about, "delete")
    if os.path.isdir(f"{call.run}/oci"):
        with suppress(StartFailed):  # uninstalled meanwhile: its state goes with the directory
            _spawn(call.words("delete", "--force"))
        remove_path(f"{call.run}/oci")
        _remove_cgroups(f"tuidock-{layout.tag}", call.id)
    call.close()


def _remove_cgroups(parent: str, name: str) -> None:
    """In v1 hierarchies that are none of ours: it may have made them all the same."""
    places = [each.target for each in mountinfo.parse(read("/proc/self/mountinfo"), ("cgroup",))]
    for place in places:
        for path in (f"{place}/{parent}/{name}", f"{place}/{parent}"):
            try:
                os.rmdir(path)
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.EBUSY, errno.ENOTEMPTY):
                    raise
