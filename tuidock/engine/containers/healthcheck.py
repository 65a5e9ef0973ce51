"""A container's health check, from what an image says and what a person asked for.

Pure; docker's rules for merging. Invariant: what comes out is whole and valid, or nothing.
"""

from __future__ import annotations

import json

from tuidock.engine.errors import BadSpec
from tuidock.engine.types import HealthCheck

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_KINDS = ("NONE", "CMD", "CMD-SHELL")
_SHORTEST = 0.001
"""Seconds."""
_FARTHEST = 1e9
"""Seconds, 31 years."""
_LONGEST = 16 * 1024
"""Characters; the check goes from process to process in one message."""
_DURATIONS = {
    "Interval": "interval",
    "Timeout": "timeout",
    "StartPeriod": "start_period",
    "StartInterval": "start_interval",
}


def as_annotations(asked: HealthCheck, image: Mapping[str, Any]) -> dict[str, str]:
    """What a bundle says of its check; `image` is the `config` of an image's configuration.

    Raises BadSpec.
    """
    merged = merge(asked, image)
    if not merged:
        return {}
    from tuidock.engine.runtime.health import CHECK, ON_FAILURE  # few images have a check

    return {CHECK: json.dumps(merged), ON_FAILURE: asked.on_failure}


def merge(asked: HealthCheck, image: Mapping[str, Any]) -> dict[str, object]:
    """Docker's `Healthcheck` object, durations in nanoseconds; empty for no check.

    `Shell` is the image's own, where it has one for `CMD-SHELL`. Raises BadSpec.
    """
    _check(asked)
    of_image = image.get("Healthcheck") or {}
    if not isinstance(of_image, dict):
        raise BadSpec("the image's health check is no object", "--no-healthcheck does without")
    test = list(asked.test or of_image.get("Test") or ())
    if not test or test == ["NONE"]:
        if not asked.test and asked != HealthCheck():
            raise BadSpec("this image has no health check", "give one with --health-cmd")
        return {}
    if test[0] not in _KINDS or len(test) < 2:
        raise BadSpec(f"unknown type {test[0]!r} of health check", "--health-cmd gives another")
    found: dict[str, object] = {"Test": _words(test)}
    figures = {key: _nanoseconds(asked, key) or _count(of_image.get(key)) for key in _DURATIONS}
    figures["Retries"] = asked.retries or _count(of_image.get("Retries"))
    found |= {key: value for key, value in figures.items() if value}
    if image.get("Shell") and test[0] == "CMD-SHELL":
        found["Shell"] = _words(image["Shell"])
    return found


def _words(found: object) -> list[str]:
    """Strings that a monitor can be told of. Raises BadSpec."""
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise BadSpec(
            "the image's health check is not a list of words", "--no-healthcheck does without"
        )
    if sum(map(len, found)) > _LONGEST or any("\0" in each for each in found):
        raise BadSpec("the health check is too long", "put it into a script in the image")
    return found


def _count(found: object) -> int:
    """A figure of an image; what is none, or negative, is left to the default."""
    return min(found, int(_FARTHEST * 1e9)) if type(found) is int and found > 0 else 0


def _nanoseconds(asked: HealthCheck, key: str) -> int:
    return round((getattr(asked, _DURATIONS[key]) or 0) * 1e9)


def _check(asked: HealthCheck) -> None:
    for field in _DURATIONS.values():
        seconds = getattr(asked, field)
        flag = f"--health-{field.replace('_', '-')}"
        if seconds and seconds < _SHORTEST:
            raise BadSpec(f"{flag} cannot be less than 1ms", "0 is as the image says")
        if seconds and seconds > _FARTHEST:
            raise BadSpec(f"{flag} cannot be more than 30 years")
    if asked.retries and asked.retries < 0:
        raise BadSpec("--health-retries cannot be negative", "0 is as the image says")
    if asked.test == ("NONE",) and asked != HealthCheck(("NONE",)):
        raise BadSpec("--no-healthcheck conflicts with --health-* options", "choose one")
