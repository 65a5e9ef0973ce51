"""Keys in turn: each is heard only where the ones before it have led.

Textual hands a key to what has the focus when it is read, although the key before may just be
about to open a prompt, a tab or a dialog. Here it waits until that is there: until every message
that followed from the last key was handled, no worker of OPENING runs, and none of DIALOG that has
not asked yet. Invariant: keys keep their order, and none waits longer than PATIENCE for anything.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from typing import Any

from textual import events
from textual.app import App, ScreenStackError
from textual.dom import DOMNode
from textual.message import Message
from textual.widgets import Input
from textual.worker import Worker, get_current_worker

OPENING = "opening"
"""Group of workers at whose end something else has the focus."""
DIALOG = "dialog"
"""Group of workers that ask; while they do, keys are for the question."""
LEAVING = "leave"
"""The same, before the interface ends."""
PATIENCE = {OPENING: 20.0, DIALOG: 3.0, LEAVING: 3.0}
"""Seconds that keys wait for a worker; it is not waited for a second time."""
LOST = 0.05
"""Seconds until it is looked whether a message has ended with the widget it was at."""
DEPTH = 2
"""How often a message leads to another one before the focus moves."""
LOOK = 0.005
"""Seconds between two looks at the workers."""


class Follower(Message):
    """Goes the way of a key, behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = asyncio.Event()


class InTurn(App[int], inherit_bindings=False):
    """An app that hears one key after the other."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._typed: deque[events.Key | events.Paste] = deque()
        self._turns: asyncio.Task[None] | None = None
        self._busy = False
        """Somebody is hearing a key, or will."""
        self._last: DOMNode | None = None
        """What heard the last key."""
        self._text = False
        """The last key was a letter for a text, which leads nowhere."""
        self._asking: set[Worker[Any]] = set()
        self._slow: set[Worker[Any]] = set()

    @property
    def all_heard(self) -> bool:
        """Nothing that was typed is waiting, and nothing that follows from it."""
        return not (self._busy or self.message_queue_size)

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, (events.Key, events.Paste)) or event.is_forwarded:
            await super().on_event(event)
            return
        self._typed.append(event)
        self._busy = True
        if self._turns is None:
            if self._last is not None and not self._opening():
                await self._hand_over()
            self._go_on()

    def _go_on(self) -> None:
        if self._turns is None:
            self._turns = asyncio.create_task(self._take_turns())
            self._turns.add_done_callback(self._turns_over)

    async def _hand_over(self) -> None:
        """Give the first key to what has the focus now."""
        event, self._last = self._typed.popleft(), self.focused or self.screen
        letter = isinstance(event, events.Key) and event.is_printable
        takes_text = isinstance(self._last, Input) or hasattr(self._last, "WAY_OUT")
        self._text = letter and takes_text
        await super().on_event(event)

    async def _take_turns(self) -> None:
        with suppress(ScreenStackError):  # the interface has ended
            await self._settle()
            while self._typed:
                await self._hand_over()
                await self._settle()

    def _turns_over(self, turns: asyncio.Task[None]) -> None:
        self._turns, self._busy = None, bool(self._typed)
        try:
            turns.result()
        except asyncio.CancelledError:  # with the event loop
            return
        except Exception as error:  # as a handler's
            self._handle_exception(error)
        if self._typed:  # since the last look
            self._go_on()

    async def _settle(self) -> None:
        """Wait until the focus is where the last key leads."""
        if self._text:
            return
        moved = True
        while moved:
            await self._drain(self._last or self.screen)
            opening = self._opening()
            await self._wait_for(opening)
            before, self._last = self._last, self.focused or self.screen
            moved = bool(opening) or self._last is not before

    async def _drain(self, node: DOMNode) -> None:
        """Until all messages that a node and those around it have now are handled."""
        for _ in range(DEPTH):
            follower = Follower()
            end = time.monotonic() + PATIENCE[OPENING]
            node.post_message(follower)
            while node.is_attached and not follower.arrived.is_set() and time.monotonic() < end:
                with suppress(TimeoutError):
                    await asyncio.wait_for(follower.arrived.wait(), LOST)

    def on_follower(self, event: Follower) -> None:
        event.arrived.set()

    def hear_again(self, event: events.Key) -> None:
        """Another screen hears a key, before what was typed since."""
        self._typed.appendleft(events.Key(event.key, event.character))
        self._go_on()

    def take_typed(self) -> str:
        """The letters that wait, for a terminal of somebody else; they are heard there alone."""
        typed, self._typed = self._typed, deque()
        return "".join(
            it.text if isinstance(it, events.Paste) else it.character or "" for it in typed
        )

    # --- who is about to take the focus ---------------------------------------------------------

    def _opening(self) -> list[Worker[Any]]:
        return [
            worker
            for worker in self.workers
            if worker.group in PATIENCE
            and not (worker.is_finished or worker in self._asking or worker in self._slow)
        ]

    async def _wait_for(self, opening: list[Worker[Any]]) -> None:
        began = time.monotonic()
        while any(worker in self._opening() for worker in opening):
            waited = time.monotonic() - began
            self._slow |= {it for it in opening if waited > PATIENCE[it.group]}
            await asyncio.sleep(LOOK)
        self._slow = {worker for worker in self._slow if not worker.is_finished}

    def push_screen(self, screen: Any, *arguments: Any, **more: Any) -> Any:
        """Textual's own; while an answer is awaited, keys do not wait for who asked."""
        pushed = super().push_screen(screen, *arguments, **more)
        if isinstance(pushed, asyncio.Future):
            worker = get_current_worker()
            self._asking.add(worker)
            pushed.add_done_callback(lambda _: self._asking.discard(worker))
        return pushed
