"""Commands of the user's own, from `[commands]` in the settings, about the chosen containers.

Invariant: the line that will run is shown before it runs, as one could type it; what a
container is called never becomes part of the shell's language.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from textual import work
from textual.app import ComposeResult, SuspendNotSupported
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tuidock.engine.types import Container
from tuidock.screens.lending import terminal_lent
from tuidock.widgets import ansi
from tuidock.widgets.dialogs import Choose, Dialog

if TYPE_CHECKING:
    from tuidock.screens.base import DockScreen

HOW = '[commands] in the settings makes some: dive = "dive {image}"; also {id} and {name}'
KEPT = 64 * 1024
"""Bytes of output that are kept: the newest."""
FRAME = 1 / 20
WAYS = (("show", "Run, and show what it prints"), ("lend", "Run on the whole terminal"))


def command_line(template: str, it: Container) -> str:
    """The template about one container, every value quoted for the shell."""
    facts = {"id": it.id, "name": it.name, "image": it.image}
    return template.format_map({key: shlex.quote(value) for key, value in facts.items()})


async def run(screen: DockScreen, targets: Sequence[Container]) -> None:
    """Choose a command, see its line, choose where it runs."""
    commands = screen.dock.config.commands
    if not commands:
        screen.notify(HOW, title="No commands of your own", markup=False)
        return
    options = [(name, f"{name:<14}{text}") for name, text in commands.items()]
    name = await screen.app.push_screen_wait(Choose("Commands", options))
    if name is None or not targets:
        return
    lines = "\n".join(command_line(commands[name], it) for it in targets)
    way = await screen.app.push_screen_wait(Choose(name, WAYS, body=lines))
    if way == "show":
        await screen.app.push_screen_wait(Output(lines))
    elif way == "lend":
        await _lend(screen, lines)


async def _lend(screen: DockScreen, lines: str) -> None:
    """On the real terminal, until the user has read what it said."""
    try:
        with terminal_lent(screen.app):
            print("\n".join(f"$ {line}" for line in lines.splitlines()), flush=True)
            process = await asyncio.create_subprocess_shell(lines)
            code = await process.wait()
            print(f"\nexit {code}; Enter goes back to tuidock ", end="", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
    except SuspendNotSupported:
        screen.notify("show its output instead", title="No terminal to lend", severity="warning")


class Output(Dialog[None]):
    """What a command prints while it runs; closing the dialog ends the command."""

    DEFAULT_CSS = """
    Output {
        & > .dialog { width: 112; }
        & VerticalScroll { height: auto; max-height: 26; min-height: 3; }
        & .line { color: $text-success; height: auto; margin-bottom: 1; }
        & .said { height: auto; }
    }
    """

    def __init__(self, lines: str) -> None:
        super().__init__()
        self._lines = lines
        self._said = b""

    def compose(self) -> ComposeResult:
        shown = "\n".join(f"$ {line}" for line in self._lines.splitlines())
        said = VerticalScroll(Static(classes="said"))
        box = self.box("Command", Static(Content(shown), classes="line"), said)
        box.border_subtitle = "running · esc ends it"
        yield box

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        self.follow()

    @work(exit_on_error=False)
    async def follow(self) -> None:
        """Run it in a process group of its own and show its end as it grows."""
        process = await asyncio.create_subprocess_shell(
            self._lines,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while process.stdout and (data := await process.stdout.read(KEPT)):
                self._tell(data)
                await asyncio.sleep(FRAME)
            code = await process.wait()
            self.query_one(".dialog").border_subtitle = f"exit {code} · esc closes"
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def _tell(self, data: bytes) -> None:
        self._said = (self._said + data)[-KEPT:]
        text = self._said.decode("utf-8", "replace").expandtabs()
        said = "\n".join(ansi.plain(line) for line in text.splitlines())
        self.query_one(".said", Static).update(Content(said))
        self.query_one(VerticalScroll).scroll_end(animate=False)
