"""`cp`, `diff` and `export`: what goes where, whose it is then, what is told of it."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import tarfile

import pytest

from tests import root_only
from tests.conftest import AS_ROOT
from tests.files.conftest import Place, members
from tuidock.engine.errors import Conflict, EngineError, NotFound
from tuidock.engine.types import ContainerSpec, Mount

FILL = """
mkdir -p /d/sub; echo one > /d/one; ln /d/one /d/same; ln -s one /d/link; ln -s /d /dir
mkfifo /d/fifo; chmod 4750 /d/one; chown 33:34 /d/sub
echo two > "/d/sub/a
b"
touch -d '2001-02-03 04:05:06' /d/sub
"""


@pytest.mark.parametrize("running", [True, False])
def test_out_by_dockers_rules(place: Place, running: bool) -> None:
    box = place.container(FILL).id
    if not running:
        place.files.stop(box)
    os.mkdir(f"{place.base}/there")
    place.out(box, "/d", f"{place.base}/there")
    place.out(box, "/d", f"{place.base}/new")
    place.out(box, "d/.", f"{place.base}/there")
    for found in ("there/d", "new", "there"):
        assert place.read(f"{found}/one") == "one\n"
        assert place.read(f"{found}/sub/a\nb") == "two\n"
        assert os.readlink(f"{place.base}/{found}/link") == "one"
        assert os.path.samefile(f"{place.base}/{found}/one", f"{place.base}/{found}/same")
        assert stat.S_ISFIFO(os.stat(f"{place.base}/{found}/fifo").st_mode)
        assert os.stat(f"{place.base}/{found}/sub").st_mtime == 981173106
    place.out(box, "/d/one", f"{place.base}/there")
    place.out(box, "/d/one", f"{place.base}/file")
    place.out(box, "/d/sub/a\nb", f"{place.base}/file")  # replaced
    assert place.read("file") == "two\n"
    place.out(box, "/d/link", f"{place.base}/link")
    assert os.readlink(f"{place.base}/link") == "one"
    place.out(box, "/d/link", f"{place.base}/followed", follow=True)
    assert place.read("followed") == "one\n"
    place.out(box, "/dir/", f"{place.base}/through")
    assert place.read("through/one") == "one\n"


def test_out_is_refused_as_docker_does(place: Place) -> None:
    box = place.container(FILL).id
    file = place.write("file", "mine")
    for path, local, why in (
        ("/nosuch", file, "Could not find the file /nosuch in container"),
        ("/d/one/", file, "Could not find the file /d/one in container"),
        ("/d", file, "cannot copy directory"),
        ("/d/one", f"{place.base}/nosuch/", "no such directory"),
        ("/d/one", f"{place.base}/nosuch/x", 'invalid output path: directory "'),
    ):
        with pytest.raises((NotFound, Conflict), match=why):
            place.out(box, path, local)
    os.mkdir(f"{place.base}/one")
    with pytest.raises(Conflict, match="cannot overwrite directory"):
        place.out(box, "/d/one", place.base)
    place.write("x/sub")
    with pytest.raises(Conflict, match="cannot overwrite non-directory"):
        place.out(box, "/d/.", f"{place.base}/x")
    assert place.read("file") == "mine"


@pytest.mark.parametrize("running", [True, False])
def test_in_by_dockers_rules(place: Place, running: bool) -> None:
    box = place.container("mkdir /there; ln -s /there /link; ln -s gone /dangling").id
    if not running:
        place.files.stop(box)
    place.write("d/one", "one")
    place.write("d/sub/two", "two")
    os.symlink("one", f"{place.base}/d/link")
    d = f"{place.base}/d"
    place.put(d, box, "/there")
    place.put(d, box, "/new")
    place.put(f"{d}/.", box, "/there/")
    place.put(f"{d}/one", box, "/link")  # to a directory: into it
    place.put(f"{d}/sub/two", box, "/there/one")  # replaced
    place.put(f"{d}/one", box, "/dangling")
    place.put(f"{d}/link", box, "/soft")
    place.put(f"{d}/link", box, "/hard", follow=True)
    if not running:
        place.files.start(box)
    said = place.sh(box, "cd /; cat there/d/sub/two new/one there/sub/two there/one gone hard")
    assert said == "twoonetwotwooneone"
    assert (
        place.sh(box, "for l in soft dangling new/link; do readlink /$l; done")
        == "one\ngone\none\n"
    )


def test_in_is_refused_as_docker_does(place: Place) -> None:
    box = place.container("mkdir -p /there/file /d; touch /there/d; mkfifo /fifo").id
    file, d = place.write("file"), f"{place.base}/d"
    os.mkdir(d)
    for local, path, why in (
        (f"{place.base}/nosuch", "/", "no such file or directory"),
        (f"{file}/", "/", "not a directory"),
        (file, "/nosuch/x", "Could not find the file /nosuch in container"),
        (file, "/nosuch/", "no such directory"),
        (file, "/there/d/", "no such directory"),
        (d, "/there/d", "cannot copy directory"),
        (file, "/there", "cannot overwrite directory"),
        (d, "/there", "cannot overwrite non-directory"),
        (file, "/fifo", "must be a directory or a regular file"),
    ):
        with pytest.raises(EngineError, match=why):
            place.put(local, box, path)


def test_whose_a_copy_is(place: Place) -> None:
    """Root's in the container and the caller's on the host.

    Seen to fail: 100000 on the host when the guest does not become root of its namespace.
    """
    box = place.container("echo x > /f; chown 33:34 /f; chmod 6755 /f").id
    place.out(box, "/f", f"{place.base}/mine")
    mine = os.stat(f"{place.base}/mine")
    assert (mine.st_uid, mine.st_gid) == (os.getuid(), os.getgid())
    assert stat.S_IMODE(mine.st_mode) == 0o755
    place.put(place.write("file", "x"), box, "/by-root")
    assert place.sh(box, "stat -c %u:%g /by-root") == "0:0\n"
    upper = f"{place.core.layout.container(box)}/upper"
    assert os.stat(f"{upper}/by-root").st_uid == os.getuid()  # root's is the caller, on disk too


@pytest.mark.root(root_only.OTHERS)
def test_whose_a_copy_is_when_ids_are_asked_for(place: Place) -> None:
    """Seen to fail where `owners` is not passed on."""
    box = place.container("echo x > /f; chown 33:34 /f; chmod 6755 /f").id
    place.out(box, "/f", f"{place.base}/theirs", owners=True)
    theirs = os.stat(f"{place.base}/theirs")
    assert (theirs.st_uid, theirs.st_gid, stat.S_IMODE(theirs.st_mode)) == (33, 34, 0o755)
    file = place.write("file", "x")
    os.chown(file, 1000, 1001)
    place.put(file, box, "/by-them", owners=True)
    assert place.sh(box, "stat -c %u:%g /by-them") == "1000:1001\n"


def test_volumes_are_seen_and_the_kernels_own_are_not(place: Place) -> None:
    """Docker's `cp` knows no /proc, /sys and /dev. Seen to fail without `hide_system`."""
    place.write("volume/file", "mine")
    mounts = (Mount("bind", f"{place.base}/volume", "/data"), Mount("tmpfs", "tmpfs", "/mem"))
    box = place.container("echo y > /data/new; echo z > /mem/z; mkdir /none", mounts=mounts).id
    place.out(box, "/data", f"{place.base}/out")
    assert place.read("out/file") + place.read("out/new") == "miney\n"
    place.put(place.write("more", "more"), box, "/data")
    assert place.read("volume/more") == "more"
    assert members(place.packed(box, "/mem")).keys() == {"mem", "mem/z"}
    everything = members(place.packed(box, "/")).keys()
    assert {"./data/new", "./mem/z", "./etc/passwd"} <= everything
    inside = [n for n in everything if n.startswith(("./proc/", "./sys/", "./dev/"))]
    assert not inside
    exported = members(place.exported(box))
    assert not [name for name in exported if name.startswith(("data/", "mem/"))]
    assert exported["data"].isdir()
    with pytest.raises(NotFound):
        place.out(box, "/proc/self/status", place.base)


