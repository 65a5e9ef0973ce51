"""Ordinary users: whoever runs the tests or, for root, ones that exist in the tests only.

Which ids a user has, /etc says. Commands of a made-up one run in a mount namespace where other
files lie over /etc/passwd and its like, so that the machine's own are never touched, where
everybody may open /dev/net/tun, and where the program lies in a place that everybody can reach.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

import pytest

import tuidock
from tests import busybox, machine
from tests.conftest import AS_ROOT, marks
from tests.layers import archives
from tests.layers.archives import Member
from tuidock.engine.layout import Layout
from tuidock.engine.linux import userns
from tuidock.engine.linux.files import remove_path
from tuidock.engine.runtime import client

UID, FIRST, COUNT = 71234, 300000, 65536
IMAGE = "local/box:latest"
_LENT = {
    "packages": sysconfig.get_path("purelib"),
    "repository": os.path.dirname(tuidock.__path__[0]),
}
"""Directories that may be root's alone, and the names under which the user has them."""
_ENTER = "\n".join(
    (
        'cd "$1"; shift',
        "for each in passwd subuid subgid resolv.conf; do mount --bind $each /etc/$each; done",
        "mkdir -p tun; mount -t tmpfs -o mode=755 none tun; mknod -m 666 tun/tun c 10 200",
        "mount --bind tun/tun /dev/net/tun",
        "for each in $HIDDEN; do mount --bind /dev/null $each; done",
        *(f"mount --bind {shlex.quote(source)} {name}" for name, source in _LENT.items()),
        f'exec setpriv --reuid {UID} --regid {UID} --clear-groups "$@"',
    )
)
_ADD_IMAGE = """
import sys
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout
core = Core(Layout(*sys.argv[1:3]))
core.images.add(open(sys.argv[3], "rb").read(), sys.argv[5:], sys.argv[4])
core.close()
"""


