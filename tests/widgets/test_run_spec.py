"""What is typed in the run form is what the command line takes, and back again."""

from __future__ import annotations

import pytest

from tuidock.cli.parser import Parser
from tuidock.cli.verbs import run
from tuidock.engine.types import (
    ContainerSpec,
    Device,
    HealthCheck,
    Limits,
    LogLimits,
    Mount,
    Port,
    RestartPolicy,
)
from tuidock.widgets.run_flags import OF_A_CLIENT, YES, flags, groups, read
from tuidock.widgets.run_spec import command_line, values_of

EVERYTHING = ContainerSpec(
    image="debian",
    name="web",
    command=("sh", "-c", "echo 'hi there'"),
    entrypoint=("/entry",),
    env=("A=1", "B=two words", "C='"),
    labels=(("key", "value with = sign"), ("bare", "")),
    user="app:app",
    working_dir="/srv",
    hostname="box",
    tty=True,
    stdin=True,
    network="default",
    ports=(
        Port(80, "tcp", 8080),
        Port(53, "udp", 53, "127.0.0.1"),
        Port(443),
        Port(81, "tcp", 0, "127.0.0.1"),
        Port(82, "tcp", 9000, "", 9010),
    ),
    publish_all=True,
    mounts=(
        Mount("bind", "/srv", "/data", True, ("ro",)),
        Mount("bind", "/a b", "/with space", False, ("rslave",)),
        Mount("bind", "/co:lon", "/x"),
        Mount("tmpfs", "", "/run", False, ("size=1m",)),
    ),
    limits=Limits(
        memory=256 << 20,
        memory_swap=-1,
        memory_reservation=100_000_001,
        cpus=1.5,
        cpu_shares=512,
        cpuset_cpus="0-1",
        pids=100,
        blkio_weight=300,
        device_read_bps=(("/dev/sda", 1 << 20), ("/dev/sdb", 5)),
        device_write_iops=(("/dev/sda", 7),),
    ),
    read_only=True,
    cap_add=("NET_ADMIN",),
    cap_drop=("ALL",),
    security_opt=("no-new-privileges", "seccomp=/p.json"),
    privileged=True,
    userns="host",
    restart=RestartPolicy("on-failure", 3),
    stop_signal="INT",
    stop_timeout=2.5,
    shm_size=1 << 20,
    log=LogLimits(1 << 20, 5),
    add_hosts=(("db", "10.0.0.1"),),
    dns=("9.9.9.9",),
    oom_score_adj=-500,
    ulimits=(("nofile", 1024, 2048),),
    sysctls=(("net.ipv4.ip_forward", "1"),),
    init=True,
    devices=(Device("/dev/fuse", "/dev/fuse", "rw"),),
    device_rules=("c 188:* rwm",),
    groups=("audio", "99"),
    pid="host",
    ipc="container:db",
    uts="host",
    health=HealthCheck(("CMD-SHELL", "wget -q localhost"), 5.0, 1.0, 60.0, 2.0, 4, "restart"),
    runtime="crun",
)


def spec_of(**values: str) -> ContainerSpec:
    reading = read("debian", {name.replace("_", "-"): text for name, text in values.items()})
    assert reading.problems == {}
    assert reading.spec is not None
    return reading.spec


def problems_of(**values: str) -> dict[str, str]:
    reading = read("debian", {name.replace("_", "-"): text for name, text in values.items()})
    assert reading.spec is None
    return reading.problems


ALIASES = frozenset({"--net"})


def test_every_flag_of_the_command_line_is_in_one_group() -> None:
    """A new flag shows up under `More` until somebody puts it where it belongs."""
    listed = [name for _, names in groups() for name in names]
    assert sorted(listed) == sorted([*flags(), "command"])
    parser = Parser("run", "")
    run.arguments(parser)
    known = {word for action in parser._actions for word in action.option_strings}
    long = {word for word in known if word.startswith("--") and "=" not in word}
    assert long - ALIASES == {f"--{name}" for name in (*flags(), *OF_A_CLIENT)}
    assert "More" not in [title for title, _ in groups()]


def test_an_empty_form_asks_for_the_image_as_it_is() -> None:
    assert spec_of() == ContainerSpec("debian", network="default")


def test_a_spec_with_everything_comes_back_as_it_was() -> None:
    """No field of a spec is forgotten: each of them differs from its default here."""
    usual = ContainerSpec("debian")._asdict()
    alike = {name for name, value in EVERYTHING._asdict().items() if value == usual[name]}
    assert alike == {"image", "remove"}  # --rm does not go with --restart
    values = values_of(EVERYTHING)
    assert read("debian", values).spec == EVERYTHING
    assert values.keys() <= {*flags(), "command"}


@pytest.mark.parametrize(
    "spec",
    [
        ContainerSpec("debian", network="default", remove=True),
        ContainerSpec("debian", network="default", entrypoint=(), command=("ls",)),
        ContainerSpec("debian", network="host", health=HealthCheck(("NONE",))),
        ContainerSpec("debian", network="none", stdin=True, userns="keep-id"),
    ],
)
def test_rare_specs_come_back_too(spec: ContainerSpec) -> None:
    assert read("debian", values_of(spec)).spec == spec


def test_an_entrypoint_of_several_words_leads_the_command() -> None:
    spec = ContainerSpec("debian", entrypoint=("sh", "-c"), command=("ls /",))
    assert command_line(spec) == "tuidock run -d --entrypoint sh debian -c 'ls /'"


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("name", "-web", "no sign in front"),
        ("command", "sh -c 'open", "the words do not end"),
        ("env", "A='open", "the words do not end"),
        ("publish", "99999", "invalid containerPort: 99999"),
        ("volume", "data:/data", "named volume 'data' is not supported yet"),
        ("memory", "lots", "invalid size: 'lots'"),
        ("cpus", "two", "invalid number of CPUs: 'two'"),
        ("restart", "sometimes", "invalid restart policy 'sometimes'"),
        ("log_opt", "max-age=1", "unknown log opt 'max-age'"),
        ("health_on_failure", "pray", "invalid choice: 'pray'"),
        ("env_file", "/no/such/file", "No such file or directory"),
    ],
)
def test_what_the_command_line_says_is_said_beside_the_field(
    field: str, typed: str, words: str
) -> None:
    problems = problems_of(**{field: typed})
    assert list(problems) == [field.replace("_", "-")]
    assert words in next(iter(problems.values()))


def test_all_problems_are_told_at_once() -> None:
    assert problems_of(memory="lots", cpus="two").keys() == {"memory", "cpus"}


def test_fields_that_are_right_alone_and_wrong_together() -> None:
    assert "the network is host" in problems_of(publish="80", network="host")["publish"]
    assert "cannot be restarted" in problems_of(rm=YES, restart="always")["restart"]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({}, "debian"),
        ({"name": "web", "tty": YES, "interactive": YES}, "-it --name web debian"),
        ({"command": "sh -c 'a b'"}, "debian sh -c 'a b'"),
        ({"publish": "127.0.0.1:53:53/udp 80"}, "-p 127.0.0.1:53:53/udp -p 80 debian"),
        ({"env": "A='x y'"}, "-e 'A=x y' debian"),
        ({"oom-score-adj": "-5"}, "--oom-score-adj -5 debian"),
        ({"label": "-x=1"}, "--label=-x=1 debian"),
    ],
)
def test_the_command_line_of_a_form(values: dict[str, str], line: str) -> None:
    import shlex

    assert shlex.join(read("debian", values).words) == line
