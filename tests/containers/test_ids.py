"""Whose ids a container has, with id-mapped mounts and without."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tarfile
from collections.abc import Iterator

import pytest

from tests import busybox, root_only
from tests.layers import archives
from tests.runtime.conftest import collect
from tuidock.engine.containers import ids
from tuidock.engine.core import Core
from tuidock.engine.errors import BadSpec, StartFailed
from tuidock.engine.filesystem import CommitSpec
from tuidock.engine.images.layers import shifted
from tuidock.engine.layout import Layout
from tuidock.engine.linux.userns import Maps, Range
from tuidock.engine.types import ContainerSpec, ExecSpec, Mount

FILE_CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)
SECOND = (
    archives.directory("data", 0o700, uid=33, gid=34),
    archives.file("data/mine", b"secret\n", 0o4750, uid=33, gid=34),
    archives.hardlink("data/same", "data/mine"),
    archives.symlink("data/link", "mine", uid=33, gid=34),
)


@pytest.fixture
def core(layout: Layout) -> Iterator[Core]:
    core = Core(layout)
    layers = [busybox.layer(), archives.archive(SECOND)]
    core.images.add(busybox.config(), layers, "busybox")
    yield core
    for each in core.containers.list():
        core.containers.remove(each.id, force=True)
    core.close()


def run(core: Core, script: str, **asked: object) -> tuple[int | None, str]:
    fields = {"network": "none", **asked}
    spec = ContainerSpec("busybox", command=("sh", "-c", script), **fields)  # type: ignore[arg-type]
    line = core.containers.start_attached(core.containers.create(spec).id)
    streams = collect(line)
    return line.exit_code, (streams["stdout"] + streams["stderr"]).decode()


LOOK = "cat /proc/self/uid_map; stat -c '%n %u:%g %a %h' /data /data/*; id -u"
SEEN = [
    "/data 33:34 700 2",
    "/data/link 33:34 777 1",
    "/data/mine 33:34 4750 2",
    "/data/same 33:34 4750 2",
    "0",
]


@pytest.mark.parametrize("mode", ["auto", "host", "keep-id"])
def test_owners_are_the_images(core: Core, mode: str) -> None:
    """Whoever the caller is, and whatever numbers the container's ids have outside."""
    _, said = run(core, LOOK, userns=mode, user="0")
    assert [line for line in said.splitlines() if not line.startswith(" ")] == SEEN


@pytest.mark.root(root_only.IDS)
@pytest.mark.parametrize("mode", ["auto", "host", "keep-id"])
def test_whose_ids_are_mapped(core: Core, mode: str) -> None:
    """Root with keep-id has a user namespace, but all of the host's ids, as podman's."""
    _, said = run(core, "cat /proc/self/uid_map", userns=mode)
    inside, outside, size = map(int, said.split())
    assert inside == 0
    if mode == "auto":
        assert (outside >= ids._FIRST_UID, size) == (True, 65536)
    else:
        assert (outside, size) == (0, 2**32 - 1)


def test_keep_id_has_a_namespace_of_its_own(core: Core) -> None:
    spec = ContainerSpec("busybox", "one", ("sleep", "100"), network="none", userns="keep-id")
    core.containers.create(spec)
    core.containers.start("one")
    pid = core.containers.get("one").pid
    assert os.readlink(f"/proc/{pid}/ns/user") != os.readlink("/proc/self/ns/user")


def test_an_unknown_mode(core: Core) -> None:
    with pytest.raises(BadSpec, match="invalid USER mode: mine"):
        run(core, "true", userns="mine")


# --- without id-mapped mounts -----------------------------------------------------------------

FILTERED = """
import os, struct, sys
from tuidock.engine.linux import process
errno = int(sys.argv[1])
code = ((0x20, 0, 0, 0), (0x15, 0, 1, 442), (0x06, 0, 0, 0x50000 | errno), (0x06, 0, 0, 0x7fff0000))
process.load_filter(b"".join(struct.pack("=HBBI", *each) for each in code))
os.execv(sys.executable, [sys.executable, "-m", "tuidock", *sys.argv[2:]])
"""
"""A verb for which mount_setattr(2) answers an errno. The launcher, which runs by then, is not
filtered: it needs that call for other things.
"""


