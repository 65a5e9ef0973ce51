"""What the limits console knows: limits in force, what is wanted instead, and how to go back.

Pure state, no widget. Invariant: a change names only limits that differ from those in force, in
the words of `Containers.update` (None stays, 0 lifts), and undo returns exactly what was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tuidock.engine.types import Bounds, Limits, Sample
from tuidock.widgets.limits_checks import refusal, warning
from tuidock.widgets.limits_history import History, Step
from tuidock.widgets.limits_kinds import Kind, Value, kinds, limits_of
from tuidock.widgets.limits_measures import NOTHING, Peaks, now
from tuidock.widgets.limits_suggest import Suggestion, suggestion


class Subject(NamedTuple):
    """A container in the console."""

    id: str
    name: str
    limits: Limits
    """In force."""
    samples: Sequence[Sample] = ()
    """Oldest first; of its last run when it does not run."""
    runs: bool = True
    killed: bool = False
    """Its last run ended because memory ran out, at the max that it has."""
    day: Peaks = NOTHING
    kept: Limits | None = None
    """What the next start will have, where that is something else."""

    @property
    def live(self) -> Sequence[Sample]:
        """Samples of what goes on now."""
        return self.samples if self.runs else ()


class Line(NamedTuple):
    """One limit as it stands, of one container or of several."""

    kind: Kind
    values: tuple[Value, ...]
    """In force, each that differs once."""
    wanted: Value | None
    """Chosen and not applied; None when nothing is."""
    use: float
    """The greatest, of several containers."""
    lacking: str
    """Why it cannot be set here; empty when it can."""
    none: str = ""
    """What holds without a value, where that depends on something else."""
    passing: bool = False
    """It holds for this run only."""

    @property
    def limit(self) -> Value | None:
        """The one in force; None where they differ."""
        return self.values[0] if len(self.values) == 1 else None

    def text(self, value: Value) -> str:
        """A value of it in words."""
        return self.none if not value and self.none else self.kind.text(value)


class LimitsModel:
    """Limits of one container, or of several that are to get the same."""

    def __init__(self, history: History | None = None) -> None:
        self.subjects: tuple[Subject, ...] = ()
        self.bounds: Bounds | None = None
        self.history = history or History()
        self.typing = ""
        self.problem = ""
        """What is wrong with what is wanted; nothing is applied then."""
        self.warned = False
        """The warning was seen: the next Enter applies."""
        self.keep = True
        """What is wanted is for good, not for this run only."""
        self._wanted: dict[Kind, Value] = {}

    # --- what is ----------------------------------------------------------------------------

    def show(self, subjects: Sequence[Subject]) -> None:
        """Be about these containers as they are now; others than before end what is wanted."""
        if [it.id for it in subjects] != [it.id for it in self.subjects]:
            self.forget()
            self.keep = True
        self.subjects = tuple(subjects)

    @property
    def ids(self) -> list[str]:
        return [it.id for it in self.subjects]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The rows of the console."""
        disks = self.bounds.disks if self.bounds else ()
        return kinds(disks, [it.limits for it in self.subjects])

    def line(self, kind: Kind) -> Line:
        """One limit as it stands."""
        values = dict.fromkeys(kind.of(it.limits) for it in self.subjects)
        return Line(
            kind,
            tuple(values) or (kind.of(Limits()),),
            self._wanted.get(kind),
            max((now(it.live, kind.measure) for it in self.subjects), default=0.0),
            dict(self.bounds.lacking).get(kind.field, "") if self.bounds else "",
            self._without(kind),
            any(it.kept and kind.of(it.kept) != kind.of(it.limits) for it in self.subjects),
        )

    def _without(self, kind: Kind) -> str:
        """Memory and swap without a word follow the max; no quota is every core."""
        if kind.field == "memory_swap" and not any(it.limits.memory for it in self.subjects):
            return "no limit"
        if kind.is_list and self.bounds:
            return f"all {len(self.bounds.cpus)}"
        return ""

    def suggestion(self, kind: Kind) -> Suggestion | None:
        """A limit that would fit, and from what that is known; for several the greatest."""
        found = [
            suggestion(kind, it.samples, it.limits, self.bounds, killed=it.killed, day=it.day)
            for it in self.subjects
        ]
        return max((it for it in found if it), key=lambda it: it.value, default=None)

    # --- what is wanted -----------------------------------------------------------------------

    def step(self, kind: Kind, steps: int) -> None:
        """Want a little more or less, from what is wanted, in force, or used."""
        wanted = self._wanted.get(kind)
        start = wanted if wanted is not None else self._in_force(kind)
        if isinstance(start, str):
            return
        suggested = self.suggestion(kind)
        fallback = suggested.value if suggested else kind.first
        self.want(kind, kind.step(start if start > 0 else fallback, steps))

    def _in_force(self, kind: Kind) -> Value:
        """The greatest of several, so that a step never takes by surprise."""
        return max((kind.of(it.limits) for it in self.subjects), default=0.0, key=_size)

    def type(self, kind: Kind, character: str) -> None:
        """A character of a value; what it means so far is wanted at once."""
        self._understand(kind, self.typing + character)

    def erase(self, kind: Kind) -> None:
        """Take the last character back."""
        self._understand(kind, self.typing[:-1])

    def _understand(self, kind: Kind, typing: str) -> None:
        self._wanted.pop(kind, None)
        self.problem = ""
        if typing:
            try:
                value = kind.parse(typing)
                self.want(kind, value or kind.lift)
            except ValueError as error:
                self.problem = str(error)
        self.typing = typing

    def suggest(self, kind: Kind) -> None:
        """Want what is suggested."""
        if suggested := self.suggestion(kind):
            self.want(kind, suggested.value)

    def want(self, kind: Kind, value: Value) -> None:
        """Want a value; what is in force already needs not be wanted."""
        self.typing = self.problem = ""
        self.warned = False
        if all(kind.of(it.limits) == value for it in self.subjects):
            self._wanted.pop(kind, None)
        else:
            self._wanted[kind] = value
            self._raise_swap(kind, value)
        self._check()

    def _raise_swap(self, kind: Kind, value: Value) -> None:
        """A greater max takes memory and swap together along, or the engine would refuse it."""
        if kind.field != "memory" or isinstance(value, str):
            return
        swap = next(each for each in self.kinds if each.field == "memory_swap")
        old = max((it.limits.memory_swap or 0 for it in self.subjects), default=0)
        if 0 < old < value:
            room = max(old - (it.limits.memory or old) for it in self.subjects)
            self._wanted[swap] = value + room

    def _check(self) -> None:
        """A refusal of anything wanted, for any of the containers."""
        for it in self.subjects:
            wished = after(it.limits, limits_of(self._wanted))
            for kind, value in self._wanted.items():
                if why := refusal(kind, value, wished, self.bounds):
                    self.problem = why if len(self._wanted) == 1 else f"{kind.title}: {why}"
                    return

    @property
    def warnings(self) -> list[str]:
        """What the change would do that nobody may want, by container where there are several."""
        several = len(self.subjects) > 1
        found = []
        for it in self.subjects:
            last = it.live[-1] if it.live else None
            for kind, value in self._wanted.items():
                if why := warning(kind, value, last, self.bounds):
                    found.append(f"{it.name}: {why}" if several else why)
        return found

    def forget(self) -> None:
        """Want nothing."""
        self.typing = self.problem = ""
        self.warned = False
        self._wanted = {}

    # --- applying -----------------------------------------------------------------------------

    @property
    def pending(self) -> bool:
        """Whether something is wanted, or half typed."""
        return bool(self._wanted or self.typing)

    def wanted(self, kind: Kind) -> Value | None:
        """What is wanted of a limit; None when nothing is."""
        return self._wanted.get(kind)

    def wish(self) -> Limits | None:
        """The change that is wanted, None when nothing is."""
        return limits_of(self._wanted) if self._wanted else None

    def changes(self) -> dict[str, Limits]:
        """What to ask the engine for, by container; what was is kept for undo.

        Nothing while there is a problem, or a warning that was not seen yet.
        """
        wished = self.wish()
        if wished is None or self.problem:
            return {}
        if self.warnings and not self.warned:
            self.warned = True
            return {}
        back = {it.id: self._back(it) for it in self.subjects}
        self.history.add(Step(back, self._undo_words(), self.keep))
        return self._assume(dict.fromkeys(self.ids, wished))

    def _back(self, it: Subject) -> Limits:
        return limits_of({kind: kind.of(it.limits) for kind in self._wanted})

    def _undo_words(self) -> str:
        return ", ".join(
            f"{kind.title} {self.line(kind).text(value)} → {before(self.line(kind))}"
            for kind, value in self._wanted.items()
        )

    def undo(self) -> dict[str, Limits]:
        """What takes the last change back, by container; empty when there is none."""
        step = self.history.last(self.ids)
        if step is None:
            return {}
        self.history.drop(self.ids)
        self.keep = step.keep
        return self._assume(dict(step.back))

    def _assume(self, changes: dict[str, Limits]) -> dict[str, Limits]:
        """Until the engine tells, the limits are what was asked for."""
        self.forget()
        self.subjects = tuple(
            it._replace(limits=after(it.limits, changes[it.id])) if it.id in changes else it
            for it in self.subjects
        )
        return changes

    def refuse(self, key: str, limits: Limits) -> None:
        """The engine said no for one container: these limits still hold."""
        self.history.drop([key])
        self.subjects = tuple(
            it._replace(limits=limits) if it.id == key else it for it in self.subjects
        )


def _size(value: Value) -> float:
    return value if isinstance(value, float | int) else 0.0


def before(line: Line) -> str:
    """Limits in force, in words."""
    return line.text(line.limit) if line.limit is not None else "each its own"


def after(limits: Limits, change: Limits) -> Limits:
    """Limits as they are after an update: None stays, 0 and the empty text lift."""
    merged: dict[str, object] = {}
    for field, value in change._asdict().items():
        if isinstance(value, tuple):
            rates = {**dict(getattr(limits, field) or ()), **dict(value)}
            merged[field] = tuple((path, rate) for path, rate in rates.items() if rate) or None
        elif value is not None:
            merged[field] = value or None
    if change.memory == 0:
        merged["memory_swap"] = None
    return limits._replace(**merged)  # type: ignore[arg-type]  # the fields are those of Limits
