"""The compiled seccomp filter, run by a small BPF machine, means what the profile says."""

from __future__ import annotations

import pytest

from tests.runtime.filters import run
from tuidock.engine.runtime import seccomp
from tuidock.engine.runtime.bpf import compile_profile
from tuidock.engine.runtime.capabilities import ALL, DEFAULT
from tuidock.engine.runtime.syscalls import numbers

ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x50001, 0x50026
X86_64, I386, AARCH64 = 0xC000003E, 0x40000003, 0xC00000B7


@pytest.fixture(scope="module")
def usual() -> bytes:
    profile = seccomp.profile(DEFAULT, "x86_64")
    assert profile
    return compile_profile(profile)


def call(program: bytes, name: str, *arguments: int) -> int:
    return run(program, X86_64, numbers("x86_64")[name], *arguments)


@pytest.mark.parametrize(
    "name", "read execve ptrace openat2 futex_waitv chroot mseal statmount io_submit".split()
)
def test_ordinary_calls_pass(usual: bytes, name: str) -> None:
    assert call(usual, name) == ALLOW


@pytest.mark.parametrize(
    "name",
    "keyctl add_key bpf mount umount2 kexec_load init_module pivot_root setns unshare reboot "
    "perf_event_open userfaultfd io_uring_setup open_by_handle_at fsopen move_mount swapon "
    "clock_settime iopl acct mbind pidfd_getfd sethostname".split(),
)
def test_calls_that_need_a_capability_or_nobody_needs(usual: bytes, name: str) -> None:
    assert call(usual, name) == EPERM


def test_what_is_unknown_does_not_exist(usual: bytes) -> None:
    """Fails when the default answers it: glibc falls back on ENOSYS only."""
    assert call(usual, "clone3") == ENOSYS
    for number in (470, 1000, 0x40000000, 0x40000000 + 59, 2**32 - 1):
        assert run(usual, X86_64, number) == ENOSYS


def test_new_namespaces(usual: bytes) -> None:
    assert call(usual, "clone", 0x11) == ALLOW
    assert call(usual, "clone", 0x3D0F00) == ALLOW
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert call(usual, "clone", flag | 17) == EPERM


def test_arguments_are_compared_as_64_bits(usual: bytes) -> None:
    """Fails when only the low half is looked at: 2**32 is no personality."""
    assert call(usual, "personality", 0x20008) == ALLOW
    assert call(usual, "personality", 0xFFFFFFFF) == ALLOW
    assert call(usual, "personality", 1 << 32) == EPERM
    assert call(usual, "personality", 0x40000) == EPERM


@pytest.mark.parametrize(
    ("family", "answer"),
    [
        (1, ALLOW),
        (2, ALLOW),
        (10, ALLOW),
        (16, ALLOW),
        (44, ALLOW),
        (38, EPERM),
        (39, EPERM),
        (40, EPERM),
        (30, EPERM),
        (1 << 32 | 1, ALLOW),
        (1 << 32 | 40, EPERM),
        (1 << 32 | 38, EPERM),
    ],
)
def test_socket_families(usual: bytes, family: int, answer: int) -> None:
    """Seen to fail when all 64 bits were compared: the kernel takes 32, so 2**32 + 40 was vsock."""
    assert call(usual, "socket", family) == answer


def test_thirty_two_bit_programs(usual: bytes) -> None:
    """Fails without the second architecture; its numbers are others."""
    table = numbers("i386")
    assert run(usual, I386, table["read"]) == ALLOW
    assert run(usual, I386, table["mount"]) == EPERM
    assert run(usual, I386, table["clone3"]) == ENOSYS


def test_a_foreign_architecture_is_killed(usual: bytes) -> None:
    assert run(usual, AARCH64, 0) == KILL


def test_every_call_gets_the_answer_of_the_profile(usual: bytes) -> None:
    """The binary search against the plain list, number by number."""
    refused = seccomp.refused(DEFAULT)
    for name, number in numbers("x86_64").items():
        if name not in ("clone", "clone3", "personality", "socket"):
            assert run(usual, X86_64, number) == (EPERM if name in refused else ALLOW), name


def test_capabilities_unlock_their_calls() -> None:
    profile = seccomp.profile(ALL, "x86_64")
    assert profile
    program = compile_profile(profile)
    for name in "mount bpf clone3 unshare reboot init_module".split():
        assert call(program, name) == ALLOW
    assert call(program, "clone", 0x10000000) == ALLOW
    assert call(program, "kexec_load") == EPERM


def test_aarch64() -> None:
    profile = seccomp.profile(DEFAULT, "aarch64")
    assert profile
    program = compile_profile(profile)
    assert run(program, AARCH64, 63) == ALLOW  # read
    assert run(program, AARCH64, 40) == EPERM  # mount
    assert run(program, X86_64, 0) == KILL


def test_a_machine_without_tables_has_no_profile() -> None:
    assert seccomp.profile(DEFAULT, "riscv64") is None


def test_tables_agree_with_known_numbers() -> None:
    known = {
        "x86_64": {"read": 0, "execve": 59, "clone3": 435, "landlock_create_ruleset": 444},
        "i386": {"read": 3, "execve": 11, "socketcall": 102},
        "aarch64": {"read": 63, "execve": 221, "openat2": 437},
    }
    for machine, calls in known.items():
        assert {name: numbers(machine)[name] for name in calls} == calls
