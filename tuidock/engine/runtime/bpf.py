"""From an OCI `linux.seccomp` object to the program that the kernel runs at every system call.

Numbers with the same answer are neighbours mostly, so a binary search over ranges decides in
about six comparisons. Rules of one call mean what libseccomp, which other runtimes use, makes of
them. Invariant: a call of an architecture that the profile does not know is never allowed.
"""

from __future__ import annotations

import struct

from tuidock.engine.runtime.seccomp import ENOSYS, EPERM, TABLES
from tuidock.engine.runtime.syscalls import numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Program = list[tuple[int, int, int, int]]
    """(code, jump if true, jump if false, constant), as struct sock_filter."""
    Rule = dict[str, Any]

# <linux/bpf_common.h> and <linux/seccomp.h>
_LOAD = 0x20
_AND = 0x54
_JUMP = 0x05
_EQUAL, _GREATER, _AT_LEAST = 0x15, 0x25, 0x35
_RETURN = 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
ACTIONS = {
    "SCMP_ACT_ALLOW": 0x7FFF0000,
    "SCMP_ACT_ERRNO": 0x00050000,
    "SCMP_ACT_KILL": 0x00000000,
    "SCMP_ACT_KILL_PROCESS": 0x80000000,
    "SCMP_ACT_KILL_THREAD": 0x00000000,
    "SCMP_ACT_LOG": 0x7FFC0000,
    "SCMP_ACT_TRACE": 0x7FF00000,
    "SCMP_ACT_TRAP": 0x00030000,
}
NUMBERED = ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE")
"""Actions that take a number; crun refuses one beside any other."""
_PASSING = ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE")
_X32 = 0x40000000
"""The calls of a third set, on x86_64, by numbers from here on; every rule would have to be
written for them again, so there are none.
"""
_AUDIT = {
    "SCMP_ARCH_X86_64": 0xC000003E,
    "SCMP_ARCH_X86": 0x40000003,
    "SCMP_ARCH_AARCH64": 0xC00000B7,
}


def compile_profile(profile: dict[str, Any]) -> bytes:
    """The program, 8 bytes an instruction. Raises KeyError for an unknown word of the profile."""
    program: Program = [(_LOAD, 0, 0, _ARCHITECTURE)]
    for architecture in profile["architectures"]:
        body = [(_LOAD, 0, 0, _NUMBER), *_architecture(profile, architecture)]
        # A conditional jump reaches 255 instructions, an unconditional one any number.
        program += [(_EQUAL, 1, 0, _AUDIT[architecture]), (_JUMP, 0, 0, len(body)), *body]
    program.append(_answer("SCMP_ACT_KILL_PROCESS", 0))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _answer(action: str, error: int) -> tuple[int, int, int, int]:
    return _RETURN, 0, 0, ACTIONS[action] | (error if action in NUMBERED else 0)


def _architecture(profile: dict[str, Any], architecture: str) -> Program:
    table = numbers(TABLES[architecture])
    default = [_answer(profile["defaultAction"], profile.get("defaultErrnoRet", EPERM))]
    missing = [_answer("SCMP_ACT_ERRNO", ENOSYS)]
    # What is not in our tables came later: programs fall back as on an older kernel.
    unknown = default if profile["defaultAction"] in _PASSING else missing
    answers = dict.fromkeys(table.values(), default)
    for name, rules in _rules_by_name(profile).items():
        if name in table:
            answers[table[name]] = _rules(rules, default)
    ranges: list[tuple[int, Program]] = []
    for number in range(max(answers) + 2):
        answer = answers.get(number, unknown)
        if not ranges or ranges[-1][1] != answer:
            ranges.append((number, answer))
    if architecture == "SCMP_ARCH_X86_64" and unknown != missing:
        ranges.append((_X32, missing))
    return _search(ranges)


def _rules_by_name(profile: dict[str, Any]) -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in profile["syscalls"]:
        for name in rule["names"]:
            found.setdefault(name, []).append(rule)
    return found


def _search(ranges: list[tuple[int, Program]]) -> Program:
    """Binary search; each range begins at its number and ends before the next one's."""
    if len(ranges) == 1:
        return ranges[0][1]
    middle = len(ranges) // 2
    left, right = _search(ranges[:middle]), _search(ranges[middle:])
    border = ranges[middle][0]
    if len(left) < 256:
        return [(_AT_LEAST, len(left), 0, border), *left, *right]
    return [(_AT_LEAST, 0, 1, border), (_JUMP, 0, 0, len(left)), *left, *right]


def _rules(rules: list[Rule], default: Program) -> Program:
    """A rule without conditions decides; else the first one whose conditions all hold."""
    program: Program = []
    for rule in rules:
        answer = _answer(rule["action"], rule.get("errnoRet", EPERM))
        if not rule.get("args"):
            return [answer]
        for conditions in _together(rule["args"]):
            checks: Program = []
            for condition in reversed(conditions):
                checks = _condition(condition, len(checks) + 1) + checks
            program += [*checks, answer]
    return program + default


def _together(conditions: list[Rule]) -> list[list[Rule]]:
    """Conditions that must hold together: all, unless two are on the same argument.

    Then each is a rule of its own, as runc and crun read it.
    """
    indices = [condition["index"] for condition in conditions]
    return [conditions] if len(set(indices)) == len(indices) else [[c] for c in conditions]


def _condition(condition: dict[str, Any], rest: int) -> Program:
    """Go on when an argument compares as asked; else jump over the `rest` after us.

    Arguments have 64 bits, the machine 32: the high halves decide unless they are equal.
    """
    operator, value = condition["op"].removeprefix("SCMP_CMP_"), condition["value"]
    mask = 2**64 - 1
    if operator == "MASKED_EQ":
        operator, mask, value = "EQ", value, condition.get("valueTwo", 0)
    at = _ARGUMENTS + 8 * condition["index"]
    low = [(_LOAD, 0, 0, at), (_AND, 0, 0, mask & 0xFFFFFFFF)]
    high = [(_LOAD, 0, 0, at + 4), (_AND, 0, 0, mask >> 32)]
    return _compare(operator, high, low, (value >> 32, value & 0xFFFFFFFF), rest)


def _compare(
    operator: str, high: Program, low: Program, value: tuple[int, int], rest: int
) -> Program:
    if operator == "EQ":
        last = [*low, (_EQUAL, 0, rest, value[1])]
        return [*high, (_EQUAL, 0, len(last) + rest, value[0]), *last]
    if operator == "NE":
        last = [*low, (_EQUAL, rest, 0, value[1])]
        return [*high, (_EQUAL, 0, len(last), value[0]), *last]
    compare, negated = {
        "GE": (_AT_LEAST, False),
        "GT": (_GREATER, False),
        "LT": (_AT_LEAST, True),
        "LE": (_GREATER, True),
    }[operator]
    jumps = (rest, 0) if negated else (0, rest)
    last = [*low, (compare, *jumps, value[1])]
    above = (_GREATER, len(last) + 1 + (rest if negated else 0), 0, value[0])
    below = (_EQUAL, 0, len(last) + (0 if negated else rest), value[0])
    return [*high, above, below, *last]
