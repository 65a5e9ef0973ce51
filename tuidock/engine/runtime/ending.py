"""The end of a container: what is recorded, what is told, what is cleaned away.

Invariant: `exit.json` is on disk before anybody hears of the end, and the run dir is gone
before whoever waits is woken.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress

from tuidock.engine import journal
from tuidock.engine.linux import process as p
from tuidock.engine.linux import sockets
from tuidock.engine.runtime import foreign, health, restarting
from tuidock.engine.runtime.calling import PACKAGE
from tuidock.engine.runtime.commands import exit_code
from tuidock.engine.runtime.protocol import decode
from tuidock.engine.runtime.state import RunState, announce_restart, read_run, write_exit
from tuidock.engine.types import ExitRecord, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.cgroups.cgroup import Cgroup
    from tuidock.engine.layout import Layout
    from tuidock.engine.runtime.commands import Command
    from tuidock.engine.runtime.ward import Ward

_PATIENCE = 1.0
"""Seconds that the launcher gets to tell a wait status."""

_WORDS = 400
"""Characters of a command in an event, which has to fit into a page however they are written."""


def reap(ward: Ward) -> int | None:
    """The wait status of a dead first process; None when nobody can tell it any more."""
    if ward.watcher is None:
        return os.waitpid(ward.pid, 0)[1]
    if ward.pidfd >= 0 and (status := p.zombie_status(ward.pid, ward.pidfd)) is not None:
        return status
    # An adopted container is the launcher's child, or after a crash of both somebody's whom
    # we do not know; the kernel remembers for a pidfd, since Linux 6.15.
    if sockets.readable(ward.watcher, _PATIENCE):
        told = decode(ward.watcher.receive()[0])
        if "status" in told:
            return int(told["status"])
    return p.exit_status(ward.pidfd) if ward.pidfd >= 0 else None


def record(cgroup: Cgroup, status: int | None, *, by_kernel: bool) -> ExitRecord:
    """From the wait status of the first process and the counters of the cgroup.

    `by_kernel`: the kernel has killed for want of memory; if the first process died by SIGKILL,
    it was among the victims. When it outlived them, its end has another reason.
    """
    ended = ExitRecord(
        code=255,
        signal=0,
        oom_killed=False,
        at=time.time(),
        peak_memory=cgroup.peak_memory(),
    )
    if status is None:
        return ended._replace(error="the container ended unseen")
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    oom_killed = by_kernel and number == signal.SIGKILL
    return ended._replace(code=exit_code(status), signal=number, oom_killed=oom_killed)


def conclude(layout: Layout, about: dict[str, str], cgroup: Cgroup, ended: ExitRecord) -> bool:
    """Write the record and the events, remove cgroup and run dir.

    True when its policy starts it again: the run dir stays then, and the state says so.
    """
    container_id = about["tuidock.id"]
    pause = _pause(layout, about, ended)
    if pause is not None:
        announce_restart(layout, container_id, pause)
    durable = about.get("tuidock.volatile") != "true"
    write_exit(layout, container_id, ended, durable=durable)
    note(layout, about, "die", {"exitCode": str(ended.code)})
    foreign.discard(layout, about)
    cgroup.remove()
    health.keep(layout, about)
    if pause is None:
        clean_run_dir(layout, container_id)
    return pause is not None


def _pause(layout: Layout, about: dict[str, str], ended: ExitRecord) -> float | None:
    """Seconds until its policy starts it again; None for never."""
    policy = restarting.policy(about)
    if policy.name == "no" or restarting.was_stopped(layout, about["tuidock.id"]):
        return None
    run = read_run(layout, about["tuidock.id"])
    past = (run["started"], ended, run["restarts"], run.get("pause", 0.0))
    return restarting.delay(policy, RunState(Status.EXITED, 0, *past))


def note(layout: Layout, about: dict[str, str], action: str, more: dict[str, str]) -> None:
    """Append an event to the journal; `about` are the annotations of the container's config."""
    attributes = {"image": about["tuidock.image"], **more}
    name = about["tuidock.name"]
    journal.append(layout, "container", action, about["tuidock.id"], name, attributes)


def note_command(layout: Layout, about: dict[str, str], command: Command) -> None:
    """What is new of a further command: that it was asked for, that it runs, how it ended.

    Docker's events, in its order, once the client was told: nobody waits for them.
    """
    words = " ".join(command.process["args"])[:_WORDS]
    news = [f"exec_create: {words}"]
    more = {"execID": command.id}
    if command.started:
        news.append(f"exec_start: {words}")
    if command.code is not None:
        news.append("exec_die")
        more["exitCode"] = str(command.code)
    for action in news[command.noted :]:
        note(layout, about, action, more)
    command.noted = len(news)


def clean_run_dir(layout: Layout, container_id: str) -> None:
    """Remove sockets, fifos and state; who removes the container does so, too."""
    path = layout.run(container_id)
    with suppress(FileNotFoundError):
        for name in os.listdir(path):
            with suppress(FileNotFoundError):
                os.unlink(f"{path}/{name}")
        os.rmdir(path)


def start_aftermath(layout: Layout, about: dict[str, str], *, attended: bool) -> None:
    """Hand over what needs heavier modules: network, `--rm`."""
    when = about["tuidock.aftermath"]
    if when == "never" or (when == "unattended" and attended):
        return
    spawn(layout, about["tuidock.id"], "conclude")


def spawn(layout: Layout, container_id: str, task: str) -> int:
    """A process with all of the engine, for one thing to be done; its pid."""
    boot = (
        f"import sys; sys.path.insert(0, {PACKAGE!r}); "
        "from tuidock.engine.containers.aftermath import main; main(*sys.argv[1:])"
    )
    words = [sys.executable, "-I", "-c", boot, layout.root, layout.runroot, container_id, task]
    return os.posix_spawn(sys.executable, words, {"LC_ALL": "C.UTF-8", "PATH": os.defpath})
