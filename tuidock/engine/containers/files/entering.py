"""The guest: a process with the ids and mounts of a container, and what it may do there.

A running container is joined; for a stopped one its file system is mounted in namespaces that
go with the guest. Either way the guest resolves paths from one descriptor, in a mount namespace
that nobody else is in and that shows neither /proc, /sys nor /dev. Invariant: from the moment
it enters, the guest imports nothing, looks up no name, and executes nothing.
"""

from __future__ import annotations

import os
import resource
import signal

from tuidock.engine.containers.files import mounts
from tuidock.engine.errors import HostError, WrongStatus
from tuidock.engine.images.layers.bounds import BOUNDS
from tuidock.engine.linux import mount as m
from tuidock.engine.linux import process as p
from tuidock.engine.linux import sockets, userns
from tuidock.engine.linux.landlock import landlock
from tuidock.engine.linux.own import Own
from tuidock.engine.linux.proc import open_pidfd, start_time
from tuidock.engine.named import NamedTuple
from tuidock.engine.runtime import idmaps, rootfs, sources
from tuidock.engine.runtime.asking import number
from tuidock.engine.runtime.config import read_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    Enter = Callable[[], int]
    """Called in the guest: go in; the descriptor of the root that paths are resolved from."""
    Live = Callable[[Enter], NoReturn]

_CHOWN, _DAC_OVERRIDE, _FOWNER, _FSETID, _SETFCAP = 0, 1, 3, 4, 31
_KEPT = sum(1 << number for number in (_CHOWN, _DAC_OVERRIDE, _FOWNER, _FSETID, _SETFCAP))
_DESCRIPTORS = 4096
_NAMESPACES = p.CLONE_NEWUSER | p.CLONE_NEWNS


class Guest(NamedTuple):
    """The keeper's hold on it."""

    pid: int
    pidfd: int

    def end(self) -> None:
        """Kill it if it lives."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


NOBODY = Guest(0, -1)


def make(request: dict[str, Any], live: Live) -> Guest:
    """Fork the guest, which lives `live`. Raises OSError, EngineError."""
    if request["where"] == "outside":
        return _outside(request, live)
    if request["pid"]:
        return _joining(request, live)
    return _mounting(request, live)


def _forked(life: Callable[[], NoReturn], flags: int = 0) -> Guest:
    pid, pidfd = p.clone(flags)
    if pid == 0:
        life()
    return Guest(pid, pidfd)


# --- beside it, where its files lie on disk ---------------------------------------------------


def _outside(request: dict[str, Any], live: Live) -> Guest:
    """With the ids that an ordinary user's containers have; root reads them as they are."""
    linux = _config(request)["linux"]
    flags = p.CLONE_NEWUSER if os.geteuid() and linux.get("uidMappings") else 0
    ours, theirs = sockets.pair()

    def enter() -> int:
        ours.close()
        if not theirs.receive(sockets.SMALL_MESSAGE)[0]:
            raise HostError("the ids of the container were not mapped")
        if flags:
            userns.become_root()
        kind = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        top = os.open(f"{_bundle(request)}/upper", kind)
        _settle(-1)
        return top

    guest = _forked(lambda: live(enter), flags)
    theirs.close()
    try:
        if flags:
            idmaps.apply(guest.pid, linux)
        ours.send(b"mapped")
    except BaseException:
        guest.end()
        raise
    return guest


# --- a running container ----------------------------------------------------------------------


def _joining(request: dict[str, Any], live: Live) -> Guest:
    namespaces = _kinds(_config(request))
    ended = WrongStatus(f"container {request['name']} has just ended", "try again")
    try:
        init = open_pidfd(request["pid"])
    except ProcessLookupError:
        raise ended from None
    if start_time(request["pid"]) != request["starttime"]:
        raise ended

    def enter() -> int:
        proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        p.prctl(p.PR_SET_DUMPABLE, 0)
        try:
            p.setns(init, namespaces)
        except ProcessLookupError:
            raise ended from None
        if namespaces & p.CLONE_NEWUSER:
            userns.become_root()
        return _settle(_view(request, proc))

    return _forked(lambda: live(enter))


def _view(request: dict[str, Any], proc: int) -> int:
    """The root, in a copy of the container's mounts that is ours alone."""
    p.unshare(p.CLONE_NEWNS)
    m.set_propagation("/", m.MS_REC | m.MS_PRIVATE)
    if request["where"] == "root":  # of all mounts only this
        return m.open_tree(m.AT_FDCWD, "/")
    mounts.hide_system(proc)
    return os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


# --- a stopped one ----------------------------------------------------------------------------


def _mounting(request: dict[str, Any], live: Live) -> Guest:
    config = _config(request)
    config["mounts"] = mounts.files(config, _bundle(request), volumes=request["where"] != "root")
    ours, theirs = sockets.pair()
    own = Own()

    def enter() -> int:
        ours.close()
        message, descriptors = theirs.receive(sockets.SMALL_MESSAGE)
        if not message:
            raise HostError("the file system was not handed in")
        if _kinds(config) & p.CLONE_NEWUSER:
            userns.become_root()
        p.prctl(p.PR_SET_DUMPABLE, 0)
        if not descriptors:
            descriptors = sources.open_all(own, request["root"], config, -1, own, -1)
        birth = rootfs.Birth(own, descriptors[0], descriptors[1:])
        birth.furnish(mounts.operations(config))
        return _settle(number(birth.root))

    guest = _forked(lambda: live(enter), _kinds(config))
    theirs.close()
    try:
        _hand_in(request["root"], guest.pid, config, ours)
    except BaseException:
        guest.end()
        raise
    return guest


def _hand_in(root: str, pid: int, config: dict[str, Any], line: sockets.Packets) -> None:
    """Map the guest's ids, and open for it what only the host's root may open."""
    idmaps.apply(pid, config["linux"])
    if os.geteuid():
        line.send(b"mounts")
        return
    own, ids = Own(), -1
    if _kinds(config) & p.CLONE_NEWUSER:
        ids = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    line.send(b"mounts", tuple(sources.open_all(own, root, config, ids, own, -1)))


# --- both -------------------------------------------------------------------------------------


def _config(request: dict[str, Any]) -> dict[str, Any]:
    return read_config(f"{_bundle(request)}/config.json")


def _bundle(request: dict[str, Any]) -> str:
    return f"{request['root']}/containers/{request['id']}"


def _kinds(config: dict[str, Any]) -> int:
    """User and mount namespace, as clone flags, as far as the container has its own."""
    kinds = {each["type"] for each in config["linux"]["namespaces"]}
    return p.CLONE_NEWNS | (p.CLONE_NEWUSER if "user" in kinds else 0)


def _settle(root: int) -> int:
    """Give up what reading and writing files below `root` does not need."""
    p.forbid_imports()
    os.umask(0)
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(hard, _DESCRIPTORS) if hard != resource.RLIM_INFINITY else _DESCRIPTORS
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    resource.setrlimit(resource.RLIMIT_AS, (BOUNDS.memory, BOUNDS.memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    p.prctl(p.PR_SET_NO_NEW_PRIVS, 1)
    if root >= 0:
        os.fchdir(root)
        os.chroot(".")
        landlock(root)
    if os.geteuid() == 0:
        p.capset(_KEPT)
    p.prctl(p.PR_SET_PDEATHSIG, signal.SIGKILL)  # here: the kernel forgets it when ids change
    return root
