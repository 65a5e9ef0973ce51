"""Stylesheet: Textual's, but nothing is read anew for variables that it has already.

Textual asks twice for that before the first screen is up, and forgets each time what it has read.
Invariant: after `reparse` the rules are those of the variables given last.
"""

from __future__ import annotations

from textual.css import stylesheet


class Stylesheet(stylesheet.Stylesheet):
    """What widgets look like, in the colours of a theme."""

    def __init__(self, variables: dict[str, str]) -> None:
        super().__init__(variables=variables)
        self._given = dict(variables)
        self._stale = False
        """The rules are those of other variables."""

    def set_variables(self, variables: dict[str, str]) -> None:
        if variables != self._given:
            self._given, self._stale = dict(variables), True
            super().set_variables(variables)

    def reparse(self) -> None:
        if self._stale:
            super().reparse()
            self._stale = False
