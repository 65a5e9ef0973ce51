"""Seccomp profiles of docker's format: what they become, and that it means the same elsewhere."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from tests import root_only
from tests.runtime import filters
from tests.runtime.conftest import Box
from tests.waiting import until
from tuidock.engine.containers.runtimes import find
from tuidock.engine.errors import BadSpec
from tuidock.engine.runtime import client, profile, security
from tuidock.engine.runtime.bpf import compile_profile
from tuidock.engine.runtime.capabilities import ALL, DEFAULT
from tuidock.engine.runtime.foreign import PROGRAM
from tuidock.engine.runtime.syscalls import numbers

ALLOW, KILL, ENOSYS = 0x7FFF0000, 0x80000000, 0x50026
X86_64, I386 = 0xC000003E, 0x40000003
COMPARED = (
    "socket socketpair mbind move_pages keyctl add_key personality flock splice sync_file_range "
    "vmsplice"
).split()
NAMES = sorted(set(numbers("x86_64")) - {*COMPARED, "mount", "bpf", "swapon", "uselib", "tee"})
"""Enough for every runtime."""


def allow(*names: str, **more: Any) -> dict[str, Any]:
    return {"names": list(names), "action": "SCMP_ACT_ALLOW", **more}


def refuse(number: int, *names: str, **more: Any) -> dict[str, Any]:
    return {"names": list(names), "action": "SCMP_ACT_ERRNO", "errnoRet": number, **more}


def when(index: int, operator: str, value: int, second: int = 0) -> dict[str, Any]:
    return {"index": index, "op": f"SCMP_CMP_{operator}", "value": value, "valueTwo": second}


ARCHITECTURES = [
    {
        "architecture": "SCMP_ARCH_X86_64",
        "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    },
    {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
]
PROFILES: dict[str, dict[str, Any]] = {
    "a list of what is allowed": {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 38,
        "archMap": ARCHITECTURES,
        "syscalls": [allow(*NAMES), allow("ptrace", includes={"minKernel": "4.8"})],
    },
    "a list of what is refused": {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [
            refuse(13, "mkdir", "chmod"),
            refuse(95, "socket", args=[when(0, "EQ", 40)]),
            {"names": ["kexec_load"], "action": "SCMP_ACT_KILL_PROCESS"},
            {"names": ["acct"], "action": "SCMP_ACT_LOG"},
            {"names": ["swapon"], "action": "SCMP_ACT_TRAP"},
        ],
    },
    "every comparison": {
        "defaultAction": "SCMP_ACT_ERRNO",
        "archMap": ARCHITECTURES,
        "syscalls": [
            allow(*NAMES),
            allow("socket", args=[when(0, "EQ", 1)]),
            allow("socketpair", args=[when(0, "NE", 1 << 32)]),
            allow("mbind", args=[when(1, "LT", 5 << 32 | 7)]),
            allow("move_pages", args=[when(1, "LE", 5 << 32 | 7)]),
            allow("keyctl", args=[when(2, "GT", 5 << 32 | 7)]),
            allow("add_key", args=[when(2, "GE", 5 << 32 | 7)]),
            allow("personality", args=[when(0, "MASKED_EQ", 0xFF00FF, 0x20008)]),
            allow("flock", args=[when(0, "EQ", 1), when(1, "EQ", 2)]),
            allow("splice", args=[when(0, "EQ", 1), when(0, "EQ", 2), when(3, "GT", 9)]),
            allow("sync_file_range", args=[when(0, "EQ", 1)]),
            allow("sync_file_range", args=[when(1, "EQ", 1 << 40)]),
            refuse(22, "vmsplice", args=[when(0, "EQ", 1)]),
            allow("vmsplice"),
        ],
    },
}


def sample(generator: random.Random) -> int:
    """A value near what the profiles compare with."""
    base = generator.choice((0, 1, 2, 8, 9, 40, 7, 1 << 32, 5 << 32, 5 << 32 | 7, 1 << 40, 0x20008))
    return (base + generator.choice((-1, 0, 0, 1))) % 2**64


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the tables above are of x86_64")
@pytest.mark.root(root_only.FILTERS)
@pytest.mark.parametrize("name", PROFILES)
def test_it_means_what_it_means_to_crun(box: Box, tmp_path: Path, name: str) -> None:
    """The programs that the kernel holds are compared: ours, and libseccomp's under crun.

    Seen to fail when conditions on the same argument had to hold together, and when the first
    rule decided though a later one had no condition.
    """
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(PROFILES[name]))
    option = (f"seccomp={path}",)
    ours, theirs = (_filter(box, program, option) for program in ("", find("crun")))
    generator = random.Random(name)
    known = numbers("x86_64")
    ruled = {each for rule in PROFILES[name]["syscalls"] for each in rule["names"]}
    interesting = sorted(each for each in ruled if known[each] in _OLD)
    for number in filter(_OLD.__contains__, known.values()):
        assert filters.run(ours, X86_64, number) == filters.run(theirs, X86_64, number), number
    for _ in range(20000):
        call = known[generator.choice(interesting)]
        arguments = [sample(generator) for _ in range(6)]
        answers = [filters.run(each, X86_64, call, *arguments) for each in (ours, theirs)]
        assert answers[0] == answers[1], (call, arguments)
    if "archMap" in PROFILES[name]:
        for word, number in numbers("i386").items():
            if word not in (*_MULTIPLEXED, *COMPARED) and number in _OLD:
                assert filters.run(ours, I386, number) == filters.run(theirs, I386, number), word


_OLD = range(449)
"""Numbers that the libseccomp of 2022 knows; those of later ones it answers as unknown."""
_MULTIPLEXED = frozenset(("socketcall", "ipc"))
"""libseccomp lets a 32-bit `socketcall` pass for each call that it stands for, and cuts values to
32 bits there; ours does neither.
"""


def _filter(box: Box, program: str, option: tuple[str, ...]) -> bytes:
    container = box.create("sleep", "1000", security_opt=option)
    config = box.config(container)
    if program:
        config["annotations"][PROGRAM] = program
        with open(f"{box.layout.container(container)}/config.json", "w") as file:
            json.dump(config, file)
    client.start(box.layout, container, gate=False, attach=False).wait_started()
    pid = box.state(container).pid
    until(lambda: _command(pid) == "sleep")
    found = filters.of_process(pid)
    box.monitor(container).signal(9)
    box.monitor(container).wait(None)
    return found


def _command(pid: int) -> str:
    with open(f"/proc/{pid}/comm") as file:
        return file.read().strip()


def loaded(content: object, granted: frozenset[str], tmp_path: Path) -> dict[str, Any] | None:
    path = tmp_path / "profile.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return profile.load(str(path), granted)


@pytest.mark.parametrize(
    ("condition", "granted", "applies"),
    [
        ({}, DEFAULT, True),
        ({"includes": {"caps": ["CAP_SYS_ADMIN"]}}, DEFAULT, False),
        ({"includes": {"caps": ["CAP_SYS_ADMIN"]}}, frozenset(ALL), True),
        ({"excludes": {"caps": ["CAP_SYS_ADMIN"]}}, DEFAULT, True),
        ({"excludes": {"caps": ["CAP_SYS_ADMIN"]}}, frozenset(ALL), False),
        ({"includes": {"arches": ["s390", "s390x"]}}, DEFAULT, False),
        ({"includes": {"arches": ["amd64", "arm64"]}}, DEFAULT, True),
        ({"excludes": {"arches": ["amd64", "arm64"]}}, DEFAULT, False),
        ({"includes": {"minKernel": "4.8"}}, DEFAULT, True),
        ({"includes": {"minKernel": "99.0"}}, DEFAULT, False),
        ({"excludes": {"minKernel": "4.8"}}, DEFAULT, False),
        ({"includes": None, "excludes": None, "args": None}, DEFAULT, True),
    ],
)
def test_conditions_of_a_rule(
    tmp_path: Path, condition: dict[str, Any], granted: frozenset[str], applies: bool
) -> None:
    content = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [allow("mount", **condition)]}
    found = loaded(content, granted, tmp_path)
    assert found
    assert [rule["names"] for rule in found["syscalls"]] == [["mount"]] * applies


def test_other_ways_to_write_it(tmp_path: Path) -> None:
    """The old `name`, and errnos by name as in podman's profiles."""
    content = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrno": "ENOSYS",
        "syscalls": [
            {"name": "read", "action": "SCMP_ACT_ALLOW"},
            {"names": ["bpf"], "action": "SCMP_ACT_ERRNO", "errno": "EINVAL"},
        ],
    }
    found = loaded(content, DEFAULT, tmp_path)
    assert found
    assert found["defaultErrnoRet"] == 38
    assert found["syscalls"][0] == {"names": ["read"], "action": "SCMP_ACT_ALLOW"}
    assert found["syscalls"][1]["errnoRet"] == 22
    assert loaded({}, DEFAULT, tmp_path) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "Decoding seccomp profile failed"),
        ("[]", "Decoding seccomp profile failed"),
        ({"defaultAction": "SCMP_ACT_MAYBE"}, "SCMP_ACT_MAYBE"),
        ({"defaultAction": "SCMP_ACT_NOTIFY"}, "not supported"),
        ({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["X"]}, "flags"),
        ({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": -1}, "no errno"),
        ({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_KILL"}]}, "names"),
        (
            {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [allow("read", name="read")]},
            "both 'name' and 'names'",
        ),
        (
            {
                "defaultAction": "SCMP_ACT_ALLOW",
                "architectures": ["SCMP_ARCH_X86"],
                "archMap": ARCHITECTURES,
            },
            "both 'architectures' and 'archMap'",
        ),
        (
            {
                "defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [allow("read", args=[when(6, "EQ", 0)])],
            },
            "no condition",
        ),
        (
            {
                "defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [allow("read", args=[when(0, "EQ", -1)])],
            },
            "no value",
        ),
        (
            {
                "defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [refuse(1, "read", args=[when(0, "EQ", n)]) for n in range(2000)],
            },
            "more instructions",
        ),
        (" " * (1 << 20) + "{}", "larger than"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: object, words: str) -> None:
    with pytest.raises(BadSpec, match=words):
        loaded(content, DEFAULT, tmp_path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadSpec, match="no such file"):
        profile.load(str(tmp_path / "none"), DEFAULT)


def test_calls_that_no_table_knows() -> None:
    """Those of the x32 set are never allowed: they are the same calls by other numbers."""
    for action, answer in (("SCMP_ACT_ALLOW", ALLOW), ("SCMP_ACT_ERRNO", ENOSYS)):
        program = compile_profile(
            {"defaultAction": action, "architectures": ["SCMP_ARCH_X86_64"], "syscalls": []}
        )
        assert filters.run(program, X86_64, 700) == answer
        assert filters.run(program, X86_64, 0x40000000 + 59) == ENOSYS
        assert filters.run(program, I386, 3) == KILL


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ((), security.Security()),
        (("no-new-privileges",), security.Security(no_new_privileges=True)),
        (("no-new-privileges:true",), security.Security(no_new_privileges=True)),
        (("no-new-privileges=true", "no-new-privileges=false"), security.Security()),
        (("seccomp=unconfined",), security.Security(seccomp="unconfined")),
        (("seccomp:/a:b=c",), security.Security(seccomp="/a:b=c")),
        (("seccomp=builtin",), security.Security(seccomp="default")),
        (("systempaths=unconfined",), security.Security(system_paths=False)),
        (("label=disable", "label:disable", "apparmor=unconfined"), security.Security()),
    ],
)
def test_options(options: tuple[str, ...], found: security.Security) -> None:
    assert security.parse(options) == found


@pytest.mark.parametrize(
    "option",
    [
        *("nonsense", "no-new-privileges=maybe", "seccomp", "seccomp=", "systempaths=confined"),
        *("label=nonsense", "apparmor", "writable-cgroups=true", "unmask=ALL"),
    ],
)
def test_unknown_options(option: str) -> None:
    with pytest.raises(BadSpec):
        security.parse((option,))


def test_a_profile_that_somebody_insists_on(tmp_path: Path, monkeypatch: Any) -> None:
    """Where the host has AppArmor or SELinux, a name that we would not apply is refused."""
    present = tmp_path / "enabled"
    present.write_text("Y\n")
    assert security.parse(("apparmor=mine", "label=type:mine_t")) == security.Security()
    monkeypatch.setattr(security, "_APPARMOR", str(present))
    monkeypatch.setattr(security, "_SELINUX", str(present))
    for option in ("apparmor=mine", "label=type:mine_t"):
        with pytest.raises(BadSpec, match="containers here have none"):
            security.parse((option,))
    assert security.parse(("apparmor=unconfined", "label=disable")) == security.Security()
