"""The verbs of a container's life, word for word as docker's: names, ports, lists, signals."""

from __future__ import annotations

import json
import re

import pytest

from tests import root_only
from tests.cli.conftest import Cli
from tests.waiting import until
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout

NO_NETWORK = ("--network", "none")


def run(tuidock: Cli, name: str, *flags: str, command: tuple[str, ...] = ("sleep", "60")) -> str:
    flags = flags if "-p" in flags else (*NO_NETWORK, *flags)
    return tuidock("run", "-d", "--name", name, *flags, "busybox", *command).stdout.strip()


def test_rename(tuidock: Cli) -> None:
    run(tuidock, "web")
    tuidock("create", *NO_NETWORK, "--name", "db", "busybox")
    assert 'name "/db" is already in use' in tuidock("rename", "web", "db", code=1).stderr
    assert "may be empty" in tuidock("rename", "web", "", code=1).stderr
    assert tuidock("container", "rename", "web", "shop").stdout == ""
    assert tuidock("ps", "--format", "{{.Names}}").stdout == "shop\n"


def test_port(tuidock: Cli) -> None:
    run(tuidock, "web", "-p", "127.0.0.1:18473:80", "-p", "127.0.0.1:18474:53/udp")
    assert tuidock("port", "web").stdout == (
        "53/udp -> 127.0.0.1:18474\n80/tcp -> 127.0.0.1:18473\n"
    )
    assert tuidock("port", "web", "80").stdout == "127.0.0.1:18473\n"
    assert tuidock("port", "web", "53/udp").stdout == "127.0.0.1:18474\n"
    refused = tuidock("port", "web", "53", code=1).stderr
    assert refused == "tuidock: No public port '53' published for web\n"


def test_who_stops_a_container_can_have_its_port(tuidock: Cli, layout: Layout) -> None:
    """At once. Seen to fail without `_release` in `stop`: PortInUse."""
    port = ("-p", "127.0.0.1:18476:80")
    run(tuidock, "one", *port)
    tuidock("create", "--name", "other", *port, "busybox", "sleep", "60")
    core = Core(layout)
    for old, new in (("one", "other"), ("other", "one")) * 3:
        core.containers.stop(old, 0)
        core.containers.start(new)
    core.close()


def test_container_prune_asks_and_tells(tuidock: Cli) -> None:
    run(tuidock, "alive")
    tuidock("run", *NO_NETWORK, "--name", "gone", "busybox", "sh", "-c", "echo 12345 > /tmp/file")
    gone = tuidock("ps", "-aq", "--no-trunc", "--filter", "name=^gone$").stdout.strip()
    asked = tuidock("container", "prune", stdin="n\n").stdout
    assert asked == (
        "WARNING! This will remove all stopped containers.\n"
        "Are you sure you want to continue? [y/N] "
    )
    nothing = tuidock("container", "prune", "-f", "--filter", "label=nosuch").stdout
    assert nothing == "Total reclaimed space: 0B\n"
    done = tuidock("container", "prune", stdin="y\n").stdout
    assert done.endswith(f"Deleted Containers:\n{gone}\n\nTotal reclaimed space: 6B\n")
    assert tuidock("ps", "-a", "--format", "{{.Names}}").stdout == "alive\n"
    assert "invalid filter" in tuidock("container", "prune", "--filter", "x=1", code=1).stderr


def names(tuidock: Cli, *filters: str) -> set[str]:
    words = [word for each in filters for word in ("--filter", each)]
    return set(tuidock("ps", "-a", *words, "--format", "{{.Names}}").stdout.split())


def test_ps_filters(tuidock: Cli, tmp_path: object) -> None:
    tuidock("create", *NO_NETWORK, "--name", "first", "busybox")
    run(tuidock, "web", "-l", "tier=front", "-v", f"{tmp_path}:/data", "-p", "127.0.0.1:18475:80")
    tuidock("run", *NO_NETWORK, "--name", "ended", "busybox", "sh", "-c", "exit 3", code=3)
    assert names(tuidock, "name=^e") == {"ended"}
    assert names(tuidock, "name=e") == {"web", "ended"}
    assert names(tuidock, "label=tier=front", "status=running") == {"web"}
    assert names(tuidock, "status=exited", "status=created") == {"first", "ended"}
    assert names(tuidock, "exited=3") == {"ended"}
    assert names(tuidock, "before=web") == {"first"}
    assert names(tuidock, "since=web") == {"ended"}
    assert names(tuidock, "ancestor=busybox") == {"first", "web", "ended"}
    assert names(tuidock, "ancestor=nosuch") == set()
    assert names(tuidock, "network=bridge") == {"web"}
    assert names(tuidock, "publish=18475") == {"web"} == names(tuidock, "expose=80/tcp")
    assert names(tuidock, "publish=80") == set()
    assert names(tuidock, f"volume={tmp_path}") == {"web"} == names(tuidock, "volume=/data")
    assert names(tuidock, "health=none") == {"first", "web", "ended"}
    for wrong in ("status=foo", "exited=x", "before=nosuch", "publish=x"):
        tuidock("ps", "--filter", wrong, code=1)


