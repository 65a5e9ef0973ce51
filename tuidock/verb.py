"""What a verb is: one thing that a user can do, as data. The table of them is `verbs`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tuidock.engine.api import Engine
from tuidock.engine.types import Container, Status

Call = Callable[[Engine, Container], Awaitable[object]]
ANY = frozenset(Status)


class Verb(NamedTuple):
    """One thing a user can do."""

    id: str
    title: str
    help: str
    key: str = ""
    """Default keys, separated by commas; empty for the palette alone."""
    scope: str = "everywhere"
    action: str = ""
    """The Textual action; empty for a call on containers."""
    when: frozenset[Status] = ANY
    """Statuses in which it may be asked of a container."""
    call: Call | None = None
    confirm: str = ""
    """A question with `{}` for the name, when it cannot be undone."""
    loss: str = ""
    """What is lost then."""
    shown: bool = False
    """In the line of keys at the bottom."""
    marked: bool = False
    """Works on all marked rows."""
    either: tuple[str, ...] = ()
    """Other verbs; the first that fits the status is meant."""

    command: str = ""
    """What does the same after `tuidock`, with `{}` for the name; empty where nothing does."""
    changes: bool = False
    """Its action changes something; a `call` always does."""

    @property
    def alters(self) -> bool:
        """Whether it is refused where nothing may change."""
        return self.changes or self.call is not None or bool(self.either)

    @property
    def binding_action(self) -> str:
        return self.action or f"verb({self.id!r})"
