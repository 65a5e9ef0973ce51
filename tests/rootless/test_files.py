"""An ordinary user looks into its containers: the same verbs, with the ids that it has."""

from __future__ import annotations

import os
import stat

import pytest

from tests import root_only
from tests.rootless.conftest import IMAGE, Person

WORK = (
    "mkdir -p /d/sub; echo one > /d/one; chown 33:34 /d/one /d/sub; chmod 700 /d/sub; "
    "rm /www/index.html; touch /tmp/.done; exec sleep 600"
)


def started(person: Person) -> None:
    person.does(
        "run", "-d", "--network", "none", "--name", "box", "--stop-timeout", "0", IMAGE,
        *("sh", "-c", WORK if person.ranges else WORK.replace("33:34", "0:0")),
    )  # fmt: skip
    person.does("exec", "box", "sh", "-c", "while ! [ -e /tmp/.done ]; do usleep 1000; done")


@pytest.mark.parametrize("running", [True, False])
def test_files_go_in_and_out(ann: Person, running: bool) -> None:
    """Seen to fail: nothing can be written when the guest does not join the user namespace."""
    started(ann)
    if not running:
        ann.does("stop", "box")
    home = f"{ann.base}/home"
    ann.does("cp", "box:/d", f"{home}/d")
    with open(f"{home}/d/one") as file:
        assert file.read() == "one\n"
    assert {os.stat(f"{home}/d/{name}").st_uid for name in ("one", "sub")} == {ann.uid}
    ann.does("cp", f"{home}/d/one", "box:/data/by-root")
    ann.does("cp", "-a", f"{home}/d/.", "box:/kept")
    if not running:
        ann.does("start", "box")
    said = ann.does("exec", "box", "stat", "-c", "%u", "/data/by-root", "/d/one")
    assert said.split() == ["0", "33"]


@pytest.mark.parametrize("running", [True, False])
def test_changes_and_export(ann: Person, running: bool) -> None:
    started(ann)
    if not running:
        ann.does("stop", "box")
    changed = ann.does("diff", "box").splitlines()
    assert changed[:3] == ["A /d", "A /d/one", "A /d/sub"]
    assert changed[-2:] == ["C /www", "D /www/index.html"]
    archive = f"{ann.base}/home/box.tar"
    ann.does("export", "-o", archive, "box")
    assert stat.S_IMODE(os.stat(archive).st_mode) & 0o77 == 0
    listed = ann.run("tar", "-tv", "--numeric-owner", "-f", archive).out
    assert any("33/34" in line and line.endswith(" d/one") for line in listed.splitlines())


def test_a_container_becomes_an_image(ann: Person) -> None:
    started(ann)
    ann.does("commit", "box", "mine")
    said = ann.does(
        "run", "--rm", "--network", "none", "mine", "sh", "-c", "stat -c '%u:%g' /d/one; ls /www"
    )
    assert said == "33:34\n"


@pytest.mark.root(root_only.OTHERS)
def test_with_a_single_id(single: Person) -> None:
    started(single)
    home = f"{single.base}/home"
    single.does("cp", "box:/d", f"{home}/d")
    single.does("cp", f"{home}/d/one", "box:/tmp/again")
    assert single.does("exec", "box", "cat", "/tmp/again") == "one\n"
    assert "A /tmp/again" in single.does("diff", "box")
    single.does("commit", "box", "mine")
    assert single.does("run", "--rm", "--network", "none", "mine", "cat", "/d/one") == "one\n"
