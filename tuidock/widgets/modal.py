"""A screen over the others that goes once.

Textual's `dismiss` takes whatever is on top. Invariant: a second answer, typed before the first
one had its effect, ends nothing else.
"""

from __future__ import annotations

from typing import TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen

Result = TypeVar("Result")


class Modal(ModalScreen[Result]):
    """A `ModalScreen` whose answer counts while it is on top."""

    def dismiss(self, result: Result | None = None) -> AwaitComplete:
        return super().dismiss(result) if self.is_current else AwaitComplete()