@pytest.fixture
def unmapped(core: Core, request: pytest.FixtureRequest) -> Core:
    """A store whose first look at the kernel was through such a filter."""
    run(core, "true")
    os.unlink(f"{core.layout.runroot}/idmap")
    words = (sys.executable, "-c", FILTERED, str(request.param), "create", "busybox", "true")
    place = {"TUIDOCK_ROOT": core.layout.root, "TUIDOCK_RUNROOT": core.layout.runroot}
    done = subprocess.run(words, env={**os.environ, **place}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return core


@pytest.mark.root(root_only.IDS)
@pytest.mark.parametrize("unmapped", [22, 38, 95], indirect=True)
def test_layers_are_copied_where_ids_cannot_be_mapped(unmapped: Core) -> None:
    """Seen to fail when the store was mapped all the same, and when copies had no new owners:
    everything belonged to nobody.
    """
    code, said = run(unmapped, f"{LOOK}; touch /new /root/x && rm -r /www && stat -c %u /new")
    first, *rest = said.splitlines()
    assert rest == [*SEEN, "0"]
    assert code == 0
    base = int(first.split()[1])
    assert base >= ids._FIRST_UID
    layers = os.listdir(unmapped.layout.layers)
    assert sorted(f"{each}.{base}" for each in layers if "." not in each) == sorted(
        each for each in layers if "." in each
    )
    assert run(unmapped, "cat /proc/self/uid_map")[1].split()[1] == str(base), "they share it"
    assert int(run(unmapped, "cat /proc/self/uid_map", userns="host")[1].split()[1]) == 0


@pytest.mark.root(root_only.IDS)
@pytest.mark.parametrize("unmapped", [22], indirect=True)
def test_copies_go_with_their_layers(unmapped: Core) -> None:
    """And `system check` takes them for what they are. Seen to fail when names with a dot were
    strays: a check removed the layers of containers.
    """
    container = unmapped.containers.create(ContainerSpec("busybox", "kept", network="none"))
    assert not [line for line in unmapped.check() if "layer" in line]
    for each in unmapped.containers.list():
        if each.id != container.id:
            unmapped.containers.remove(each.id, force=True)
    unmapped.images.remove("busybox", force=True)
    unmapped.images.collect()
    assert len(os.listdir(unmapped.layout.layers)) == 4
    unmapped.containers.remove(container.id)
    assert os.listdir(unmapped.layout.layers) == []


@pytest.mark.root(root_only.IDS)
@pytest.mark.parametrize("unmapped", [22], indirect=True)
def test_namespaces_can_be_shared_there_too(unmapped: Core) -> None:
    spec = ContainerSpec("busybox", "other", ("sleep", "100"), network="none")
    unmapped.containers.create(spec)
    unmapped.containers.start("other")
    line = unmapped.containers.exec("other", ExecSpec(("stat", "-c", "%u", "/data")))
    assert collect(line)["stdout"] == b"33\n"
    _, said = run(unmapped, LOOK, pid="container:other")
    assert said.splitlines()[1:] == SEEN


@pytest.mark.root(root_only.OTHERS)
def test_a_copy_is_exact(layout: Layout) -> None:
    """Owners of files, of entries of access lists and of capabilities; nothing else changes."""
    source, target = f"{layout.root}/source", f"{layout.root}/target"
    os.mkdir(source, 0o751)
    with open(f"{source}/file", "wb") as file:
        file.write(b"x" * 100000)
    os.chown(f"{source}/file", 5, 6)
    os.chmod(f"{source}/file", 0o6755)
    os.setxattr(f"{source}/file", "security.capability", FILE_CAPABILITY)
    os.setxattr(f"{source}/file", "user.overlay.opaque", b"y")
    access = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", *entry)
        for entry in (
            (1, 7, 2**32 - 1),
            (2, 5, 7),
            (4, 5, 2**32 - 1),
            (8, 4, 8),
            (16, 5, 2**32 - 1),
            (32, 5, 2**32 - 1),
        )
    )
    os.setxattr(source, "system.posix_acl_access", access)
    os.mkfifo(f"{source}/fifo")
    os.chown(f"{source}/fifo", 70000, 0)
    os.mknod(f"{source}/null", 0o20666, os.makedev(1, 3))
    os.utime(f"{source}/file", ns=(1, 2))
    shifted.copy(source, target, [[(0, 1000000, 65536)], [(0, 2000000, 65536)]])
    found = os.stat(f"{target}/file")
    assert (found.st_uid, found.st_gid, found.st_mode) == (1000005, 2000006, 0o106755)
    assert (found.st_size, found.st_mtime_ns) == (100000, 2)
    capability = os.getxattr(f"{target}/file", "security.capability")
    assert capability == struct.pack("<I", 0x03000001) + FILE_CAPABILITY[4:] + struct.pack(
        "<I", 1000000
    )
    assert os.getxattr(f"{target}/file", "user.overlay.opaque") == b"y"
    entries = list(struct.iter_unpack("<HHI", os.getxattr(target, "system.posix_acl_access")[4:]))
    assert (2, 5, 1000007) in entries
    assert (8, 4, 2000008) in entries
    assert os.stat(f"{target}/fifo").st_uid == 1000000 + 65534, "an id that the range has not"
    assert os.stat(f"{target}/null").st_rdev == os.makedev(1, 3)


