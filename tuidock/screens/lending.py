"""The whole terminal for a session: the interface steps back until that ends.

Invariant: the terminal is as it was when the interface takes it again, whatever went wrong.
"""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from textual.app import App, SuspendNotSupported

from tuidock.engine.api import Session
from tuidock.engine.types import Container, ExecSpec

if TYPE_CHECKING:
    from tuidock.screens.base import DockScreen


async def full_shell(screen: DockScreen, it: Container) -> None:
    """The usual shell of its image on the whole terminal. Raises EngineError."""
    shell = screen.dock.state.shells.get(it.image, screen.dock.config.shell)
    kind = tuple(f"{n}={os.environ[n]}" for n in ("TERM", "COLORTERM") if n in os.environ)
    spec = ExecSpec((shell,), kind, tty=True, stdin=True)
    session = await screen.engine.containers.exec(it.id, spec)
    try:
        await lend_terminal(screen.app, session, screen.dock.take_typed())
    except SuspendNotSupported:
        screen.notify("e opens a shell here", title="No terminal to lend", severity="warning")


@contextmanager
def terminal_lent(app: App[Any]) -> Iterator[None]:
    """Lend the real terminal; a failure is raised only once the screen is ours again.

    Repaints are held meanwhile: Textual's writer thread stands still, and its queue of frames
    would block the loop when full.
    """
    failure: BaseException | None = None
    with app.batch_update(), app.suspend():
        try:
            yield
        except BaseException as error:
            failure = error
    if failure is not None:
        raise failure


async def lend_terminal(app: App[Any], session: Session, typed: str = "") -> int:
    """Join the session with the real terminal until it ends; its exit code.

    `typed` is what was typed for it already.
    """
    try:
        await session.write(typed.encode())
        with terminal_lent(app), raw_input() as keyboard:
            return await _join(session, keyboard)
    finally:
        await session.close()


@contextmanager
def raw_input() -> Iterator[int]:
    """Standard input without echo or line editing; its descriptor."""
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    tty.setraw(keyboard)
    try:
        yield keyboard
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


async def _join(session: Session, keyboard: int) -> int:
    loop = asyncio.get_running_loop()
    typed: asyncio.Queue[bytes] = asyncio.Queue()
    loop.add_reader(keyboard, lambda: typed.put_nowait(os.read(keyboard, 4096)))
    helpers = [asyncio.create_task(_type(session, typed)), asyncio.create_task(_fit(session))]
    try:
        async for _, data in session.output():
            os.write(sys.stdout.fileno(), data)
        return await session.wait()
    finally:
        loop.remove_reader(keyboard)
        for task in helpers:
            task.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)


async def _type(session: Session, typed: asyncio.Queue[bytes]) -> None:
    while data := await typed.get():
        await session.write(data)


async def _fit(session: Session) -> None:
    """Tell the session the terminal's size whenever it differs; the signal belongs to Textual."""
    known = os.terminal_size((0, 0))
    while True:
        size = os.get_terminal_size(sys.stdout.fileno())
        if size != known:
            known = size
            await session.resize(size.columns, size.lines)
        await asyncio.sleep(0.2)
