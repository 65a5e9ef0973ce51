"""Which devices a cgroup may use, and the eBPF program that says so on v2.

OCI's `linux.resources.devices` is a list of rules, applied one after the other as cgroup v1
does it (Documentation/admin-guide/cgroup-v1/devices.rst). What is left of them in the end is
either nothing or everything, with exceptions; both drivers enforce that, and thereby the same.
"""

from __future__ import annotations

import struct

from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

ANY = -1


class Numbers(NamedTuple):
    """Whom an exception is about."""

    kind: str
    """`b` or `c`."""
    major: int
    minor: int

    def __str__(self) -> str:
        """As devices.allow and devices.deny of v1 have it."""
        major, minor = ("*" if n == ANY else str(n) for n in (self.major, self.minor))
        return f"{self.kind} {major}:{minor}"


class Permitted(NamedTuple):
    """What holds after all rules."""

    everything: bool
    """What holds for a device without exception."""
    exceptions: Mapping[Numbers, frozenset[str]]
    """Of `r`, `w` and `m`: what is refused if everything is permitted, else what is permitted."""


EVERYTHING = Permitted(True, {})


def settle(rules: Iterable[Mapping[str, Any]]) -> Permitted:
    """What the rules come to, from a cgroup that permits everything, as a new one does."""
    everything = True
    exceptions: dict[Numbers, frozenset[str]] = {}
    for rule in rules:
        access = frozenset(rule.get("access") or "rwm")
        kinds = "bc" if rule.get("type", "a") == "a" else rule["type"]
        major, minor = (_number(rule.get(name)) for name in ("major", "minor"))
        if (kinds, major, minor, len(access)) == ("bc", ANY, ANY, 3):
            everything, exceptions = rule["allow"], {}
            continue
        for kind in kinds:
            numbers = Numbers(kind, major, minor)
            had = exceptions.pop(numbers, frozenset())
            left = had - access if rule["allow"] == everything else had | access
            if left:
                exceptions[numbers] = left
    return Permitted(everything, exceptions)


def _number(asked: int | None) -> int:
    return ANY if asked is None else asked


# --- the program --------------------------------------------------------------------------------

# struct bpf_cgroup_dev_ctx: access << 16 | kind, major, minor
_KINDS = {"b": 1, "c": 2}
_ACCESS = {"m": 1, "r": 2, "w": 4}
_ALL_ACCESS = 7
_KIND, _ASKED, _MAJOR, _MINOR, _SCRATCH = 2, 3, 4, 5, 6
"""Registers."""
_LOAD = 0x61
_COPY, _SET = 0xBF, 0xB7
_AND, _SHIFT_RIGHT = 0x57, 0x77
_UNLESS_EQUAL, _IF_EQUAL = 0x55, 0x15
_EXIT = 0x95


def program(permitted: Permitted) -> bytes:
    """A BPF_PROG_TYPE_CGROUP_DEVICE program: 1 in r0 permits what was asked."""
    code = [
        _instruction(_LOAD, _KIND, 1, 0),
        _instruction(_COPY, _ASKED, _KIND),
        _instruction(_AND, _KIND, value=0xFFFF),
        _instruction(_SHIFT_RIGHT, _ASKED, value=16),
        _instruction(_LOAD, _MAJOR, 1, 4),
        _instruction(_LOAD, _MINOR, 1, 8),
    ]
    for numbers, access in permitted.exceptions.items():
        code += _exception(numbers, access, everything=permitted.everything)
    return b"".join(code + _answer(permitted=permitted.everything))


def _exception(numbers: Numbers, access: frozenset[str], *, everything: bool) -> list[bytes]:
    """Answer, if it is about what was asked; else fall through to the next one."""
    bits = sum(_ACCESS[each] for each in access)
    tests = [(_UNLESS_EQUAL, _KIND, _KINDS[numbers.kind])]
    tests += [(_UNLESS_EQUAL, _MAJOR, numbers.major)] * (numbers.major != ANY)
    tests += [(_UNLESS_EQUAL, _MINOR, numbers.minor)] * (numbers.minor != ANY)
    answer = _answer(permitted=not everything)
    mask: list[bytes] = []
    if bits != _ALL_ACCESS:
        # To be permitted, nothing beyond may be asked; to be refused, a part is enough.
        wanted, way = (bits, _IF_EQUAL) if everything else (_ALL_ACCESS & ~bits, _UNLESS_EQUAL)
        mask = [
            _instruction(_COPY, _SCRATCH, _ASKED),
            _instruction(_AND, _SCRATCH, value=wanted),
            _instruction(way, _SCRATCH, offset=len(answer), value=0),
        ]
    jumps = []
    for number, (way, register, value) in enumerate(tests):
        rest = len(tests) - number - 1 + len(mask) + len(answer)
        jumps.append(_instruction(way, register, offset=rest, value=value))
    return jumps + mask + answer


def _answer(*, permitted: bool) -> list[bytes]:
    return [_instruction(_SET, 0, value=int(permitted)), _instruction(_EXIT)]


def _instruction(
    code: int, target: int = 0, source: int = 0, offset: int = 0, value: int = 0
) -> bytes:
    return struct.pack("=BBhi", code, source << 4 | target, offset, value)
