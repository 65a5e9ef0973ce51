"""The ledger: what is really done for a birth, in the order in which it is done.

Kept by the process that opened it, a starter; in every other process a note costs one comparison
and leaves nothing. Invariant: an entry is noted by the code that does the thing, never by code
that plans it.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_now = time.monotonic_ns
_entries: list[tuple[int, str, tuple[Any, ...]]] | None = None


def begin() -> None:
    """From now on this process keeps a ledger."""
    global _entries
    _entries = []


def note(kind: str, *facts: Any) -> None:
    """Something was done, or is just being done: its kind, and what there is to say of it.

    Nothing is copied: facts that change afterwards are read as they are at the end.
    """
    if _entries is not None:
        _entries.append((_now(), kind, facts))


def entries() -> list[tuple[int, str, tuple[Any, ...]]]:
    """(nanoseconds of CLOCK_MONOTONIC, kind, facts) each, in order; empty without a ledger."""
    return _entries or []
