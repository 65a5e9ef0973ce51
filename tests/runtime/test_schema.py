"""Every `config.json` is valid against the runtime-spec's own JSON schema."""

from __future__ import annotations

import functools
import json
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

from tuidock.engine.containers.healthcheck import as_annotations
from tuidock.engine.layout import Layout
from tuidock.engine.linux.userns import Maps, Range
from tuidock.engine.runtime.capabilities import ALL, available
from tuidock.engine.runtime.spec import exec_process, oci_config
from tuidock.engine.types import (
    ContainerSpec,
    Device,
    ExecSpec,
    HealthCheck,
    Limits,
    Mount,
    RestartPolicy,
)

SCHEMAS = f"{os.path.dirname(__file__)}/../data/runtime-spec"
ID = "c" * 64


@functools.cache
def schema(name: str) -> Any:
    with open(f"{SCHEMAS}/{name}") as file:
        return json.load(file)


def retrieve(name: str) -> Any:
    return DRAFT4.create_resource(schema(os.path.basename(name)))


@functools.cache
def validator() -> Draft4Validator:
    return Draft4Validator(schema("config-schema.json"), registry=Registry(retrieve=retrieve))


def check(config: dict[str, Any]) -> None:
    """As it is after the way to the disk and back."""
    found = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in validator().iter_errors(json.loads(json.dumps(config)))
    ]
    assert not found, "\n".join(found)


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True)
paths = st.from_regex(r"(/[a-z]{1,6}){1,3}", fullmatch=True)
variables = st.builds("{}={}".format, names, words)
maybe_size = st.none() | st.integers(1 << 20, 1 << 44)
limits = st.builds(
    Limits,
    memory=maybe_size,
    memory_swap=st.none() | st.just(-1),
    memory_reservation=maybe_size,
    memory_high=maybe_size,
    cpus=st.none() | st.floats(0.01, 64),
    cpu_shares=st.none() | st.integers(2, 262144),
    cpuset_cpus=st.none() | st.just("0-1,3"),
    pids=st.none() | st.integers(-1, 10000),
    blkio_weight=st.none() | st.integers(10, 1000),
    # These name devices of this machine.
    device_read_bps=st.none(),
    device_write_bps=st.none(),
    device_read_iops=st.none(),
    device_write_iops=st.none(),
)
mounts = st.builds(Mount, st.just("bind"), paths, paths, st.booleans(), st.just(())) | st.builds(
    Mount, st.just("tmpfs"), st.just(""), paths, st.booleans(), st.just(("size=1m",))
)
HERE = available(list(ALL), ())
soft_and_hard = st.sampled_from(((1, 1), (1, 9), (1, -1), (-1, -1)))
ulimits = st.builds(
    lambda name, values: (name, *values), st.sampled_from(("nofile", "core")), soft_and_hard
)
asked = {
    "image": words,
    "name": names,
    "env": st.lists(variables, max_size=3).map(tuple),
    "user": st.none() | st.sampled_from(("", "0", "web", "33:34", "4294967295")),
    "working_dir": st.none() | paths,
    "hostname": st.sampled_from(("", "here")),
    "tty": st.booleans(),
    "stdin": st.booleans(),
    "network": st.sampled_from(("bridge", "host", "none")),
    "mounts": st.lists(mounts, max_size=3).map(tuple),
    "limits": limits,
    "remove": st.booleans(),
    "read_only": st.booleans(),
    "cap_add": st.lists(st.sampled_from(("ALL", *HERE)), max_size=2).map(tuple),
    "cap_drop": st.lists(st.sampled_from(("ALL", *HERE)), max_size=2).map(tuple),
    "security_opt": st.lists(
        st.sampled_from(("no-new-privileges", "seccomp=unconfined")), max_size=2
    ).map(tuple),
    "privileged": st.booleans(),
    "init": st.booleans(),
    "groups": st.lists(st.sampled_from(("29", "video")), max_size=2).map(tuple),
    "device_rules": st.lists(st.just("c 188:* rwm"), max_size=1).map(tuple),
    "restart": st.just(RestartPolicy("always")),
    "oom_score_adj": st.integers(-1000, 1000),
    "ulimits": st.lists(ulimits, max_size=2).map(tuple),
    "sysctls": st.lists(st.just(("kernel.msgmax", "65536")), max_size=1).map(tuple),
    "health": st.sampled_from((HealthCheck(), HealthCheck(("CMD-SHELL", "true"), interval=1.5))),
}
defaults = {key: st.just(value) for key, value in ContainerSpec._field_defaults.items()}
specs = st.builds(ContainerSpec, **(defaults | asked))
maps = st.sampled_from((None, Maps((Range(0, 1000, 1),), (Range(0, 1000, 1),))))


@settings(max_examples=100, deadline=None)
@given(specs, st.sampled_from((0, 0x10000000)), maps, st.lists(words, min_size=1, max_size=3))
def test_whatever_is_asked_is_valid(
    spec: ContainerSpec, uid_base: int, own: Maps | None, command: list[str]
) -> None:
    """Fails for a boolean in `annotations`, a float in `cpu.quota`, a user that is a name."""
    image = {"Env": ["A=1"], "WorkingDir": "/w", "User": "web", "Labels": {"a": "b"}}
    here = Layout("/r", "/run")
    image_config = {"config": image}
    config = oci_config(here, ID, spec, image_config, command, uid_base, ["a" * 64], "n", own)
    config["annotations"] |= as_annotations(spec.health, image)
    check(config)


@pytest.mark.parametrize(
    "asked",
    [
        {"devices": (Device("/dev/null", "/dev/nothing", "rwm"),)},
        {"device_rules": ("c 188:* rwm",)},
        {"groups": ("29", "44")},
        {"pid": "host"},
        {"ipc": "host"},
        {"uts": "host"},
        {"init": True},
        {"userns": "host"},
    ],
)
def test_so_is_what_touches_the_host(asked: dict[str, Any]) -> None:
    here = Layout("/r", "/run")
    spec = ContainerSpec("test", **asked)
    check(oci_config(here, ID, spec, {}, ["true"], 0, ["a" * 64]))


def test_the_schema_would_refuse_another_shape() -> None:
    """The judge is awake, also in the files that the first one points to."""
    here = Layout("/r", "/run")
    for path, value in (
        (("linux", "resources", "memory"), {"limit": "64m"}),
        (("linux", "namespaces"), [{"type": "wings"}]),
        (("process", "args"), "sh"),
        (("annotations",), {"a": True}),
    ):
        config = oci_config(here, ID, ContainerSpec("test"), {}, ["true"], 0, ["a" * 64])
        place = functools.reduce(dict.__getitem__, path[:-1], config)
        place[path[-1]] = value
        with pytest.raises(AssertionError):
            check(config)


def test_the_process_of_a_further_command_is_one() -> None:
    """`runtime exec --process` reads it. A user by name is none: crun and runc know numbers."""
    config = oci_config(
        Layout("/r", "/run"), ID, ContainerSpec("test"), {}, ["true"], 0, ["a" * 64]
    )
    process = exec_process(config, ExecSpec(("id",), tty=True, privileged=True))
    check(config | {"process": process | {"user": {"uid": 0, "gid": 0}}})
