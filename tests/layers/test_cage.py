"""What the unpacking process can still do once it reads a layer: nothing but write there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.layers.archives import GZIP, archive, file, zipped
from tests.waiting import until
from tuidock.engine.images.layers import LayerStore, Unpacking
from tuidock.engine.linux.landlock import landlock_version

BLOB = zipped(archive([file("f", os.urandom(100_000))]))
CHOWN_DAC_FOWNER_FSETID_MKNOD_SETFCAP = 0x8800001B


def locked_in(unpacking: Unpacking) -> Path:
    """Feed half a layer; the child's /proc directory once it waits for the rest."""
    unpacking.write(BLOB[: len(BLOB) // 2])
    process = Path(f"/proc/{unpacking.pid}")
    until(lambda: len(os.listdir(process / "task")) > 1)  # the inflating thread follows the lock
    return process


def fields(process: Path) -> dict[str, str]:
    lines = (process / "status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def test_root_keeps_what_owning_files_needs(layers: LayerStore) -> None:
    """Seen to fail without `_drop_capabilities`, and without `_pivot`."""
    with layers.begin(GZIP) as unpacking:
        process = locked_in(unpacking)
        status = fields(process)
        assert int(status["CapEff"], 16) == CHOWN_DAC_FOWNER_FSETID_MKNOD_SETFCAP
        assert int(status["CapPrm"], 16) == CHOWN_DAC_FOWNER_FSETID_MKNOD_SETFCAP
        for name in ("mnt", "net", "ipc"):
            assert os.readlink(process / "ns" / name) != os.readlink(f"/proc/self/ns/{name}")
        assert os.path.samefile(process / "root", unpacking.directory)
        assert os.path.samefile(process / "cwd", unpacking.directory)
        assert len((process / "mountinfo").read_text().splitlines()) == 1
        unpacking.abort()


def test_landlock_holds_without_privileges_too(layers: LayerStore) -> None:
    """Landlock is irrevocable and needs no_new_privs, which status tells of."""
    with layers.begin(GZIP) as unpacking:
        status = fields(locked_in(unpacking))
        assert status["NoNewPrivs"] == ("1" if landlock_version() >= 2 else "0")
        unpacking.abort()


def test_descriptors(layers: LayerStore) -> None:
    """The caller's other files stay the caller's. Seen to fail without `close_range`."""
    mine = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(mine, True)
    with layers.begin(GZIP) as unpacking:
        os.close(mine)
        process = locked_in(unpacking)
        assert "/etc/passwd" not in {os.readlink(each) for each in (process / "fd").iterdir()}
        unpacking.abort()


def test_limits(layers: LayerStore) -> None:
    with layers.begin(GZIP) as unpacking:
        limits = (locked_in(unpacking) / "limits").read_text()
        assert any(
            line.split()[3] == str(2 << 30) for line in limits.splitlines() if "address" in line
        )
        unpacking.abort()


LANDLOCKED = """
import os, sys
from tuidock.engine.linux.landlock import landlock
os.chdir(sys.argv[1])
if not landlock(os.open(".", os.O_RDONLY)):
    sys.exit("old kernel")
open("inside", "w").close()
os.link("inside", "linked")
for attempt in (
    lambda: open("/etc/passwd"),
    lambda: open("../outside", "w"),
    lambda: os.mkdir("../outside-directory"),
    lambda: os.listdir("/"),
    lambda: os.symlink("x", "../outside-link"),
    lambda: os.rename("inside", "../moved"),
):
    try:
        attempt()
    except OSError:
        continue
    sys.exit("got out")
"""


def test_landlock(tmp_path: Path) -> None:
    """Seen to fail with the rights to read, to make and to refer left out of the mask."""
    (tmp_path / "cage").mkdir()
    words = [sys.executable, "-c", LANDLOCKED, str(tmp_path / "cage")]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.stderr.strip() == "old kernel":
        pytest.skip("needs landlock ABI 2 (Linux 5.19)")
    assert done.returncode == 0, done.stderr