def test_ps_shapes(tuidock: Cli) -> None:
    tuidock("create", *NO_NETWORK, "--name", "first", "busybox")
    tuidock(
        *("run", *NO_NETWORK, "--name", "big", "-l", "tier=db", "busybox"),
        *("dd", "if=/dev/zero", "of=/tmp/file", "bs=1000", "count=3"),
    )
    assert tuidock("ps", "-l", "--format", "{{.Names}}").stdout == "big\n"
    assert tuidock("ps", "-n", "2", "--format", "{{.Names}}").stdout == "big\nfirst\n"
    assert tuidock("ps", "-n", "0", "-q").stdout == ""
    header, row, _ = tuidock("ps", "-a", "-s").stdout.splitlines()
    assert header.split()[-1] == "SIZE"
    assert re.search(r"3kB \(virtual [0-9.]+MB\)$", row)
    [fields] = map(json.loads, tuidock("ps", "-l", "--format", "json").stdout.splitlines())
    assert fields["Size"] == "0B"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d [0-9:]{8} [+-]\d{4} \S+", fields["CreatedAt"])
    assert tuidock("ps", "-l", "--format", '{{.Label "tier"}}').stdout == "db\n"


def test_labels_of_the_image_are_the_containers_too(tuidock: Cli, place: object) -> None:
    from tests import busybox
    from tuidock.engine.core import Core
    from tuidock.engine.layout import Layout

    assert isinstance(place, Layout)
    core = Core(place)
    core.images.add(busybox.config(Labels={"a": "1", "b": "1"}), [busybox.layer()], "labelled")
    core.close()
    tuidock("create", *NO_NETWORK, "--name", "box", "-l", "b=2", "labelled")
    told = tuidock("inspect", "-f", "{{json .Config.Labels}}", "box").stdout
    assert json.loads(told) == {"a": "1", "b": "2"}


@pytest.mark.root(root_only.LIMITS)
def test_every_verb_on_a_paused_container(tuidock: Cli) -> None:
    run(tuidock, "box")
    tuidock("pause", "box")
    assert (
        "is paused, unpause the container before exec"
        in tuidock("exec", "box", "true", code=125).stderr
    )
    attach = tuidock("attach", "box", code=1).stderr
    assert attach == "tuidock: You cannot attach to a paused container, unpause it first\n"
    start = tuidock("start", "box", code=1).stderr
    assert start == "tuidock: cannot start a paused container, try unpause instead\n"
    assert "sleep 60" in tuidock("top", "box").stdout
    assert (
        'cannot remove container "box": container is paused' in tuidock("rm", "box", code=1).stderr
    )
    tuidock("kill", "-s", "WINCH", "box")  # as docker: else it would never take it
    assert tuidock("ps", "--format", "{{.State}}").stdout == "running\n"
    tuidock("pause", "box")
    tuidock("restart", "-t", "0", "box")
    assert tuidock("ps", "--format", "{{.State}}").stdout == "running\n"
    tuidock("pause", "box")
    assert tuidock("rm", "-f", "box").stdout == "box\n"


TRAPS = (
    "trap 'exit 10' USR1; trap 'exit 12' USR2; trap 'exit 2' INT; "
    "echo ready; while :; do sleep 0.01; done"
)


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (("kill", "-s", "USR1"), 10),
        (("kill", "-s", "SIGUSR2"), 12),
        (("kill", "--signal=2"), 2),
        (("stop", "-s", "10", "-t", "-1"), 10),
        (("stop", "--signal", "USR2", "--time", "20"), 12),
    ],
)
def test_signals_by_name_and_by_number(tuidock: Cli, flags: tuple[str, ...], code: int) -> None:
    run(tuidock, "box", command=("sh", "-c", TRAPS))
    until(lambda: tuidock("logs", "box").stdout == "ready\n")
    assert "Invalid signal: FOO" in tuidock("stop", "-s", "FOO", "box", code=1).stderr
    tuidock(*flags, "box")
    assert tuidock("wait", "box").stdout == f"{code}\n"


