"""The processes of a container as a tree, or sorted; and a signal for the one that was chosen.

Invariant: looked at only while somebody looks; a share of CPU is what was used between two looks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType

from tuidock import format as fmt
from tuidock.engine.types import UP, Container, Process
from tuidock.screens.base import bindings
from tuidock.screens.detail import Tab, new_life
from tuidock.screens.listing import Item, Value
from tuidock.screens.signals import choose
from tuidock.screens.tabpane import TabPane, read_whole
from tuidock.widgets.table import Column, LiveTable

GLANCE = 2.0
"""Seconds between two looks."""
COLUMNS: Sequence[Column] = (
    Column("pid", "PID", 8, "right"),
    Column("parent", "PPID", 8, "right", 100),
    Column("user", "USER", 7),
    Column("state", "S", 1),
    Column("cpu", "CPU", 6, "right"),
    Column("time", "TIME", 9, "right", 90),
    Column("memory", "MEM", 7, "right"),
    Column("age", "AGE", 5, "right", 100),
    Column("command", "COMMAND"),
)


class ProcessesTab(Tab):
    """Pids are the host's: what `top`, `kill` and the kernel's log say."""

    TITLE = "Processes"
    HOT = "LiveTable"
    SCOPE = "top"
    BINDINGS: ClassVar[list[BindingType]] = bindings("top")

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self._found: Sequence[Process] = ()
        self._shares: Mapping[int, float] = {}

    def compose(self) -> ComposeResult:
        yield TabPane(COLUMNS, sorted_anew=self._fill)

    @property
    def listing(self) -> TabPane:
        return self.query_one(TabPane)

    @property
    def chosen(self) -> Process | None:
        """The one under the cursor."""
        key = self.listing.cursor_key
        return next((it for it in self._found if str(it.pid) == key), None)

    @on(LiveTable.Selected)
    def _selected(self, event: LiveTable.Selected) -> None:
        event.stop()
        if self.chosen is not None:
            read_whole(self.app, f"Process {self.chosen.pid}", self.chosen.command)

    def yankable(self) -> list[tuple[str, str]]:
        it = self.chosen
        return [("pid", str(it.pid)), ("command", it.command)] if it else []

    def show(self, subject: Container | None, before: Container | None) -> None:
        if subject is None or subject.status not in UP:
            self.workers.cancel_node(self)
            self.listing.say(f"No processes. {self.idle(subject)}" if subject else "")
            self._take((), {})
        elif new_life(subject, before):
            self.follow(subject)

    @work(exclusive=True, group="top", exit_on_error=False)
    async def follow(self, it: Container) -> None:
        """Look at the processes again and again."""
        before: Sequence[Process] = ()
        looked = time.monotonic()
        with self.looking():
            while True:
                found = await self.dock_screen.engine.containers.top(it.id)
                passed, looked = time.monotonic() - looked, time.monotonic()
                self._take(found, shares(before, found, passed))
                before = found
                await asyncio.sleep(GLANCE)

    @work(group="dialog", exit_on_error=False)
    async def action_signal(self) -> None:
        """Send one to the process under the cursor, and to nobody else."""
        process, it = self.chosen, self.subject
        if process is None or it is None:
            return
        title = f"A signal for process {process.pid}"
        name = await choose(self.dock_screen, title, process.command[:200])
        if name:
            with self.dock_screen.presented():
                await self.dock_screen.engine.containers.signal(it.id, process.pid, name)
                self.notify(process.command[:80], title=f"{name} to {process.pid}", markup=False)

    def _take(self, found: Sequence[Process], shares: Mapping[int, float]) -> None:
        self._found, self._shares = found, shares
        self._fill()

    def _fill(self) -> None:
        """As a tree, unless they are sorted by something."""
        now = self.dock_screen.dock.now()
        plain = bool(self.listing.sorted_by)
        rows = ((it, "") for it in self._found) if plain else tree(self._found)
        shares = self._shares
        self.listing.set_items([item(it, lead, shares.get(it.pid), now) for it, lead in rows])


def shares(before: Sequence[Process], now: Sequence[Process], passed: float) -> Mapping[int, float]:
    """Cores in use since the look before, by pid; a process that is new is left out."""
    used = {(it.pid, it.started): it.cpu_seconds for it in before}
    known = [it for it in now if (it.pid, it.started) in used]
    return {
        it.pid: max(0.0, it.cpu_seconds - used[it.pid, it.started]) / max(passed, 0.001)
        for it in known
    }


def tree(found: Sequence[Process]) -> Iterator[tuple[Process, str]]:
    """Each process with the lines that lead to it, children below their parent."""
    pids = {it.pid for it in found}
    children: dict[int, list[Process]] = {}
    for it in found:
        children.setdefault(it.parent if it.parent in pids else 0, []).append(it)
    stack = [(it, "", "") for it in reversed(children.get(0, []))]
    while stack:
        it, lead, below = stack.pop()
        yield it, lead
        own = children.get(it.pid, [])
        for index, child in reversed(list(enumerate(own))):
            last = index == len(own) - 1
            stack.append(
                (child, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "))
            )


def item(it: Process, lead: str, share: float | None, now: float) -> Item:
    """A row."""
    minutes, seconds = divmod(it.cpu_seconds, 60)
    cells = (
        str(it.pid),
        str(it.parent),
        it.user,
        it.state,
        "" if share is None else fmt.cpu(share),
        f"{int(minutes)}:{seconds:05.2f}",
        fmt.size(it.memory),
        fmt.age(now - it.started),
        lead + it.command,
    )
    order: dict[str, Value] = {
        "pid": float(it.pid),
        "user": it.user,
        "cpu": share or 0.0,
        "time": it.cpu_seconds,
        "memory": float(it.memory),
        "age": now - it.started,
        "command": it.command,
    }
    facts: dict[str, str | float] = {
        "pid": it.pid,
        "user": it.user,
        "state": it.state,
        "cpu": (share or 0.0) * 100,
        "memory": it.memory,
    }
    return Item(str(it.pid), cells, f"{it.pid} {it.user} {it.command}", order, facts=facts)
