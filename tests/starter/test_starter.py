"""The starter image: complete, small, quick, the same each time, and it runs."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from tests import root_only
from tuidock.engine.core import Core
from tuidock.engine.images import starter
from tuidock.engine.images.starter import Starter
from tuidock.engine.layout import Layout


@pytest.fixture(scope="module")
def image() -> Starter:
    return starter.build()


@pytest.fixture(scope="module")
def members(image: Starter) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(image.layer)) as archive:
        return {member.name: member for member in archive}


def test_the_same_machine_makes_the_same_image(image: Starter) -> None:
    assert starter.build() == image


def test_a_fresh_checkout_does_not_change_it(image: Starter, monkeypatch, tmp_path) -> None:
    """Our own files in the image are as old as the checkout; their times must not count."""
    copy = tmp_path / "rootfs"
    subprocess.run(["cp", "-r", starter.OWN_FILES, copy], check=True)
    monkeypatch.setattr(starter, "OWN_FILES", str(copy))
    assert starter.build() == image


def test_it_is_small_and_quick(image: Starter) -> None:
    start = time.process_time()
    starter.build()
    assert time.process_time() - start < 3
    assert len(image.layer) < 80e6


def test_config_and_layer_belong_together(image: Starter) -> None:
    config = json.loads(image.config)
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(image.layer).hexdigest()}"]
    assert config["os"] == "linux"
    assert config["config"]["Cmd"] == ["/bin/sh"]


def test_the_tree_is_a_merged_usr_root(members: dict[str, tarfile.TarInfo]) -> None:
    for name in ("bin", "sbin", "lib", "lib64"):
        assert members[name].linkname == f"usr/{name}"
        assert not any(other.startswith(f"{name}/") for other in members)
    assert members["tmp"].mode == 0o1777
    assert members["root"].mode == 0o700


def test_nothing_in_it_has_privileges(members: dict[str, tarfile.TarInfo]) -> None:
    """The machine's own `mount` is setuid root; in the image it must not be."""
    assert not [m.name for m in members.values() if m.isreg() and m.mode & 0o6000]
    assert {(m.uid, m.gid) for m in members.values()} == {(0, 0)}


def test_parents_come_before_what_is_in_them(members: dict[str, tarfile.TarInfo]) -> None:
    seen = {"."}
    for name in members:
        assert str(Path(name).parent) in seen
        seen.add(name)


def test_a_machine_without_a_shell_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starter, "SEARCH", "/nowhere")
    with pytest.raises(starter.Unsupported, match="'sh'"):
        starter.build()


@pytest.mark.root(root_only.CHROOT)
def test_its_programs_run_with_nothing_but_the_image(image: Starter, tmp_path: Path) -> None:
    """In a bare chroot: every tool finds its libraries, Python its modules."""
    with tarfile.open(fileobj=io.BytesIO(image.layer)) as archive:
        archive.extractall(tmp_path, filter="fully_trusted")
    script = """
        test "$(ls / | grep -c usr)" = 1
        test "$(seq 3 | awk '{s += $1} END {print s}')" = 6
        id -un
        python3 -c 'import http.server, json, random, subprocess, datetime, readline; print("ok")'
        timeout -k 1 0.5 waves 1 2 0.1 || test $? = 124
        LD_TRACE_LOADED_OBJECTS=1 python3 | grep 'not found' || echo complete
    """
    command = ["chroot", str(tmp_path), "/usr/bin/env", "-i", "PATH=/usr/local/bin:/usr/bin"]
    done = subprocess.run([*command, "sh", "-e", "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split("\n")[:3] == ["root", "ok", "rising: 0 MiB held"]
    assert done.stdout.endswith("complete\n")


@pytest.mark.root(root_only.CHROOT)
def test_every_tool_of_it_can_be_loaded(
    image: Starter, members: dict[str, tarfile.TarInfo], tmp_path: Path
) -> None:
    """The loader inside the image resolves each program inside the image."""
    with tarfile.open(fileobj=io.BytesIO(image.layer)) as archive:
        archive.extractall(tmp_path, filter="fully_trusted")
    tools = [name for name in members if name.startswith("usr/bin/") and "busybox" not in name]
    command = ["chroot", str(tmp_path), "/usr/bin/env", "LD_TRACE_LOADED_OBJECTS=1"]
    for tool in tools:
        done = subprocess.run([*command, f"/{tool}"], capture_output=True, text=True)
        assert "not found" not in done.stdout + done.stderr, tool
    assert len(tools) > 40


def test_tools_are_taken_anew_when_the_machine_has_others(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A debugger of last year would lack what was installed since; the old image goes."""
    core = Core(layout)
    monkeypatch.setattr(starter, "LOOKING", "less")
    first = core.images.get(core.images.toolbox())
    assert core.images.get(core.images.toolbox()).id == first.id
    monkeypatch.setattr(starter, "LOOKING", "less find")
    assert core.images.get(core.images.toolbox()).id != first.id
    assert len(core.images.list()) == 1
    core.close()
