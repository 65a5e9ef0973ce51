"""Reaching the launcher of a root, and starting it when there is none.

Invariant: two clients that come at the same time start one launcher; a client never waits
for it to boot, because the listening socket is made before.
"""

from __future__ import annotations

import fcntl
import os
import sys

from tuidock.engine.errors import MonitorGone
from tuidock.engine.linux import sockets
from tuidock.engine.runtime import delegation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.layout import Layout
    from tuidock.engine.linux.sockets import Packets

PACKAGE = os.path.abspath(f"{__file__}/../../../..")
_BOOT = (
    f"import sys; sys.path.insert(0, {PACKAGE!r}); "
    "from tuidock.engine.runtime.launcher import main; main(*sys.argv[1:])"
)
_TRIES = 3
_SIGNALS = [number for number in range(1, 65) if number not in (9, 19, 32, 33)]
"""All that can be ignored; 32 and 33 are the C library's own."""
_started: list[int] = []
"""Launchers that this process started; those that have left are its to bury."""


def connect(layout: Layout) -> Packets:
    """A connection to the launcher, started if need be. Raises MonitorGone."""
    for _ in range(_TRIES):
        try:
            return sockets.connect(layout.launcher_socket)
        except (FileNotFoundError, ConnectionRefusedError):
            pass
        except OSError as error:
            raise MonitorGone(f"cannot reach the launcher: {error.strerror}") from error
        with launching(layout):
            try:
                return sockets.connect(layout.launcher_socket)
            except (FileNotFoundError, ConnectionRefusedError):
                _launch(layout)
    raise MonitorGone("the launcher does not stay", f"see {layout.runroot}/launcher.log")


class launching:  # noqa: N801 - reads as a statement
    """`with launching(layout):` nobody else starts or ends the launcher of this root."""

    def __init__(self, layout: Layout) -> None:
        self.path = f"{layout.runroot}/launcher.lock"

    def __enter__(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self.lock = os.open(self.path, flags, 0o600)
        fcntl.flock(self.lock, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self.lock)


def _launch(layout: Layout) -> None:
    listener = sockets.listen(layout.launcher_socket)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    sealed = _sealed_interpreter()
    log = f"{layout.runroot}/launcher.log"
    actions = [
        (os.POSIX_SPAWN_DUP2, listener.fileno(), 3),
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDWR, 0),
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_RDWR, 0),
        (os.POSIX_SPAWN_OPEN, 2, log, flags, 0o600),
    ]
    words = [sys.executable, "-I", "-S", "-c", _BOOT, layout.root, layout.runroot]
    program = f"/proc/self/fd/{sealed}" if sealed >= 0 else sys.executable
    environment = {"LC_ALL": "C.UTF-8", "PATH": os.defpath}
    _bury()
    if first := delegation.words(layout.tag):
        program, words = first[0], [*first, *words]
        environment |= delegation.environment()
    try:
        _started.append(
            os.posix_spawn(
                program,
                words,
                environment,
                file_actions=actions,
                setsid=True,
                setsigmask=(),  # containers inherit neither what we block
                setsigdef=_SIGNALS,  # nor what whoever started us ignores, as `nohup` does
            )
        )
    except OSError as error:
        raise MonitorGone(f"cannot start the launcher: {error.strerror}") from error
    finally:
        listener.close()
        if sealed >= 0:
            os.close(sealed)


def _bury() -> None:
    """Reap: a client that lives for days, as the interface may, starts many."""
    for pid in list(_started):
        try:
            ended, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:  # somebody else reaped it
            ended, status = pid, 0
        if ended:
            _started.remove(pid)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status):  # a launcher leaves with 0
            delegation.refuse(status)


def _sealed_interpreter() -> int:
    """Our interpreter through a read-only mount that is attached nowhere.

    A container that makes us execute `/proc/self/exe` in it gets hold of a file that cannot
    be written, whoever it is (CVE-2019-5736). -1 where mounts are not ours to make.
    """
    from tuidock.engine.linux import mount as m  # with ctypes, 2 ms

    try:
        program = m.open_tree(m.AT_FDCWD, os.path.realpath(sys.executable))
    except PermissionError:
        return -1
    m.mount_setattr(program, m.MOUNT_ATTR_RDONLY)
    return program
