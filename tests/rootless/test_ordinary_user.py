"""Containers of an ordinary user: its own ids, no cgroups, no bridge, and nothing of root's."""

from __future__ import annotations

import json
import os
import time

import pytest

from tests import root_only
from tests.rootless.conftest import IMAGE, Person

RUN = ("run", "--rm", "--network", "none")


def test_files_belong_to_the_users_of_the_image(ann: Person) -> None:
    """Layers are unpacked among the user's ids, those that depend on others too.

    Fails when the unpacking process does not enter the user namespace: all would be root's.
    """
    said = ann.does(*RUN, IMAGE, "stat", "-c", "%n %u:%g %a", "/", "/data", "/data/mine")
    assert said.splitlines() == ["/ 0:0 555", "/data 33:34 500", "/data/mine 33:34 640"]
    said = ann.does(*RUN, "-u", "33:34", IMAGE, "sh", "-c", "cat /data/same; stat -c %h /data/same")
    assert said == "secret\n2\n"
    (layer,) = (
        path
        for path in map(ann.layout.layer, os.listdir(ann.layout.layers))
        if os.path.exists(f"{path}/ping")
    )
    assert os.stat(f"{layer}/data").st_uid == ann.ranges[0].outside + 32
    assert "security.capability" in os.listxattr(f"{layer}/ping")


def test_root_in_there_is_the_user_itself(ann: Person) -> None:
    ids = ann.does(*RUN, IMAGE, "cat", "/proc/self/uid_map").split()
    assert list(map(int, ids)) == [0, ann.uid, 1, *(n for each in ann.ranges for n in each)]
    os.mkdir(f"{ann.base}/home/shared", 0o777)
    os.chown(f"{ann.base}/home/shared", ann.uid, -1)
    volume = f"{ann.base}/home/shared:/shared"
    ann.does(*RUN, "-v", volume, IMAGE, "sh", "-c", "touch /shared/a; chown 7 /shared/a")
    assert os.stat(f"{ann.base}/home/shared/a").st_uid == ann.ranges[0].outside + 6
    said = ann.tuidock(*RUN, "-v", "/etc:/host", IMAGE, "touch", "/host/new")
    assert said.code == 1
    assert "Permission denied" in said.err


def test_what_other_ids_own_goes_with_the_container_and_the_image(ann: Person) -> None:
    """Fails when it is removed outside of the user namespace."""
    script = "mkdir -p /z/y; touch /z/y/f; chown -R 1000:1000 /z; chmod 0 /z/y"
    ann.does("run", "--network", "none", "--name", "messy", IMAGE, "sh", "-c", script)
    ann.does("rm", "messy")
    assert os.listdir(f"{ann.layout.root}/containers") == []
    ann.does("rmi", IMAGE)
    assert os.listdir(ann.layout.layers) == []
    assert not [name for name in os.listdir(ann.layout.ingest) if name != ".lock"]
    assert ann.does("system", "check") == "Nothing to mend.\n"


def test_verbs_on_one_that_runs_as_another_user(ann: Person) -> None:
    """Its processes have an id that the user may not signal or look at, but for the namespace."""
    script = "sleep 1000 & echo ready; sleep 1000"
    ann.does(
        "run", "-d", "--network", "none", "--name", "web", "-u", "33", IMAGE, "sh", "-c", script
    )
    assert ann.does("exec", "web", "id", "-u") == "33\n"
    assert ann.does("exec", "-u", "0", "web", "id", "-u") == "0\n"
    deadline = time.monotonic() + 60
    while ann.does("logs", "web") != "ready\n":
        assert time.monotonic() < deadline
    rows = ann.does("top", "web").splitlines()[1:]
    assert [row.split()[0] for row in rows] == ["33", "33"]
    pids = [int(row.split()[1]) for row in rows]
    assert ann.does("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}") == "web 2\n"
    ann.does("stop", "-t", "0", "web")
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)


def test_a_killed_monitor_is_replaced_where_another_user_writes(ann: Person) -> None:
    """Fails when only the owner of the output's fifos may open them: that is the other user."""
    script = "while :; do echo more; sleep 0.1; done"
    words = ("--name", "web", "-u", "33", IMAGE, "sh", "-c", script)
    identifier = ann.does("run", "-d", "--network", "none", *words).strip()
    with open(f"{ann.layout.run(identifier)}/state.json") as file:
        monitor = json.load(file)["monitor"][0]
    os.kill(monitor, 9)
    assert ann.does("exec", "web", "id", "-u") == "33\n"
    before, deadline = ann.does("logs", "web"), time.monotonic() + 60
    while len(ann.does("logs", "web")) == len(before):
        assert time.monotonic() < deadline


