"""Keys take turns: each is heard where the one before it led to.

Textual hands all keys that are there to whatever has the focus now, so that the letters typed
after "open a shell" would be commands of the list. Invariant: no key waits for longer than HELD.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.screen import Screen

HELD = 1.0
"""Seconds that keys wait for something to open; a keyboard must not seem dead."""
BEGUN = 3
"""Turns of the event loop after which a worker has pushed the dialog that it begins with."""


class InTurn(App[int], inherit_bindings=False):
    """An app that handles one key after the other."""

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._typed: deque[events.Key | events.Paste] = deque()
        """What waits for its turn."""
        self._turn = 0
        self._taken = False
        """A key is on its way."""
        self._holds: list[Screen[object]] = []
        """Screens on which something is about to open; a dialog over them gets its keys."""

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self._typed.append(event)
            if self._taken:
                self._at_last(self._over, self._turn)
            await self._next()
        else:
            await super().on_event(event)

    async def _next(self) -> None:
        if self._taken or not self._typed or self.screen in self._holds:
            return
        self._taken, self._turn = True, self._turn + 1
        goes_to = self.focused or self.screen
        await super().on_event(self._typed.popleft())
        self._follow(goes_to, self._turn)

    def _follow(self, node: DOMNode | None, turn: int) -> None:
        """Go the way of a key: queue after queue, from the widget up to here."""
        up = node.parent if node is not None else None
        if node is None or node is self or not node.call_later(self._follow, up, turn):
            self.call_later(self._over, turn)

    async def _over(self, turn: int) -> None:
        """A key was heard by everybody; what it opened gets ready first."""
        for _ in range(BEGUN):
            await asyncio.sleep(0)
        if turn != self._turn or not self._taken:
            return
        if not self.screen.is_mounted and self._typed:
            self._follow(self.screen, turn)
            return
        self._taken = False
        await self._next()

    @contextmanager
    def keys_held(self) -> Iterator[None]:
        """Let keys wait until something has opened and taken the focus, at most for HELD."""
        held = [self.screen]
        self._holds += held
        self._at_last(self._release, held)
        try:
            yield
        finally:
            self.call_later(self._release, held)

    async def _release(self, held: list[Screen[object]]) -> None:
        if held:
            self._holds.remove(held.pop())
            await self._next()

    def _at_last(self, call: Callable[..., Awaitable[None]], *arguments: object) -> None:
        asyncio.get_running_loop().call_later(HELD, self.call_later, call, *arguments)
