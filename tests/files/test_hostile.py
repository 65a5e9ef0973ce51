"""Containers that lie in wait for somebody who looks into them. Numbers are hardening rows.

Each docstring says how the test was seen to fail without its defence.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import signal
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import AS_ROOT
from tests.files.conftest import Place, guests, members
from tests.layers import archives
from tests.layers.archives import Member
from tuidock.engine.containers.files.restore import ON_HOST, Rename, Restorer
from tuidock.engine.errors import Conflict, ContentError, EngineError, UnsafeLayer
from tuidock.engine.filesystem import CommitSpec
from tuidock.engine.images.layers.source import Source
from tuidock.engine.types import Container

_AT_FDCWD = -100
_EXCHANGE = 2
_ROUNDS = 10


@contextlib.contextmanager
def restless(work: Callable[[], None]) -> Iterator[None]:
    """Somebody who does `work` again and again, in no cgroup that could be frozen."""
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            while True:
                work()
        os._exit(1)
    try:
        yield
        assert os.waitpid(pid, os.WNOHANG) == (0, 0), "the attack came to an end by itself"
    finally:
        os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def exchanging(one: str, other: str) -> Callable[[], None]:
    """renameat2(2) with RENAME_EXCHANGE."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = one.encode(), other.encode()

    def work() -> None:
        if libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE):
            raise OSError(ctypes.get_errno(), "renameat2")

    return work


def root_of(container: Container) -> str:
    return f"/proc/{container.pid}/root"


def trap(place: Place) -> tuple[Container, str]:
    """Links to a path of the host, which is also one of the container; that path.

    The container's root is the host's, so that ids alone do not keep it from anything.
    """
    secret = f"{place.base}/secret"
    place.write("secret/file", "the host's")
    box = place.container(
        f"mkdir -p /w/there {secret}; echo own > /w/there/file; echo own > {secret}/file; "
        f"[ -e /w/above ] || ln -s {secret} /w/elsewhere; "
        f"[ -e /w/above ] || ln -s ../../../../../../..{secret} /w/above",
        userns="host",
    )
    return box, secret


def test_a_link_swapped_in_leads_nowhere_else(place: Place) -> None:
    """31, CVE-2018-15664: out and in, while directory and link change places all the time.

    Seen to fail with /proc/PID/root in place of the joined mount namespace and plain openat(2).
    """
    box, secret = trap(place)
    root = root_of(box)
    planted = place.write("planted", "x")
    came = 0
    with restless(exchanging(f"{root}/w/there", f"{root}/w/elsewhere")):
        for number in range(_ROUNDS):
            local = f"{place.base}/got{number}"
            with contextlib.suppress(EngineError):
                place.out(box.id, "/w/there/file", local)
                assert place.read(f"got{number}") == "own\n"
                came += 1
            with contextlib.suppress(EngineError):
                place.put(planted, box.id, f"/w/there/new{number}")
            with contextlib.suppress(EngineError):
                place.out(box.id, "/w", f"{place.base}/tree{number}")
                if not os.path.islink(f"{place.base}/tree{number}/there"):  # as it was copied
                    assert place.read(f"tree{number}/there/file") == "own\n"
    assert came
    assert os.listdir(secret) == ["file"]
    assert place.read("secret/file") == "the host's"


def test_links_of_a_stopped_container_stay_inside(place: Place) -> None:
    """31. Seen to fail without both RESOLVE_IN_ROOT and the guest's chroot: what is copied is
    the host's, and what is planted lies there.
    """
    box, secret = trap(place)
    place.files.stop(box.id)
    for link in ("elsewhere", "above"):
        place.out(box.id, f"/w/{link}/file", f"{place.base}/got")
        assert place.read("got") == "own\n"
    place.put(place.write("planted", "x"), box.id, "/w/elsewhere")
    place.put(f"{place.base}/planted", box.id, f"/w/elsewhere/../../..{secret}/more")
    archive = archives.archive([archives.file("elsewhere/third", b"x")])
    with place.files.destination(box.id, "/w") as destination:
        destination.extract([archive])
    assert os.listdir(secret) == ["file"]
    place.files.start(box.id)
    assert sorted(place.sh(box.id, f"ls {secret}").split()) == ["file", "more", "planted", "third"]


