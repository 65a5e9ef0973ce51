"""Attackers that exchange names while a container starts, on a directory that both share.

A thread of the test plays the container that shares the volume: it swaps a directory for a
symbolic link as fast as the kernel can. Each docstring says how the test was seen to fail.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterator

import pytest

from tests.runtime.conftest import Box, collect
from tuidock.engine.errors import EngineError
from tuidock.engine.types import Mount

RENAME_EXCHANGE = 2
_RENAMEAT2 = {"x86_64": 316, "aarch64": 276}[os.uname().machine]
STARTS = 25
_libc = ctypes.CDLL(None)


@contextlib.contextmanager
def swapping(directory: str, first: str, second: str) -> Iterator[None]:
    """Meanwhile, two names below `directory` change places without end."""
    stop = threading.Event()
    here = os.open(directory, os.O_PATH)

    def swap() -> None:
        while not stop.is_set():
            for _ in range(64):
                _libc.syscall(
                    _RENAMEAT2, here, first.encode(), here, second.encode(), RENAME_EXCHANGE
                )

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        os.close(here)


@pytest.fixture
def shared(box: Box) -> str:
    """A directory that attacker and victim share, with `real` and a link to the host."""
    path, outside = f"{box.layout.root}/shared", f"{box.layout.root}/outside"
    os.makedirs(f"{path}/real/in", 0o777)
    os.makedirs(f"{outside}/in")
    os.chmod(outside, 0o777)
    os.symlink(f"../../../../../../../..{outside}", f"{path}/link")
    os.chmod(box.layout.root, 0o755)  # where a careless engine would find it
    os.chmod(os.path.dirname(box.layout.root), 0o755)
    return path


def attempts(box: Box, *mounts: Mount) -> Iterator[str]:
    """What containers that could be started say about their mounts; others said why not."""
    for _ in range(STARTS):
        with contextlib.suppress(EngineError):
            line = box.start(box.create("cat", "/proc/self/mountinfo", mounts=mounts))
            yield collect(line)["stdout"].decode()


def test_a_volume_in_a_volume_that_changes(box: Box, shared: str) -> None:
    """18. A mount lands in the container or not at all (CVE-2021-30465).

    Seen to fail with `open("/proc/self/fd/ROOT/vol/real/in")` in place of openat2: where the
    link was followed from the host's root, the container ran without the mount.
    """
    data = f"{box.layout.root}/data"
    os.mkdir(data)
    asked = (Mount("bind", shared, "/vol"), Mount("bind", data, "/vol/real/in"))
    came = 0
    with swapping(shared, "real", "link"):
        for said in attempts(box, *asked):
            came += 1
            targets = [text.split()[4] for text in said.splitlines() if "/data " in text]
            assert len(targets) == 1, said
            assert targets[0] in ("/vol/real/in", "/vol/link/in")
    assert came
    assert not os.listdir(data)


def test_a_target_made_in_a_volume_that_changes(box: Box, shared: str) -> None:
    """23. What is made for a mount is made inside (CVE-2024-45310).

    Seen to fail with os.makedirs below /proc/self/fd: directories appeared on the host.
    """
    asked = (Mount("bind", shared, "/vol"), Mount("tmpfs", "", "/vol/real/a/b/c"))
    with swapping(shared, "real", "link"):
        for _ in attempts(box, *asked):
            pass
    assert os.listdir(f"{box.layout.root}/outside") == ["in"]


def test_devices_in_a_directory_that_changes(box: Box, shared: str) -> None:
    """19. What is masked stays so when /dev is shared and `null` in it a link
    (CVE-2025-31133).

    Seen to fail with the container's own /dev/null as cover: what lay below it came out.
    """
    os.symlink("/etc/passwd", f"{shared}/null")
    with open(f"{shared}/other", "w") as file:
        file.write("covered by this\n")
    box_command = ("sh", "-c", "cat /proc/keys /proc/timer_list; head -c 4 /proc/kcore")
    came = 0
    with swapping(shared, "null", "other"):
        for _ in range(STARTS):
            with contextlib.suppress(EngineError):
                said = collect(
                    box.start(box.create(*box_command, mounts=(Mount("bind", shared, "/dev"),)))
                )
                came += 1
                assert said["stdout"] == b""
    assert came


def test_a_setting_is_written_to_the_kernel_or_not_at_all(box: Box) -> None:
    """21. An image's own /proc tree is never written (CVE-2019-16884, CVE-2025-52881).

    Seen to fail when settings were written before /proc was mounted.
    """
    fake = f"{box.layer}/proc/sys/kernel/shm_rmid_forced"
    os.makedirs(os.path.dirname(fake))
    with open(fake, "w") as file:
        file.write("fake\n")
    code, said = box.run(
        "cat", "/proc/sys/kernel/shm_rmid_forced", sysctls=(("kernel.shm_rmid_forced", "1"),)
    )
    assert (code, said) == (0, "1\n")
    with open(fake) as file:
        assert file.read() == "fake\n"
