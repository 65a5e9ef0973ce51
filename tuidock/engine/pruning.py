"""The words of a prune: what may go, and what went.

Apart from the other nouns because no start of a container needs them.
"""

from __future__ import annotations

from tuidock.engine.named import NamedTuple
from tuidock.engine.types import DOWN, Container


class PruneQuery(NamedTuple):
    """Which of the containers that do not run to remove."""

    until: float | None = None
    """Only those made before."""
    labels: tuple[str, ...] = ()
    """`key` or `key=value`; all of them must be there."""
    without: tuple[str, ...] = ()
    """None of these may be there."""

    def wants(self, it: Container) -> bool:
        """It does not run, and is one of those meant."""
        labels = dict(it.labels)
        return (
            it.status in DOWN
            and (self.until is None or it.created < self.until)
            and all(_has(labels, each) for each in self.labels)
            and not any(_has(labels, each) for each in self.without)
        )


def _has(labels: dict[str, str], wanted: str) -> bool:
    key, separator, value = wanted.partition("=")
    return key in labels and (not separator or labels[key] == value)


class Pruned(NamedTuple):
    """What a prune removed."""

    ids: tuple[str, ...]
    space: int
    """Bytes that were freed."""
