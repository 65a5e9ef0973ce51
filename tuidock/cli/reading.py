"""`--read-only`: nothing is changed, whatever is asked; programs started from here know of it."""

from __future__ import annotations

import os

from tuidock.engine.errors import ReadOnly

VARIABLE = "TUIDOCK_READ_ONLY"
"""Set to anything, it means the flag."""


def only() -> bool:
    """Whether reading is all that is allowed."""
    return bool(os.environ.get(VARIABLE))


def refuse_if_only(verb: str) -> None:
    """Raises ReadOnly."""
    if only():
        raise ReadOnly(verb)