def test_a_fifo_swapped_in_is_not_waited_for(place: Place) -> None:
    """A file that is a fifo when it is opened would hold whoever opens it, for ever.

    Seen to fail (it hangs) when `walk` opens by name, without O_PATH and O_NONBLOCK.
    """
    box = place.container("mkdir /w; echo x > /w/file; mkfifo /fifo")
    root = root_of(box)
    with restless(exchanging(f"{root}/w/file", f"{root}/fifo")):
        for _ in range(_ROUNDS):
            found = members(place.packed(box.id, "/w"))
            assert found["w/file"].isfile() or found["w/file"].isfifo()


def test_what_vanishes_and_grows_meanwhile_leaves_a_whole_archive(place: Place) -> None:
    """What a shrinking file lacks is filled up: tests/files/test_packing.py has it to the byte."""
    script = "mkdir /w; dd if=/dev/zero of=/w/big bs=1M count=4 2>/dev/null; touch /w/here"
    box = place.container(script)
    directory = f"{place.core.layout.container(box.id)}/upper/w"

    def shrink_and_grow() -> None:
        os.truncate(f"{directory}/big", 100)
        os.truncate(f"{directory}/big", 4 << 20)
        os.rename(f"{directory}/here", f"{directory}/there")
        os.rename(f"{directory}/there", f"{directory}/here")

    with restless(shrink_and_grow):
        for _ in range(_ROUNDS):
            assert "w/big" in members(place.packed(box.id, "/w"))


def test_a_file_of_holes_costs_nothing(place: Place) -> None:
    """15 TiB by one system call. Seen to fail (no end) with `sparse=False`."""
    box = place.container(f"truncate -s {15 << 40} /huge; echo end >> /huge").id
    began = time.monotonic()
    place.out(box, "/huge", f"{place.base}/huge")
    status = os.stat(f"{place.base}/huge")
    assert status.st_size == (15 << 40) + 4
    assert status.st_blocks < 100
    assert time.monotonic() - began < 10
    with pytest.raises(UnsafeLayer, match="a file of"):
        place.files.commit(box, CommitSpec("x"))
    assert not place.still(box)


def test_a_bottomless_tree_is_refused(place: Place) -> None:
    """Seen to fail with "Too many open files" without a bound, or without an end."""
    script = "cd /tmp; i=0; while [ $i -lt 1100 ]; do mkdir d && cd d; i=$((i+1)); done"
    box = place.container(script).id
    for work in (place.packed, lambda key, _: place.files.changes(key)):
        with pytest.raises(UnsafeLayer, match="directories in each other"):
            work(box, "/tmp")


def test_nothing_is_run_imported_or_looked_up_inside(place: Place) -> None:
    """32, CVE-2019-14271: from when it has joined, the guest names no path but the one asked for.

    Seen to fail with an `import` after `enter`, and when archives are packed by a `tar` program.
    """
    place.write("file", "x")
    box = place.container("mkdir -p /d/sub; echo x > /d/sub/y")
    trace = f"{place.base}/trace"
    calls = "trace=%file,execve,openat2,setns"
    for words in (("cp", f"{box.id}:/d", place.base), ("cp", f"{place.base}/file", f"{box.id}:/")):
        layout = place.core.layout
        environment = {**os.environ, "TUIDOCK_ROOT": layout.root, "TUIDOCK_RUNROOT": layout.runroot}
        client = [sys.executable, "-m", "tuidock", *words]
        subprocess.run(
            ["strace", "-f", "-o", trace, "-e", calls, *client], env=environment, check=True
        )
        with open(trace) as file:
            lines = [line.split(None, 1) for line in file]
        (guest,) = {pid for pid, call in lines if call.startswith("setns(")}
        own = [call for pid, call in lines if pid == guest]
        inside = own[next(n for n, call in enumerate(own) if call.startswith("setns(")) + 1 :]
        named = [call for call in inside if '"/' in call]
        allowed = ("openat2(", 'mount(NULL, "/"', "umount2(", 'openat(AT_FDCWD, "/", O_RDONLY|O_CL')
        assert not [call for call in named if not call.startswith(allowed)]
        assert not [call for call in inside if call.startswith("execve")]
        assert any(call.startswith("openat2(") for call in inside)


