"""Later: a screen or a tab that is imported only when somebody goes there.

What nobody has looked at costs the first screen nothing. Invariant: the title given here is the
one that its class has.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple


class Later(NamedTuple):
    """Stands for a class until it is called; gives what the class gives."""

    place: str
    """Module and class, such as `tuidock.screens.tune:LimitsTab`."""
    TITLE: str = ""

    def load(self) -> type[Any]:
        """The class itself."""
        module, _, name = self.place.partition(":")
        found: type[Any] = getattr(import_module(module), name)
        return found

    def __call__(self, *arguments: object) -> Any:
        return self.load()(*arguments)
