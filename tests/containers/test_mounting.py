"""A container's files mounted outside, and its bundle run by Debian's crun and runc as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests import busybox, root_only
from tests.runtime.test_schema import check
from tuidock.engine.containers import bundle
from tuidock.engine.core import Core
from tuidock.engine.errors import BadSpec, HostError, WrongStatus
from tuidock.engine.layout import Layout
from tuidock.engine.types import Container, ContainerSpec, HealthCheck, Limits, Mount

pytestmark = pytest.mark.root(root_only.RUNTIMES)


@pytest.fixture
def core(layout: Layout) -> Iterator[Core]:
    made = Core(layout)
    made.images.add(busybox.config(User="app"), [busybox.layer()], busybox.REFERENCE)
    yield made
    made.close()


def create(core: Core, *command: str, **asked: Any) -> Container:
    spec = ContainerSpec("busybox", "box", command, network="none", user="0")
    return core.containers.create(spec._replace(**asked))


@pytest.fixture
def place(layout: Layout) -> str:
    """A directory that the ids of a container may look into."""
    base = os.path.dirname(layout.root)
    os.chmod(base, 0o755)
    return f"{base}/bundle"


@pytest.mark.parametrize("userns", ["auto", "host", "keep-id"])
@pytest.mark.parametrize(
    "words", [["crun", "--cgroup-manager=disabled"], ["runc"]], ids=lambda words: words[0]
)
def test_a_bundle_runs_under_others_as_it_is(
    core: Core, place: str, words: list[str], userns: str, tmp_path: Any
) -> None:
    """The configuration is the container's own, to the byte; only its root is mounted."""
    (tmp_path / "file").write_text("of a volume\n")
    tmp_path.chmod(0o755)  # runc before 1.2 does not map the ids of volumes
    container = create(
        core, "sh", "-c", "hostname; id -u; cat /data/file; echo mine > /new; exit 5",
        userns=userns, hostname="ours", mounts=(Mount("bind", str(tmp_path), "/data"),),
        limits=Limits(pids=50),
    )  # fmt: skip
    root = core.containers.mount("box", place)
    assert root == f"{place}/rootfs"
    here = core.layout.container(container.id)
    with open(f"{place}/config.json", "rb") as one, open(f"{here}/config.json", "rb") as other:
        assert one.read() == other.read()
    name = f"tuidock-test-{os.getpid()}"
    words = [*words, "--root", f"{os.path.dirname(place)}/state", "run", "--bundle", place, name]
    assert shutil.which(words[0]), "scripts/packages installs it"
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("ours\n0\nof a volume\n", 5), done.stderr
    core.containers.unmount("box")
    assert not os.path.exists(place)
    with open(f"{here}/upper/new") as file:
        assert file.read() == "mine\n"
        assert os.fstat(file.fileno()).st_uid == 0
    assert core.containers.start_attached("box")
    assert core.containers.wait("box").code == 5


def test_what_is_mounted_is_what_the_container_sees(core: Core) -> None:
    container = create(core, "sh", "-c", "rm /etc/group; echo new > /etc/passwd")
    core.containers.start("box")
    core.containers.wait("box")
    root = core.containers.mount("box")
    assert root == f"{core.layout.container(container.id)}/rootfs"
    assert core.containers.mount("box") == root
    with open(f"{root}/etc/passwd") as file:
        assert file.read() == "new\n"
    assert not os.path.exists(f"{root}/etc/group")
    assert os.path.exists(f"{root}/bin/busybox")
    core.containers.unmount("box")
    core.containers.unmount("box")
    assert os.listdir(root) == []


def test_it_is_never_mounted_twice(core: Core) -> None:
    """Two mounts of one upper directory lose files. Fails without `_refuse_mounted`."""
    create(core, "sleep", "1000")
    core.containers.mount("box")
    with pytest.raises(WrongStatus, match="mounted at"):
        core.containers.start("box")
    core.containers.unmount("box")
    core.containers.start("box")
    with pytest.raises(WrongStatus, match="is running"):
        core.containers.mount("box")


def test_a_mount_in_use_stays(core: Core) -> None:
    create(core, "true")
    root = core.containers.mount("box")
    with open(f"{root}/etc/passwd"), pytest.raises(HostError, match="busy"):
        core.containers.unmount("box")
    core.containers.unmount("box")


def test_removing_a_container_takes_its_mount_along(core: Core, place: str) -> None:
    create(core, "true")
    core.containers.mount("box", place)
    core.containers.remove("box")
    assert not os.path.exists(place)
    with open("/proc/self/mountinfo") as file:
        assert place not in file.read()


def test_a_bundle_needs_a_place_of_its_own(core: Core, tmp_path: Any) -> None:
    create(core, "true")
    for directory in (str(tmp_path), "/no/such/parent"):
        with pytest.raises(BadSpec):
            core.containers.mount("box", directory)
    assert os.listdir(tmp_path) == []


def test_a_real_bundle_is_valid(core: Core) -> None:
    """With everything that creating adds to what `oci_config` makes."""
    container = create(
        core,
        "true",
        health=HealthCheck(("CMD-SHELL", "true"), interval=2.5),
        runtime="crun",
        stop_signal="INT",
        labels=(("a", "b"),),
    )
    check(bundle.read_config(core.layout, container.id))