def test_the_guest_cannot_be_looked_into(place: Place) -> None:
    """33. It shares ids with the container; whoever sees it there may not trace it.

    Seen to fail without `capset`. That it is not dumpable, so that its files in /proc are root's,
    the kernel sees to at setns(2) already; PR_SET_DUMPABLE says it again.
    """
    box = place.container("mkfifo /f")
    with place.files.destination(box.id, "/") as destination:
        assert destination.is_directory
        (guest,) = guests(place)
        assert os.stat(f"/proc/{guest}/environ").st_uid == 0
        with open(f"/proc/{guest}/status") as file:
            status = dict(line.split(":\t", 1) for line in file)
        assert int(status["CapEff"], 16) == 0x8000001B
        assert status["NoNewPrivs"].strip() == "1"
        if AS_ROOT:
            assert namespace(guest, "user") == namespace(box.pid, "user")
            assert namespace(guest, "mnt") != namespace(box.pid, "mnt")
        else:
            with pytest.raises(PermissionError):
                namespace(guest, "user")
        destination.extract([])
    assert not guests(place)


def namespace(pid: int, kind: str) -> str:
    return os.readlink(f"/proc/{pid}/ns/{kind}")


# --- what a guest could send, if somebody took it over ----------------------------------------


def restored(place: Place, data: bytes, rename: Rename = Rename(b"w", b"new")) -> None:  # noqa: B008
    """As `cp CONTAINER:/w BASE/new` would."""
    stream = io.BytesIO(data)
    base = os.open(place.base, os.O_RDONLY | os.O_DIRECTORY)
    restorer = Restorer(base, ON_HOST, None, rename)
    try:
        restorer.restore(Source(lambda: stream.read(1 << 16)))
    finally:
        restorer.leave()
        os.close(base)


@pytest.mark.parametrize(
    "entries",
    [
        [archives.file("../out", b"x")],
        [archives.file("w/../../out", b"x")],
        [archives.file("/etc/out", b"x")],
        [archives.file("other", b"x")],
        [archives.symlink("w", "../out"), archives.file("w/x", b"x")],
        [archives.directory("w"), archives.symlink("w/l", "../.."), archives.file("w/l/x", b"x")],
        [archives.directory("w"), archives.symlink("w/l", "../.."), archives.directory("w/l/x")],
        [archives.directory("w"), archives.hardlink("w/x", "../secret")],
        [archives.symlink("w", ".."), archives.hardlink("w/x", "w/secret")],
        [archives.file("w", b"x"), archives.directory("w")],
    ],
)
def test_a_lying_archive_gets_nowhere(place: Place, entries: list[Member]) -> None:
    """Seen to fail without `clean`, without O_NOFOLLOW in `_child`, without `Rename`'s check."""
    place.write("secret", "x")
    place.base += "/base"
    os.mkdir(place.base)
    with pytest.raises((Conflict, ContentError, UnsafeLayer, OSError)):
        restored(place, archives.archive(entries))
    assert sorted(os.listdir(f"{place.base}/..")) == ["base", "secret"]
    assert not os.path.exists("/etc/out")


def test_nothing_that_runs_as_somebody_else_comes_out(place: Place) -> None:
    """7. Seen to fail without the mask of `ON_HOST`, and without `skipped`."""
    caps = (b"\1\0\0\2" + b"\0\x20\0\0" + bytes(12)).decode("latin-1")
    os.symlink("/etc/passwd", f"{place.base}/new")
    members = [
        archives.directory("w", 0o7777),
        archives.file("w/su", b"", 0o6755, pax_headers={"SCHILY.xattr.security.capability": caps}),
        archives.member("w/mem", tarfile.CHRTYPE, 0o666, devmajor=1, devminor=1),
        archives.member("w/fifo", tarfile.FIFOTYPE, 0o666),
    ]
    with pytest.raises(Conflict, match="non-directory"):  # the link is not followed
        restored(place, archives.archive(members))
    os.unlink(f"{place.base}/new")
    restored(place, archives.archive(members))
    new = f"{place.base}/new"
    assert sorted(os.listdir(new)) == ["fifo", "su"]
    assert [stat.S_IMODE(os.stat(f).st_mode) for f in (new, f"{new}/su")] == [0o1777, 0o755]
    assert os.listxattr(f"{new}/su") == []


def test_half_a_file_is_no_file(place: Place) -> None:
    """Seen to fail without `_withdraw`."""
    data = archives.archive([archives.directory("w"), archives.file("w/big", bytes(1 << 20))])
    with pytest.raises(ContentError):
        restored(place, data[: 1 << 19])
    assert os.listdir(f"{place.base}/new") == []
