"""What the limits pane knows: three limits, their use, what is typed, and how to go back.

Pure state, no widget. Invariant: `changes` names only limits that differ from those in force, in
the words of `Containers.update` (None stays, 0 lifts), and undo returns exactly what was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tuidock import format
from tuidock.engine.types import Limits, Sample
from tuidock.widgets import amounts

Amount = float
"""Cores, bytes or a count; 0 is no limit."""


class Kind(NamedTuple):
    """One of the limits that can be turned."""

    field: str
    """Of `Limits`."""
    title: str
    parse: Callable[[str], Amount]
    typed: Callable[[Amount], str]
    """As a person types it."""
    shown: Callable[[Amount], str]
    step: Callable[[Amount, int], Amount]
    first: Amount
    """Where stepping starts when there is neither limit nor use."""
    room: float
    """How far above the peak a suggestion lies."""


def _bytes(count: Amount) -> str:
    return amounts.size_text(int(count))


KINDS = (
    Kind(
        "cpus", "CPU", amounts.parse_cores, amounts.cores_text,
        lambda cores: f"{cores:.2f}", amounts.step_cores, 1.0, 1.5,
    ),
    Kind(
        "memory", "Memory", lambda text: float(amounts.parse_size(text)), _bytes,
        format.size, lambda count, steps: amounts.step_size(int(count), steps),
        256.0 * amounts.MIB, 1.25,
    ),
    Kind(
        "pids", "PIDs", lambda text: float(amounts.parse_count(text)), lambda n: str(int(n)),
        lambda n: str(int(n)), lambda n, steps: amounts.step_count(int(n), steps), 100.0, 2.0,
    ),
)  # fmt: skip


class Line(NamedTuple):
    """One limit as it stands."""

    kind: Kind
    limit: Amount
    """In force; 0 without one."""
    wanted: Amount | None
    """Chosen and not applied; None when nothing is."""
    use: Amount
    peak: Amount
    suggestion: Amount
    """A limit with room above the peak; 0 before anything was measured."""


class LimitsModel:
    """Limits of one container."""

    def __init__(self) -> None:
        self.limits = Limits()
        self.typing = ""
        self.problem = ""
        self._wanted: dict[str, Amount] = {}
        self._use: dict[str, Amount] = {}
        self._peak: dict[str, Amount] = {}
        self._undo: list[Limits] = []

    # --- what is ----------------------------------------------------------------------------

    def in_force(self, limits: Limits) -> None:
        """These limits hold now, whoever set them."""
        self.limits = limits

    def measured(self, sample: Sample) -> None:
        """Take a measurement in; peaks are the highest seen, and the kernel's for memory."""
        use = {"cpus": sample.cpu, "memory": float(sample.memory), "pids": float(sample.pids)}
        high = {**use, "memory": float(max(sample.memory, sample.memory_peak))}
        self._use = use
        for field, value in high.items():
            self._peak[field] = max(self._peak.get(field, 0.0), value)

    def line(self, kind: Kind) -> Line:
        """One limit as it stands."""
        peak = self._peak.get(kind.field, 0.0)
        suggestion = kind.step(peak * kind.room, 1) if peak else 0.0
        return Line(
            kind,
            self.value(kind),
            self._wanted.get(kind.field),
            self._use.get(kind.field, 0.0),
            peak,
            suggestion,
        )

    def value(self, kind: Kind) -> Amount:
        """The limit in force, 0 without one."""
        return float(getattr(self.limits, kind.field) or 0)

    # --- what is wanted -----------------------------------------------------------------------

    def step(self, kind: Kind, steps: int) -> None:
        """Want a little more or less, from what is wanted, in force, or used."""
        self.typing = self.problem = ""
        line = self.line(kind)
        start = line.wanted if line.wanted is not None else line.limit
        self._want(kind, kind.step(start or line.suggestion or kind.first, steps))

    def type(self, kind: Kind, character: str) -> None:
        """A character of a value; what it means so far is wanted at once."""
        self.typing += character
        self._understand(kind)

    def erase(self, kind: Kind) -> None:
        """Take the last character back."""
        self.typing = self.typing[:-1]
        self._understand(kind)

    def _understand(self, kind: Kind) -> None:
        self.problem = ""
        if not self.typing:
            self._wanted.pop(kind.field, None)
            return
        try:
            self._want(kind, kind.parse(self.typing))
        except ValueError as error:
            self._wanted.pop(kind.field, None)
            self.problem = str(error)

    def suggest(self, kind: Kind) -> None:
        """Want what is suggested."""
        self.typing = self.problem = ""
        suggestion = self.line(kind).suggestion
        if suggestion:
            self._want(kind, suggestion)

    def _want(self, kind: Kind, amount: Amount) -> None:
        if amount == self.value(kind):
            self._wanted.pop(kind.field, None)
        else:
            self._wanted[kind.field] = amount

    def forget(self) -> None:
        """Want nothing."""
        self.typing = self.problem = ""
        self._wanted = {}

    # --- applying -----------------------------------------------------------------------------

    @property
    def pending(self) -> bool:
        """Whether something is wanted, or half typed."""
        return bool(self._wanted or self.typing)

    def changes(self) -> Limits | None:
        """What to ask the engine for; None when nothing differs. What was is kept for undo."""
        if not self._wanted or self.problem:
            return None
        before = {field: getattr(self.limits, field) or 0 for field in self._wanted}
        self._undo.append(limits_of(before))
        wanted = limits_of(self._wanted)
        self._assume(wanted)
        self.forget()
        return wanted

    def undo(self) -> Limits | None:
        """What takes the last change back; None when there is none."""
        self.forget()
        if not self._undo:
            return None
        before = self._undo.pop()
        self._assume(before)
        return before

    def _assume(self, change: Limits) -> None:
        """Until the engine tells, the limits are what was asked for."""
        given = {f: v or None for f, v in change._asdict().items() if v is not None}
        self.limits = self.limits._replace(**given)


def limits_of(amounts_by_field: dict[str, Amount]) -> Limits:
    """Amounts as the engine takes them: whole bytes and counts, 0 for no limit."""
    cpus = amounts_by_field.get("cpus")
    memory, pids = amounts_by_field.get("memory"), amounts_by_field.get("pids")
    return Limits(
        cpus=None if cpus is None else float(cpus),
        memory=None if memory is None else int(memory),
        pids=None if pids is None else int(pids),
    )