def test_several_are_waited_for_in_order_and_one_missing_does_not_matter(tuidock: Cli) -> None:
    for name, code in (("one", "1"), ("two", "2")):
        run(tuidock, name, command=("sh", "-c", f"exit {code}"))
    done = tuidock("wait", "two", "nosuch", "one", code=1)
    assert (done.stdout, done.stderr.splitlines()[0]) == (
        "2\n1\n",
        "tuidock: No such container: nosuch",
    )
    assert tuidock("start", "-a", "one", code=1).stdout == ""
    several = tuidock("start", "-a", "one", "two", code=1).stderr
    assert several == "tuidock: you cannot start and attach multiple containers at once\n"
    assert tuidock("rm", "-f", "nosuch").stderr.startswith("tuidock: No such container: nosuch")
    tuidock("rm", "nosuch", code=1)


def test_update_of_a_restart_policy(tuidock: Cli) -> None:
    run(tuidock, "box")
    tuidock("update", "--restart", "on-failure:3", "box")
    told = tuidock("inspect", "-f", "{{json .HostConfig.RestartPolicy}}", "box").stdout
    assert json.loads(told) == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert "one or more flags" in tuidock("update", "box", code=1).stderr
    run(tuidock, "brief", "--rm")
    assert "AutoRemove" in tuidock("update", "--restart", "always", "brief", code=1).stderr


def test_a_policy_given_to_a_running_container_counts_when_it_ends(tuidock: Cli) -> None:
    """Seen to fail with `_follow_policy` taken out of `update`: nobody starts it again."""
    run(tuidock, "box", command=("sh", "-c", "echo up; sleep 1; exit 1"))
    tuidock("update", "--restart", "always", "box")
    until(lambda: tuidock("logs", "box").stdout.startswith("up\nup\n"))
    tuidock("stop", "-t", "0", "box")


def test_top_with_options_of_ps(tuidock: Cli) -> None:
    run(tuidock, "box", command=("sh", "-c", "sleep 61 & sleep 62; true"))
    until(lambda: len(tuidock("top", "box").stdout.splitlines()) == 4)
    assert tuidock("top", "box").stdout.split("\n")[0].split() == (
        "UID PID PPID C STIME TTY TIME CMD".split()
    )
    header, *rows = tuidock("top", "box", "-o", "pid,args").stdout.splitlines()
    assert header.split() == ["PID", "COMMAND"]
    assert {row.split(None, 1)[1] for row in rows} >= {"sleep 61", "sleep 62"}
    assert len(tuidock("top", "box", "aux").stdout.splitlines()) == 4
    refused = tuidock("top", "box", "-o", "cmd", code=1).stderr
    assert refused.startswith("tuidock: Couldn't find PID field in ps output")


def test_events_by_label_of_a_container_that_is_gone(tuidock: Cli) -> None:
    """Labels of `die`, which the monitor writes without, come from what was told before."""
    tuidock("run", "--rm", *NO_NETWORK, "--name", "one", "-l", "tier=db", "busybox", "true")
    tuidock("run", "--rm", *NO_NETWORK, "--name", "two", "-l", "tier=web", "busybox", "true")
    lines = tuidock(
        *("events", "--since", "1h", "--until", "0s", "--filter", "label=tier=db"),
        *("--filter", "type=container", "--format", "{{.Action}} {{.Actor.Attributes.name}}"),
    ).stdout.splitlines()
    assert lines == ["create one", "start one", "die one", "destroy one"]


def test_details_of_a_log_line_are_none(tuidock: Cli) -> None:
    tuidock("run", *NO_NETWORK, "--name", "box", "busybox", "sh", "-c", "echo a; echo b; echo c")
    assert tuidock("logs", "--details", "-n", "2", "box").stdout == " b\n c\n"
    stamped = tuidock("logs", "-t", "--details", "--tail", "1", "box").stdout
    assert re.fullmatch(r"\S+Z  c\n", stamped)
    assert tuidock("logs", "-n", "0", "box").stdout == ""
    assert tuidock("logs", "--until", "1h", "box").stdout == ""


def test_restart_does_not_remove_what_its_end_would(tuidock: Cli) -> None:
    """Seen to fail without `_trust_volatile`: the kernel refuses the overlay."""
    made = run(tuidock, "box", "--rm", command=("sh", "-c", "echo once >> /tmp/file; sleep 60"))
    for _ in range(3):
        tuidock("restart", "-t", "0", "box")
    until(lambda: tuidock("exec", "box", "cat", "/tmp/file").stdout == "once\n" * 4)
    assert tuidock("ps", "-q", "--no-trunc").stdout == f"{made}\n"
    tuidock("stop", "-t", "0", "box")
    until(lambda: tuidock("ps", "-aq").stdout == "")