# --- mounts -----------------------------------------------------------------------------------


@pytest.mark.root(root_only.IDS)
def test_what_a_container_makes_in_a_bind(core: Core) -> None:
    """As with docker, ids on a bind are the host's, though the container has others."""
    volume = f"{core.layout.root}/volume"
    os.mkdir(volume)
    for options in ((), ("idmap",)):
        mounts = (Mount("bind", volume, "/v", options=options),)
        code, _ = run(core, "echo x > /v/x && chown 5:6 /v/x && touch /v/y", mounts=mounts)
        assert code == 0
        found = os.stat(f"{volume}/x")
        assert (found.st_uid, found.st_gid) == (5, 6)
        assert os.stat(f"{volume}/y").st_uid == 0


@pytest.mark.root(root_only.MOUNTS)
def test_idmap_where_the_file_system_cannot(core: Core) -> None:
    """Asked for, it is refused, else its files are nobody's. Fails if the error is passed over."""
    volume = f"{core.layout.root}/volume"
    os.mkdir(volume)
    subprocess.run(["mount", "-t", "ramfs", "none", volume], check=True)
    try:
        with pytest.raises(StartFailed, match="map the ids of"):
            run(core, "true", mounts=(Mount("bind", volume, "/v", options=("idmap",)),))
        _, said = run(core, "stat -c %u /v", mounts=(Mount("bind", volume, "/v"),))
        assert said == "65534\n"
    finally:
        subprocess.run(["umount", volume], check=True)


# --- an ordinary user's maps -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caller", "ranges", "kept"),
    [
        (1000, [(300000, 65536)], [(0, 300000, 1000), (1000, 1000, 1), (1001, 301000, 64536)]),
        (70000, [(300000, 65536)], [(0, 300000, 65536), (70000, 70000, 1)]),
        (
            10,
            [(300000, 5), (400000, 20)],
            [(0, 300000, 5), (5, 400000, 5), (10, 10, 1), (11, 400005, 15)],
        ),
        (5, [(300000, 5), (400000, 2)], [(0, 300000, 5), (5, 5, 1), (6, 400000, 2)]),
        (0, [(300000, 5)], [(0, 0, 1), (1, 300000, 5)]),
    ],
)
def test_a_caller_keeps_its_number(
    caller: int, ranges: list[tuple[int, int]], kept: list[tuple[int, int, int]]
) -> None:
    own = [Range(0, caller, 1)]
    for first, size in ranges:
        own.append(Range(own[-1].inside + own[-1].size, first, size))
    found = ids._kept(tuple(own), caller)
    assert [tuple(each) for each in found] == kept
    assert Maps(found, found).uids[0].inside == 0
    # The copies' owners are the same ids, by the numbers that `own` has for them.
    outside = {each.outside + n: each.inside + n for each in own for n in range(each.size)}
    for each in ids._rotated(tuple(own), caller):
        for n in (0, each.size - 1):
            at = next(r for r in found if r.inside <= each.inside + n < r.inside + r.size)
            assert outside[at.outside + each.inside + n - at.inside] == each.outside + n


@pytest.mark.root(root_only.IDS)
@pytest.mark.parametrize("unmapped", [22], indirect=True)
def test_what_changed_over_copied_layers(unmapped: Core) -> None:
    """On disk ids are the host's then. Seen to fail when the layer gets these, and against the
    layers that were copied: every directory that is touched has changed its owner.
    """
    script = "mkdir /d; chown 33:34 /d; touch /bin/new"
    spec = ContainerSpec("busybox", command=("sh", "-c", script), network="none")
    box = unmapped.containers.create(spec).id
    unmapped.containers.start(box)
    assert unmapped.containers.wait(box).code == 0
    found = [f"{change.kind} {change.path}" for change in unmapped.containers.changes(box)]
    assert found == ["C /bin", "A /bin/new", "A /d"]
    made = unmapped.containers.commit(box, CommitSpec("mine"))
    with tarfile.open(unmapped.layout.blob(made.layers[-1].digest), "r:gz") as tar:
        owners = {member.name: (member.uid, member.gid) for member in tar}
    assert owners == {"bin": (0, 0), "bin/new": (0, 0), "d": (33, 34)}
