"""A seccomp profile of docker's JSON format, as the OCI `linux.seccomp` of one container.

The format adds conditions to OCI's (capabilities, architectures, a kernel version) that hold for
a container or not: here they are decided. Invariant: what comes out compiles; a profile that we
cannot follow to the letter is refused, not approximated.
"""

from __future__ import annotations

import errno
import json
import os

from tuidock.engine.errors import BadSpec
from tuidock.engine.runtime import bpf
from tuidock.engine.runtime.seccomp import TABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

MAX_FILE = 1 << 20
"""Bytes of a profile that are read."""
_NATIVE = {"x86_64": ("SCMP_ARCH_X86_64", "amd64"), "aarch64": ("SCMP_ARCH_AARCH64", "arm64")}
"""Of a machine: libseccomp's name, and the one of Go, by which rules are included."""
_OPERATORS = frozenset(f"SCMP_CMP_{word}" for word in "EQ NE LT LE GT GE MASKED_EQ".split())
_MOST_INSTRUCTIONS = 4096


class Surroundings:
    """What the conditions of a profile are about."""

    def __init__(self, granted: Collection[str]) -> None:
        here = os.uname()
        if here.machine not in _NATIVE:
            raise BadSpec(f"no seccomp profile can be used on {here.machine}")
        self.granted = granted
        """The container's bounding capabilities."""
        self.native, self.architecture = _NATIVE[here.machine]
        self.kernel = version(here.release)


def version(text: str) -> tuple[int, int]:
    """`6.18` of `6.18.5-amd64`. Raises BadSpec."""
    numbers = text.split("-")[0].split(".")
    try:
        return int(numbers[0]), int(numbers[1])
    except (IndexError, ValueError) as error:
        raise BadSpec(f"Decoding seccomp profile failed: {text!r} is no version") from error


def load(path: str, granted: Collection[str]) -> dict[str, Any] | None:
    """The profile in a file, for a container with these capabilities; None for an empty one.

    Raises BadSpec.
    """
    try:
        with open(path, "rb") as file:
            text = file.read(MAX_FILE + 1)
    except OSError as error:
        raise BadSpec(
            f"opening seccomp profile ({path}) failed: {(error.strerror or '').lower()}",
            "name a file, or unconfined",
        ) from error
    if len(text) > MAX_FILE:
        raise BadSpec(f"the seccomp profile {path} is larger than 1 MiB")
    try:
        found = convert(json.loads(text), Surroundings(granted))
        if found and len(bpf.compile_profile(found)) > 8 * _MOST_INSTRUCTIONS:
            raise BadSpec("the seccomp profile needs more instructions than the kernel takes")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadSpec(f"Decoding seccomp profile failed: {error}") from error
    return found


def convert(profile: dict[str, Any], here: Surroundings) -> dict[str, Any] | None:
    """From docker's format to OCI's. Raises BadSpec, and what Python does for wrong types."""
    if not profile.get("defaultAction") and not profile.get("syscalls"):
        return None
    _refuse_both(profile, "architectures", "archMap")
    for key in ("flags", "listenerPath", "listenerMetadata"):
        if profile.get(key):
            raise BadSpec(f"{key} of a seccomp profile is not supported", "leave it out")
    rules = [_rule(each) for each in profile.get("syscalls") or () if _applies(each, here)]
    found: dict[str, Any] = {
        "defaultAction": _action(profile["defaultAction"]),
        "architectures": _architectures(profile, here),
        "syscalls": rules,
    }
    number = _errno(profile, "defaultErrnoRet", "defaultErrno")
    if found["defaultAction"] in bpf.NUMBERED:
        found["defaultErrnoRet"] = number
    return found


def _refuse_both(entry: dict[str, Any], one: str, other: str) -> None:
    if entry.get(one) and entry.get(other):
        raise BadSpec(
            f"both '{one}' and '{other}' were specified in the seccomp profile, "
            f"use either '{one}' or '{other}'"
        )


def _architectures(profile: dict[str, Any], here: Surroundings) -> list[str]:
    """Those that can run here and whose calls we know; of others every call is the last."""
    listed = list(profile.get("architectures") or ())
    for entry in profile.get("archMap") or ():
        if entry["architecture"] == here.native:
            listed = [entry["architecture"], *(entry.get("subArchitectures") or ())]
    return [here.native, *(each for each in listed if each in TABLES and each != here.native)]


def _applies(rule: dict[str, Any], here: Surroundings) -> bool:
    includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
    known = here.granted
    arches = includes.get("arches")
    if arches and here.architecture not in arches:
        return False
    if here.architecture in (excludes.get("arches") or ()):
        return False
    if any(each not in known for each in includes.get("caps") or ()):
        return False
    if any(each in known for each in excludes.get("caps") or ()):
        return False
    least, too_new = includes.get("minKernel"), excludes.get("minKernel")
    return not (least and here.kernel < version(least)) and not (
        too_new and here.kernel >= version(too_new)
    )


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    name, names = rule.get("name"), rule.get("names")
    _refuse_both(rule, "name", "names")
    found: dict[str, Any] = {"names": list(names or [name]), "action": _action(rule["action"])}
    if not all(isinstance(each, str) for each in found["names"]):
        raise TypeError("a rule without names")
    if rule["action"] in bpf.NUMBERED:
        found["errnoRet"] = _errno(rule, "errnoRet", "errno")
    if rule.get("args"):
        found["args"] = [_condition(each) for each in rule["args"]]
    return found


def _condition(condition: dict[str, Any]) -> dict[str, Any]:
    index, operator = condition["index"], condition["op"]
    values = [condition.get("value", 0), condition.get("valueTwo", 0)]
    if index not in range(6) or operator not in _OPERATORS:
        raise ValueError(f"no condition on an argument: {index!r} {operator!r}")
    if any(type(each) is not int or not 0 <= each < 2**64 for each in values):
        raise ValueError(f"no value of an argument: {values}")
    return {"index": index, "op": operator, "value": values[0], "valueTwo": values[1]}


def _action(word: str) -> str:
    if word not in bpf.ACTIONS:
        raise BadSpec(f"the action {word} of a seccomp profile is not supported", "see seccomp(2)")
    return word


def _errno(entry: dict[str, Any], number: str, name: str) -> int:
    """The number, or the name that podman's profiles have beside it; EPERM without either."""
    found = entry.get(number)
    if found is None:
        found = getattr(errno, entry[name]) if entry.get(name) else errno.EPERM
    if type(found) is not int or not 0 <= found < 4096:
        raise ValueError(f"no errno: {found!r}")
    return found
