"""How far a pull is: a picture built from its events, with speed and time left.

Pure: the caller brings the time. Invariant: `done` never exceeds `total`, and layers keep the
order of the manifest.
"""

from __future__ import annotations

from tuidock.engine.events import LayerProgress, Pulled, PullEvent, Resolved

WINDOW = 5.0
"""Seconds over which the speed is taken."""


class Pulling:
    """One pull."""

    def __init__(self, reference: str) -> None:
        self.reference = reference
        self.digest = ""
        self.layers: dict[str, LayerProgress] = {}
        """By digest, lowest layer first."""
        self.pulled: Pulled | None = None
        self._steps: list[tuple[float, int]] = []
        self._had: dict[str, int] = {}

    def apply(self, event: PullEvent, now: float) -> None:
        """Take an event in; `now` in monotonic seconds."""
        if isinstance(event, Resolved):
            self.digest = event.digest
            for digest, size in event.layers:
                self.layers.setdefault(digest, LayerProgress(digest, "waiting", 0, size))
        elif isinstance(event, LayerProgress):
            self._had.setdefault(event.digest, event.done)
            self.layers[event.digest] = event
            self._remember(now)
        else:
            self.pulled = event

    @property
    def total(self) -> int:
        """Compressed bytes of all layers."""
        return sum(layer.total for layer in self.layers.values())

    @property
    def done(self) -> int:
        """Compressed bytes that are here."""
        return sum(arrived(layer) for layer in self.layers.values())

    @property
    def fraction(self) -> float:
        """Share of the bytes that are here, 0.0 to 1.0."""
        if self.pulled:
            return 1.0
        return self.done / self.total if self.total else 0.0

    def _received(self) -> int:
        """Bytes that came over the network in this pull; layers that were there do not count."""
        return sum(
            max(0, layer.done - self._had.get(layer.digest, 0))
            for layer in self.layers.values()
            if layer.phase != "exists"
        )

    def _remember(self, now: float) -> None:
        self._steps.append((now, self._received()))
        while len(self._steps) > 2 and now - self._steps[1][0] > WINDOW:
            self._steps.pop(0)

    def speed(self, now: float) -> float:
        """Bytes a second over the last seconds."""
        if not self._steps:
            return 0.0
        start, before = self._steps[0]
        elapsed = now - start
        return max(0, self._steps[-1][1] - before) / elapsed if elapsed > 0.2 else 0.0

    def left(self, now: float) -> float | None:
        """Seconds until everything is here at this speed; None while it cannot be said."""
        speed = self.speed(now)
        return (self.total - self.done) / speed if speed > 1 else None


def arrived(layer: LayerProgress) -> int:
    """Bytes of a layer that need not come any more."""
    if layer.phase in ("exists", "extracting", "done"):
        return layer.total
    return min(layer.done, layer.total)
