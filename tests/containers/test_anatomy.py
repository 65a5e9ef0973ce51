"""The anatomy of real containers of many kinds: nothing without words, nothing but the truth."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import root_only
from tests.runtime.conftest import collect
from tests.waiting import until
from tuidock.anatomy_lines.sections import SECTIONS, items
from tuidock.anatomy_words import known
from tuidock.engine.anatomy import AHEAD, Anatomy, Batch, Birth, Living, Step
from tuidock.engine.containers.anatomy.record import parts
from tuidock.engine.core import Core
from tuidock.engine.errors import RuntimeFailure, WrongStatus
from tuidock.engine.types import Container, ContainerSpec, Device, Limits, Mount, Port, Status

MIB = 1024 * 1024
SLEEP = ("sleep", "1000")
KINDS: dict[str, dict[str, Any]] = {
    "default": {},
    "bridge": {"network": "bridge", "ports": (Port(80),)},
    "host network": {"network": "host"},
    "privileged": {"privileged": True},
    "no capabilities": {"cap_drop": ("ALL",), "security_opt": ("no-new-privileges",)},
    "no filter": {"security_opt": ("seccomp=unconfined", "systempaths=unconfined")},
    "another user": {"user": "app", "working_dir": "/made/anew", "groups": ("audio",)},
    "read-only with memory": {"read_only": True, "mounts": (Mount("tmpfs", "", "/scratch"),)},
    "terminal": {"tty": True, "stdin": True, "init": True},
    "settings": {"sysctls": (("net.ipv4.ip_default_ttl", "50"),), "hostname": "box",
                 "ulimits": (("nofile", 512, 1024),), "oom_score_adj": 500},
    "a volume": {"mounts": (Mount("bind", "/etc", "/data", readonly=True),)},
}  # fmt: skip
FOR_ROOT: dict[str, dict[str, Any]] = {
    "host ids": {"userns": "host"},
    "a device": {"devices": (Device("/dev/zero", "/dev/mine"),)},
    "limits": {"limits": Limits(memory=64 * MIB, cpus=0.5, pids=20, cpu_shares=512)},
    "another runtime": {"runtime": "crun"},
}
EVERY = [
    *(pytest.param(asked, id=name) for name, asked in KINDS.items()),
    *(
        pytest.param(asked, id=name, marks=pytest.mark.root(root_only.RUNTIMES))
        for name, asked in FOR_ROOT.items()
    ),
]


def born(core: Core, name: str = "one", **asked: Any) -> Container:
    spec = ContainerSpec("busybox", name, SLEEP, **{"network": "none", **asked})
    core.containers.create(spec)
    core.containers.start(name)
    return core.containers.get(name)


def looked_into(core: Core, key: str) -> tuple[Anatomy, Living]:
    """Once the starter has written its record down."""
    until(lambda: not core.containers.anatomy(key).birth.unread)
    return core.containers.anatomy(key), core.containers.living(key)


def namespaces_made(anatomy: Anatomy) -> set[str]:
    """In its birth. What was made ahead of time counts only where it was used."""
    kinds = [step.kind for step in steps(anatomy.birth)]
    found = [kind.removeprefix("namespace.") for kind in kinds if kind.startswith("namespace.")]
    assert len(set(found)) == len(found)
    return set(found)


def steps(birth: Birth) -> Iterator[Step]:
    for part in birth.parts:
        for batch in part.batches:
            yield from batch.steps


def one_sentence(words: str) -> bool:
    """What it is for, and what would happen without it."""
    return "; without " in words and words.endswith(".") and ". " not in words


@pytest.mark.parametrize("asked", EVERY)
def test_no_line_is_without_its_sentence(core: Core, asked: dict[str, Any]) -> None:
    """And no step of a birth is one that there is no name for."""
    it = born(core, **asked)
    anatomy, living = looked_into(core, it.id)
    lines = items(it, anatomy, living, {}, "")
    assert [each.key for each in lines if each.depth == 0] == list(SECTIONS)
    assert [each for each in lines if each.depth > 0 and not one_sentence(each.words)] == []
    assert [step for step in steps(anatomy.birth) if not known(step.kind)] == []
    assert [step for step in steps(anatomy.birth) if step.kind == "call"] == []
    unread = {section for section, why in living.unread if why}
    assert unread <= ({"cgroup"} if os.geteuid() else set()), living.unread
    if not asked.get("runtime"):
        assert namespaces_made(anatomy) == {each.name for each in living.namespaces if each.own}


def test_the_birth_is_what_was_really_done(core: Core) -> None:
    """Compared with what the kernel says of the container. Fails when the record is made from the
    configuration: that names paths to mask which this kernel does not have.
    """
    it = born(core, mounts=(Mount("bind", "/etc", "/data", readonly=True),))
    anatomy, living = looked_into(core, it.id)
    found = list(steps(anatomy.birth))
    masked = {each.target for each in living.mounts if each.kind == "mask"}
    assert masked == {step.text.removeprefix("mask ") for step in found if step.kind == "mask"}
    assert masked < set(anatomy.masked)
    (dropped,) = [step for step in found if step.kind == "capabilities.bounding"]
    assert living.privileges
    named = [call for call in dropped.calls if "PR_CAPBSET_DROP" in call]
    assert len(named) >= len(living.privileges.dropped) > 0
    assert all(any(name in call for call in named) for name in living.privileges.dropped)
    assert any("PR_SET_SECCOMP" in call for step in found for call in step.calls)
    assert any(step.text == "bind /etc to /data" for step in found)


def test_the_parts_of_a_birth_come_in_order_and_end_with_the_command(core: Core) -> None:
    it = born(core)
    birth = looked_into(core, it.id)[0].birth
    names = [part.name for part in birth.parts if part.name != AHEAD]
    assert names[0] == "make the cgroup"
    assert names[-1] == "become the command"
    assert 0 < birth.seconds < 60
    inside = sum(batch.seconds or 0 for part in birth.parts[-1:] for batch in part.batches)
    assert inside <= birth.parts[-1].seconds
    last = birth.parts[-1].batches[-1].steps[-1]
    assert (last.kind, last.text) == ("exec", "execve(sleep 1000)")
    times = [step.at for step in steps(birth) if step.at is not None]
    assert times == sorted(times)


@pytest.mark.root(root_only.BRIDGE)
def test_the_network_is_timed_by_who_wires_it(core: Core) -> None:
    """Fails when the laps of `Network.connect` do not reach the record."""
    ports = (*(Port(at, host_port=34000 + at) for at in range(1, 701)), Port(900, "udp"))
    birth = looked_into(core, born(core, network="bridge", ports=ports).id)[0].birth
    (gate,) = [part for part in birth.parts if part.name == "wait for the network"]
    told = [step.text for batch in gate.batches for step in batch.steps]
    assert "wait until packets pass" in told
    assert "*:34001-34700/tcp leads to 1-700" in told, "1,000 lines would be too long a message"
    assert all(batch.seconds is not None and batch.seconds > 0 for batch in gate.batches)
    begun = [step.at for batch in gate.batches for step in batch.steps if step.at is not None]
    assert len(begun) == len(told)
    assert begun == sorted(begun)
    assert 0 < begun[0] < birth.seconds, "after the first part began, while the root was furnished"


def test_records_of_older_versions_can_be_read() -> None:
    """Their networks were told in words alone; a launcher may be older than its client, too."""
    begin, end = [0, "part", "wait for the network"], [9_000_000, "part", ""]
    (words,) = parts([begin, [5_000_000, "network", "bring eth0 up in the container"], end])
    assert words.batches == (
        Batch(None, (Step("network.up", "bring eth0 up in the container", None),)),
    )
    (timed,) = parts(
        [begin, [5_000_000, "network", [10**12, 10**12 + 2_000_000, ["give it"]]], end]
    )
    assert timed.batches == (Batch(0.002, (Step("network.address", "give it", None),)),)


@pytest.mark.root(root_only.LIMITS)
def test_limits_are_files_that_were_written_and_are_read_again(core: Core) -> None:
    it = born(core, limits=Limits(memory=64 * MIB))
    anatomy, living = looked_into(core, it.id)
    values = {each.name: each.value for each in living.cgroup}
    assert str(64 * MIB) in (values.get("memory.max"), values.get("memory.limit_in_bytes"))
    written = [step.text for step in steps(anatomy.birth) if step.kind == "cgroup.file"]
    assert any(text.endswith(f"← {64 * MIB}") for text in written)
    core.containers.update(it.id, Limits(memory=32 * MIB))
    values = {each.name: each.value for each in core.containers.living(it.id).cgroup}
    assert str(32 * MIB) in (values.get("memory.max"), values.get("memory.limit_in_bytes"))


def test_inside_and_outside_are_told_apart(core: Core) -> None:
    it = born(core, user="app")
    _, living = looked_into(core, it.id)
    first = living.members[0]
    assert (first.pid, first.inside) == (it.pid, 1)
    assert (first.uid_inside, first.name, first.command) == (1234, "app", "sleep 1000")
    assert first.uid == os.stat(f"/proc/{it.pid}").st_uid != first.uid_inside
    (mapped,) = [each for each in living.ids if each.name == "uid" and each.inside <= 1234][-1:]
    assert mapped.outside + 1234 - mapped.inside == first.uid
    assert living.privileges
    assert living.privileges.effective == ()


def test_names_come_from_the_image_alone(core: Core, tmp_path: Path) -> None:
    """Not from a file system that the container may have mounted there and never answers for.
    Fails without RESOLVE_NO_XDEV.
    """
    (tmp_path / "passwd").write_text("mine:x:1234:1235::/:/bin/sh\n")
    mount = Mount("bind", str(tmp_path / "passwd"), "/etc/passwd")
    it = born(core, user="1234:1235", mounts=(mount,))
    first = looked_into(core, it.id)[1].members[0]
    assert (first.uid_inside, first.name) == (1234, "")


@pytest.mark.root(root_only.PROCESSES)
def test_a_shared_namespace_is_told_by_whose_it_is(core: Core) -> None:
    other = born(core, "other")
    one = born(core, "one", pid=f"container:{other.id}")
    anatomy, living = looked_into(core, one.id)
    shared = {each.name: each.shared_with for each in living.namespaces if each.shared_with}
    assert shared == {"pid": ("other",), "user": ("other",)}
    assert any(step.kind == "join" for step in steps(anatomy.birth))
    own = {each.name for each in living.namespaces if each.own and not each.shared_with}
    assert namespaces_made(anatomy) == own


def test_the_birth_of_a_dead_container_can_be_read(core: Core) -> None:
    it = born(core)
    before, _ = looked_into(core, it.id)
    core.containers.kill(it.id)
    core.containers.wait(it.id)
    assert core.containers.anatomy(it.id).birth == before.birth
    with pytest.raises(WrongStatus):
        core.containers.living(it.id)


def test_a_birth_that_failed_can_be_read_up_to_where_it_failed(core: Core) -> None:
    core.containers.create(ContainerSpec("busybox", "one", ("nothing",), network="none"))
    with pytest.raises(RuntimeFailure):
        core.containers.start("one")
    it = core.containers.get("one")
    assert it.status is Status.EXITED
    found = [step.kind for step in steps(core.containers.anatomy(it.id).birth)]
    assert "command.look" in found
    assert "exec" not in found


def test_a_start_is_worth_more_than_its_record(core: Core) -> None:
    """Fails when `open_record` raises: who is attached then loses the line."""
    spec = ContainerSpec("busybox", "one", ("echo", "hello"), network="none")
    it = core.containers.create(spec)
    os.mkdir(core.layout.birth_file(it.id))
    assert collect(core.containers.start_attached(it.id))["stdout"] == b"hello\n"
    assert "Is a directory" in core.containers.anatomy(it.id).birth.unread


def test_what_was_never_started_says_so(core: Core) -> None:
    it = core.containers.create(ContainerSpec("busybox", "one", SLEEP, network="none"))
    anatomy = core.containers.anatomy(it.id)
    assert anatomy.birth.parts == ()
    assert "never started" in anatomy.birth.unread
    lines = items(it, anatomy, None, {}, "It never ran")
    assert [each for each in lines if each.depth > 0 and not each.words] == []


def test_layers_are_counted_by_who_has_them(core: Core) -> None:
    one = born(core)
    born(core, "two")
    own, image = core.containers.anatomy(one.id).layers
    assert (own.key, own.containers) == ("", 1)
    assert (image.images, image.containers) == (1, 2)
    assert image.size > MIB