def test_a_mounted_file_is_written_in_place(place: Place) -> None:
    box = place.container().id
    place.put(place.write("hosts", "1.2.3.4 x\n"), box, "/etc/hosts")
    assert place.sh(box, "cat /etc/hosts") == "1.2.3.4 x\n"


def test_a_read_only_root_stays_so(place: Place) -> None:
    box = place.container(read_only=True, mounts=(Mount("tmpfs", "tmpfs", "/tmp"),)).id
    file = place.write("file")
    with pytest.raises(Conflict, match="marked read-only"):
        place.put(file, box, "/")
    place.files.stop(box)
    with pytest.raises(Conflict, match="marked read-only"):
        place.put(file, box, "/")


def test_diff_tells_what_docker_tells(place: Place) -> None:
    """Seen to fail: /etc/hosts and its like when stubs are told, /bin when a directory's time
    counts, /same when copying up does.
    """
    box = place.container(
        """
        echo x > /etc/new; rm /www/index.html; mkdir -p /a/b; chmod 700 /home; touch /usr/bin/x
        rm -rf /var; mkdir /var; echo >> /etc/passwd; : >> /etc/group
        rm -r /root; echo file > /root; mknod /null c 0 0 2>/dev/null
        """
    ).id
    expected = (
        "A /a,A /a/b,C /etc,A /etc/new,C /etc/passwd,C /home,C /root,C /usr,C /usr/bin,"
        "A /usr/bin/x,C /var,D /var/log,C /www,D /www/index.html"
    )
    for _ in ("running", "stopped"):
        found = place.files.changes(box)
        assert ",".join(f"{change.kind} {change.path}" for change in found) == expected
        place.files.stop(box)


