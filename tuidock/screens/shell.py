"""Shells: one inside the interface for each container, or one on the whole terminal.

Invariant: a session belongs to its container; looking at another one leaves it running.
"""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from textual import on, work
from textual.app import App, ComposeResult
from textual.content import Content
from textual.widgets import Static

from tuidock.engine.api import Session
from tuidock.engine.types import Container, ExecSpec, Status
from tuidock.screens.detail import Tab
from tuidock.widgets.terminal import Terminal


class ShellTab(Tab):
    """Terminals, one for each container that has a session."""

    TITLE = "Shell"
    HOT = "Terminal.-shown"

    DEFAULT_CSS = """
    ShellTab {
        & > Terminal { display: none; height: 1fr; }
        & > Terminal.-shown { display: block; }
        & > #hint { padding: 0 1; color: $text-muted; }
    }
    """

    def compose(self) -> ComposeResult:
        yield Static(id="hint")

    def sleep(self) -> None:
        """Sessions go on out of sight."""
        self.awake = False

    def show(self, subject: Container | None, before: Container | None) -> None:
        wanted = f"session-{subject.id[:12]}" if subject else ""
        for terminal in self.query(Terminal):
            terminal.set_class(terminal.id == wanted, "-shown")
        hint = self.query_one("#hint", Static)
        hint.display = not self.query("Terminal.-shown")
        hint.update(Content(self._hint(subject)))

    def _hint(self, subject: Container | None) -> str:
        if subject is None:
            return ""
        if subject.status is not Status.RUNNING:
            return f"No shell. {self.idle(subject)}"
        key = self.dock_screen.key_of
        return (
            f"No session. {key('container.shell')} opens a shell here, "
            f"{key('container.shell_full')} on the whole terminal, "
            f"{key('container.attach')} attaches to its own input."
        )

    @work(group="session", exit_on_error=False)
    async def begin(self, it: Container, *, attach: bool) -> None:
        """Go on with the container's session, or open one."""
        name = f"session-{it.id[:12]}"
        await self.query(Terminal).filter(f"#{name}.-ended").remove()
        if not self.query(f"#{name}"):
            with self.dock_screen.presented():
                session = await self._open(it, attach=attach)
                await self.mount(Terminal(session, id=name))
        self.show(self.subject, None)
        if self.subject and self.subject.id == it.id and self.awake:
            self.take_focus()

    async def _open(self, it: Container, *, attach: bool) -> Session:
        engine = self.dock_screen.engine
        if attach:
            return await engine.containers.attach(it.id)
        shell = self.dock_screen.dock.config.shell
        return await engine.containers.exec(it.id, ExecSpec((shell,), tty=True, stdin=True))

    @on(Terminal.Ended)
    async def _session_ended(self, event: Terminal.Ended) -> None:
        """A plain end gives the place back; another one stays to be read until the next."""
        event.stop()
        had_focus = event.terminal.has_focus
        event.terminal.add_class("-ended")
        if event.code == 0:
            await event.terminal.remove()
            self.show(self.subject, None)
        if had_focus:
            self.dock_screen.go_back()

    @on(Terminal.Left)
    def _terminal_left(self, event: Terminal.Left) -> None:
        event.stop()
        self.dock_screen.go_back()


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


async def lend_terminal(app: App[Any], session: Session) -> int:
    """Join the session with the real terminal until it ends; its exit code."""
    try:
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
