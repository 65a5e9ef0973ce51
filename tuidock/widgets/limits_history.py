"""How to go back: changes of limits that were applied, kept between two sessions as JSON.

Pure. Invariant: a step names the limits that it puts back and no others; of a file that somebody
wrote into, steps that make no sense are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tuidock.engine.types import Limits

MOST_STEPS = 50
"""Undo steps kept."""


class Step(NamedTuple):
    """A change that was applied, and what takes it back."""

    back: Mapping[str, Limits]
    """By container id."""
    words: str
    """What taking it back does: `CPU quota 2 → 1.5 cores`."""
    keep: bool = True
    """It was for good."""


class History:
    """Changes of all containers, newest last."""

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self._steps = list(steps)

    @property
    def lasting(self) -> tuple[Step, ...]:
        """Those that the next session can take back, too: what was for one run only may be over."""
        return tuple(step for step in self._steps if step.keep)

    def add(self, step: Step) -> None:
        self._steps = [*self._steps[1 - MOST_STEPS :], step]

    def last(self, ids: Sequence[str]) -> Step | None:
        """The newest step that concerns any of these containers, cut down to them."""
        for step in reversed(self._steps):
            if mine := {key: limits for key, limits in step.back.items() if key in ids}:
                return step._replace(back=mine)
        return None

    def drop(self, ids: Sequence[str]) -> None:
        """Forget the newest step of these containers: it was taken back, or never happened."""
        for index in range(len(self._steps) - 1, -1, -1):
            step = self._steps[index]
            if any(key in ids for key in step.back):
                rest = {key: limits for key, limits in step.back.items() if key not in ids}
                self._steps[index : index + 1] = [step._replace(back=rest)] if rest else []
                return


def written(history: History) -> list[dict[str, Any]]:
    """What JSON can hold of it."""
    return [
        {"back": {key: _said(limits) for key, limits in step.back.items()}, "words": step.words}
        for step in history.lasting
    ]


def _said(limits: Limits) -> dict[str, Any]:
    return {field: value for field, value in limits._asdict().items() if value is not None}


def read(found: Sequence[Any]) -> History:
    """The same again."""
    return History(_steps(found[-MOST_STEPS:]))


def _steps(found: Sequence[Any]) -> Iterator[Step]:
    for each in found:
        try:
            back = {str(key): _limits(said) for key, said in each["back"].items()}
            yield Step(back, str(each["words"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            continue


def _limits(said: Mapping[str, Any]) -> Limits:
    """Raises TypeError, ValueError for what are no limits."""
    return Limits(**{field: _value(field, value) for field, value in said.items()})


def _value(field: str, value: Any) -> Any:
    if field == "cpuset_cpus":
        return str(value)
    if field.startswith("device_"):
        return tuple((str(path), int(rate)) for path, rate in value)
    return float(value) if field == "cpus" else int(value)