class Said(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Person:
    """An ordinary user with a store of its own: whoever runs the tests."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.layout = Layout(f"{base}/root", f"{base}/run")
        self.python = sys.executable
        self.path = [_LENT["repository"], _LENT["packages"]]
        self.before: list[str] = []
        """What every command is preceded by."""
        self.hidden: list[str] = []
        """Files of the machine that it shall not have."""
        self.uid = os.geteuid()
        self.ranges = userns.own().uids[1:]
        """Its subordinate ids, as its containers have them."""
        for name in ("root", "run", "home"):
            os.mkdir(f"{base}/{name}", 0o700)

    def run(self, *words: str) -> Said:
        """A command of this user."""
        environment = {
            "HIDDEN": " ".join(self.hidden),
            "HOME": f"{self.base}/home",
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": ":".join(self.path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TUIDOCK_ROOT": self.layout.root,
            "TUIDOCK_RUNROOT": self.layout.runroot,
        }
        done = subprocess.run(
            [*self.before, *words], capture_output=True, text=True, env=environment, timeout=60
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def tuidock(self, *words: str) -> Said:
        """A verb."""
        return self.run(self.python, "-m", "tuidock", *words)

    def does(self, *words: str) -> str:
        """What a verb that must succeed prints."""
        said = self.tuidock(*words)
        assert said.code == 0, said
        return said.out

    def add(self, *layers: bytes) -> None:
        """Make an image of uncompressed layers, lowest first."""
        paths = []
        for number, layer in enumerate(layers):
            paths.append(f"{self.base}/layer{number}")
            _write(paths[-1], layer)
        _write(f"{self.base}/config", busybox.config())
        place = (self.layout.root, self.layout.runroot)
        words = [self.python, "-c", _ADD_IMAGE, *place, f"{self.base}/config", IMAGE, *paths]
        said = self.run(*words)
        assert said.code == 0, said

    def leave(self) -> None:
        """Remove everything of this user's; no process of it may be left then."""
        for container in self.does("ps", "-aq", "--no-trunc").split():
            self.does("rm", "-f", container)
        client.quit_launcher(self.layout)


class MadeUp(Person):
    """One that does not exist outside of its commands; only root can make one."""

    def __init__(self, base: str, *, ranges: bool) -> None:
        super().__init__(base)
        self.python = _interpreter()
        self.path = [f"{base}/repository", f"{base}/packages"]
        alone = ("unshare", "-m", "--propagation", "private")
        self.before = [*alone, "sh", "-ec", _ENTER, "sh", base]
        self.uid = UID
        self.ranges = (userns.Range(1, FIRST, COUNT),) if ranges else ()
        _write_etc(base, ranges=ranges)
        _write(f"{base}/resolv.conf", b"nameserver 127.0.0.53\nsearch example.org\n")
        os.chmod(base, 0o711)  # to be passed through, not to be read, as a home often is
        for name in ("root", "run", "home"):
            os.chown(f"{base}/{name}", UID, UID)
        for name in _LENT:
            os.mkdir(f"{base}/{name}")


def _write(path: str, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)


def _write_etc(base: str, *, ranges: bool) -> None:
    with open("/etc/passwd", "rb") as file:
        known = file.read()
    line = b"ann:x:%d:%d::/:/bin/sh\n" % (UID, UID) if ranges else b""
    _write(f"{base}/passwd", known + line)
    for name in ("subuid", "subgid"):
        _write(f"{base}/{name}", b"ann:%d:%d\n" % (FIRST, COUNT) if ranges else b"")


def _interpreter() -> str:
    """A Python that this user may execute, for which our compiled packages are made."""
    check = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    for path in (os.path.realpath(sys.executable), "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            done = subprocess.run(
                [path, "-I", "-c", check], user=UID, group=UID, extra_groups=[], cwd="/"
            )
        except OSError:
            continue
        if done.returncode == 0:
            return path
    pytest.fail("every user needs to be able to execute a python3 of this version")


@pytest.fixture
def base() -> Iterator[str]:
    """A directory with a short path, which everybody can reach."""
    path = tempfile.mkdtemp(prefix=machine.TEMPORARY.removeprefix("/tmp/"), dir="/tmp")
    marks.extend((path, Layout(f"{path}/root", f"{path}/run").tag))
    yield path
    remove_path(path)


@pytest.fixture
def ann(base: str) -> Iterator[Person]:
    """A user with ids for a whole container, and an image that uses them."""
    person = MadeUp(base, ranges=True) if AS_ROOT else Person(base)
    if not person.ranges:
        pytest.skip("needs ranges of ids: /etc/subuid, /etc/subgid, newuidmap")
    yield from _with_image(person)


@pytest.fixture
def single(base: str) -> Iterator[Person]:
    """A uid without a name and without any other id; the same image."""
    yield from _with_image(MadeUp(base, ranges=False))


def _with_image(person: Person) -> Iterator[Person]:
    if not os.path.exists(busybox.BUSYBOX):
        pytest.skip("needs Debian's busybox-static")
    person.add(busybox.layer(), owned(), above())
    yield person
    person.leave()


def owned() -> bytes:
    """A layer whose files belong to several users, in directories that only they may enter."""
    members: list[Member] = [
        archives.directory("./", 0o555),
        archives.directory("data", 0o500, uid=33, gid=34),
        archives.file("data/mine", b"secret\n", 0o640, uid=33, gid=34),
        archives.file("ping", b"", 0o755, pax_headers={"SCHILY.xattr.security.capability": _CAP}),
    ]
    return archives.archive(members)


def above() -> bytes:
    """A layer that depends on `owned`: a directory it does not list, a link to a lower file."""
    return archives.archive(
        [archives.file("data/more", b"", uid=33), archives.hardlink("data/same", "data/mine")]
    )


_CAP = (b"\1\0\0\2" + b"\0\x20\0\0" + bytes(12)).decode("latin-1")
"""cap_net_raw+ep, as <linux/capability.h> has it in version 2."""