def test_usage_without_a_cgroup_is_counted(ann: Person) -> None:
    """Fails when only cgroups are asked: all would be 0."""
    ann.does(
        "run", "-d", "--network", "none", "--name", "busy", IMAGE, "sh", "-c", "while :; do :; done"
    )
    used = ann.does("stats", "--no-stream", "--format", "{{.CPUPerc}} {{.MemUsage}}").split()
    assert float(used[0].rstrip("%")) > 1
    assert used[1] not in ("0B", "0")


@pytest.mark.root(root_only.OTHERS)  # who can be made up has no delegated cgroup for sure
@pytest.mark.parametrize("flag", [("-m", "64m"), ("--cpus", "1"), ("--pids-limit", "9")])
def test_a_limit_that_cannot_be_is_refused(ann: Person, flag: tuple[str, str]) -> None:
    said = ann.tuidock(*RUN, *flag, IMAGE, "true")
    assert said.code == 125
    assert said.err.startswith("tuidock: cannot limit ")
    assert "controller is not available to this user" in said.err


def test_the_seccomp_filter_and_the_capabilities_hold(ann: Person) -> None:
    """Fails when the filter is loaded after CAP_SYS_ADMIN is gone, or not at all."""
    said = ann.does(*RUN, IMAGE, "grep", "-E", "^(Seccomp|CapEff|NoNewPrivs):", "/proc/self/status")
    assert dict(line.split() for line in said.splitlines()) == {
        "CapEff:": "00000000a80425fb",
        "NoNewPrivs:": "0",
        "Seccomp:": "2",
    }


@pytest.mark.root(root_only.OTHERS)
def test_a_user_without_ranges_has_root_alone(single: Person) -> None:
    """Fails when groups are set where the namespace denies it, or devpts asks for group 5."""
    said = single.tuidock(*RUN, "-t", IMAGE, "sh", "-c", "id -u; stat -c %u:%g /data/mine; tty")
    assert said.out.split() == ["0", "0:0", "/dev/pts/0"]
    said = single.tuidock(*RUN, "-u", "33", IMAGE, "true")
    assert said.code == 125
    assert "not all ids of the user exist" in said.err
    single.does("run", "-d", "--network", "none", "--name", "one", IMAGE, "sleep", "1000")
    assert single.does("exec", "one", "cat", "/proc/self/setgroups") == "deny\n"
    single.does("rm", "-f", "one")
    single.does("rmi", IMAGE)
    assert os.listdir(single.layout.layers) == []


def test_doctor_tries_what_an_ordinary_user_needs(ann: Person) -> None:
    """Fails when a probe leaves a directory that its user cannot empty: all were missing then."""
    said = ann.does("doctor")
    for name in ("user namespaces", "own ids", "overlay", "overlay in user namespaces"):
        assert f"ok       {name}: works" in said
    assert "ok       /etc/subuid: " in said
    assert "ok       network: slirp4netns carries it" in said


@pytest.mark.root(root_only.OTHERS)
def test_doctor_knows_who_has_no_other_ids(single: Person) -> None:
    assert f"warning  /etc/subuid: 0 ids for {single.uid}" in single.does("doctor")


def test_keep_id(ann: Person) -> None:
    """The user has the number in there that it has outside, and the image's files their owners.

    Fails without copies of the layers: what is root's in the image would be the user's.
    """
    os.mkdir(f"{ann.base}/home/kept")
    os.chown(f"{ann.base}/home/kept", ann.uid, -1)
    keep = (*RUN, "--userns", "keep-id")
    script = "id -u; touch /v/mine; stat -c %u:%g /data /; touch /new 2>&1"
    said = ann.tuidock(*keep, "-v", f"{ann.base}/home/kept:/v", IMAGE, "sh", "-c", script)
    assert said.out.splitlines()[:3] == [str(ann.uid), "33:34", "0:0"], said
    assert "Permission denied" in said.out
    assert os.stat(f"{ann.base}/home/kept/mine").st_uid == ann.uid
    owned = ann.does(*keep, "-u", "0", IMAGE, "sh", "-c", "touch /new && stat -c %u:%g /new")
    assert owned == "0:0\n"
    assert ann.does("system", "check") == "Nothing to mend.\n"


def test_only_root_maps_ids_of_a_volume(ann: Person) -> None:
    said = ann.tuidock(*RUN, "-v", "/etc:/host:idmap", IMAGE, "true")
    assert said.code == 125
    assert "only root may" in said.err