def test_an_export_is_the_file_system(place: Place) -> None:
    """GNU tar unpacks it to what the container has, with owners, modes, times and links."""
    box = place.container(FILL + "truncate -s 3G /d/holes; echo x >> /d/holes").id
    for _ in ("running", "stopped"):
        data = place.exported(box)
        found = members(data)
        assert "dev/null" not in found
        assert found["dev"].isdir()
        assert (found["d/sub"].uid, found["d/sub"].gid) == (33, 34)
        assert found["d/one"].mode == 0o4750
        assert found["d/same"].linkname == "d/one"
        assert found["etc/hosts"].size == 0
        assert len(data) < 30 << 20
        place.files.stop(box)
    os.mkdir(f"{place.base}/root")
    owners = "--same-owner" if AS_ROOT else "--no-same-owner"
    tar = ["tar", "-x", "-C", f"{place.base}/root", owners, "-p", "--numeric-owner"]
    subprocess.run(tar, input=data, check=True)
    upper = f"{place.core.layout.container(box)}/upper"
    subprocess.run(["diff", "-r", f"{upper}/d/sub", f"{place.base}/root/d/sub"], check=True)
    holes = os.stat(f"{place.base}/root/d/holes")
    assert holes.st_size == (3 << 30) + 2
    assert holes.st_blocks < 100


def test_a_stream_is_taken_as_it_comes(place: Place) -> None:
    """Plain, gzip; links that lead elsewhere in the container are followed on the way, inside."""
    box = place.container("mkdir -p /to /real; ln -s /real /to/abs; ln -s ../real /to/rel").id
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in ("abs/a", "rel/b", "./c", "deep/er/d"):
            member = tarfile.TarInfo(name)
            member.size = 2
            member.uid = 42
            tar.addfile(member, io.BytesIO(b"x\n"))
    with place.files.destination(box, "/to") as destination:
        assert destination.is_directory
        destination.extract([buffer.getvalue()])
    said = place.sh(box, "cat /real/a /real/b /to/c /to/deep/er/d; stat -c %u /real/a")
    assert said == "x\n" * 4 + "0\n"


def test_before_the_first_start(place: Place) -> None:
    """Seen to fail when it is mounted as `--rm` asks for, volatile: it cannot be started then."""
    spec = ContainerSpec("busybox", command=("cat", "/new"), network="none", remove=True)
    box = place.files.create(spec).id
    place.put(place.write("new", "fresh\n"), box, "/")
    assert [str(c.kind) + c.path for c in place.files.changes(box)] == ["A/new"]
    line = place.files.start_attached(box)
    said = b""
    while not line.ended:
        line.wait_readable(1.0)
        said += b"".join(data for _stream, data in line.read())
    line.close()
    assert said == b"fresh\n"
