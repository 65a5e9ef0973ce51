"""The files of a container, running or not: looked through, read, copied out and in.

Invariant: nothing of the container's is run, nobody is held still, and a link leads where it
leads inside; names come from there and are shown without what a terminal would obey.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from tuidock import format as fmt
from tuidock.engine.errors import EngineError, WrongStatus
from tuidock.engine.filesystem import Change, ChangeKind, Listing, PathStat
from tuidock.engine.types import Container
from tuidock.jobs import Say
from tuidock.screens.base import bindings
from tuidock.screens.detail import Tab, new_life
from tuidock.screens.editing import Editor, TextFile, changed_meanwhile, opened, stored
from tuidock.screens.listing import Item, Value
from tuidock.screens.reading import Reader
from tuidock.screens.tabpane import TabPane
from tuidock.turns import OPENING
from tuidock.widgets.dialogs import Ask, Confirm
from tuidock.widgets.table import Column, LiveTable

READ = 256 * 1024
"""Bytes of a file that are shown."""
COLUMNS: Sequence[Column] = (
    Column("kind", "", 1),
    Column("name", "NAME"),
    Column("mode", "MODE", 10, min_screen=90),
    Column("size", "SIZE", 8, "right"),
    Column("changed", "CHANGED", 14, "right", min_screen=80),
)
STYLES = {
    ChangeKind.ADDED: "$status-running",
    ChangeKind.MODIFIED: "$status-paused",
    ChangeKind.DELETED: "$status-failed",
}


class FilesTab(Tab):
    """A directory at a time; what differs from the image is marked A, C or D."""

    TITLE = "Files"
    HOT = "LiveTable"
    SCOPE = "files"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("files"),
        Binding("left,h,backspace", "up", "Up", show=False, id="files.up"),
        Binding("right,l", "enter", "Into", show=False, id="files.enter"),
    ]
    DEFAULT_CSS = """
    FilesTab > #path { height: 1; padding: 0 1; color: $quiet; background: $panel; }
    """

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self._path = "/"
        self._places: dict[str, str] = {}
        """Where one was last in each container."""
        self._listing = Listing((), True)
        self._changes: Mapping[str, ChangeKind] = {}
        self._only = False
        """Show all that differs, wherever it is, and nothing else."""

    def compose(self) -> ComposeResult:
        yield Static(id="path")
        yield TabPane(COLUMNS)

    @property
    def listing(self) -> TabPane:
        return self.query_one(TabPane)

    def show(self, subject: Container | None, before: Container | None) -> None:
        if subject is None:
            self._fill([])
        elif new_life(subject, before) or (before and subject.status != before.status):
            self._path = self._places.get(subject.id, "/")
            self.look(subject, self._path)

    # --- looking ------------------------------------------------------------------------------

    @work(exclusive=True, group="files", exit_on_error=False)
    async def look(self, it: Container, path: str, came_from: str = "") -> None:
        """List a directory, with the marks of what differs."""
        files = self.dock_screen.engine.files
        with self.dock_screen.presented():
            stays, before = path == self._path, self._path
            self._places[it.id] = path  # should the container stop meanwhile, one still goes there
            try:
                self._listing = await files.list(it.id, path)
            except WrongStatus:  # it ends in this moment: who hears of that looks again
                return
            except EngineError:
                self._places[it.id] = before if before != path else "/"
                raise
            self._path = path
            self._paint()
            if not stays:
                self.listing.clear_filter()
                self._put_cursor(came_from)
            self._changes = {change.path: change.kind for change in await files.changes(it.id)}
            self._paint()

    def _put_cursor(self, name: str) -> None:
        """On the directory that one came out of, else at the top."""
        table = self.listing.table
        table.cursor_key = name or (table.rows[0].key if table.rows else None)

    def _paint(self) -> None:
        if self._only:
            self._fill([changed(Change(kind, path)) for path, kind in self._changes.items()])
        else:
            self._fill(self._rows())
        self._tell_path()

    def _rows(self) -> list[Item]:
        entries = sorted(self._listing.entries, key=lambda it: (not stat.S_ISDIR(it.mode), it.name))
        rows = [entry(it, self._kind(it.name)) for it in entries]
        here = {it.name for it in entries}
        gone = [
            path
            for path, kind in self._changes.items()
            if kind is ChangeKind.DELETED and posixpath.dirname(path) == self._path
        ]
        return rows + [lost(path) for path in gone if posixpath.basename(path) not in here]

    def _kind(self, name: str) -> ChangeKind | None:
        return self._changes.get(posixpath.join(self._path, name))

    def _fill(self, rows: Sequence[Item]) -> None:
        self.listing.say("Nothing differs from the image." if self._only else "An empty directory.")
        self.listing.set_items(rows)

    def _tell_path(self) -> None:
        count = fmt.count(len(self._changes), "difference")
        where = "what differs from the image" if self._only else shown(self._path)
        more = "" if self._listing.whole else " · too many entries, some are left out"
        self.query_one("#path", Static).update(Content(f"{where}  ·  {count}{more}"))

    # --- going ----------------------------------------------------------------------------------

    @property
    def chosen(self) -> tuple[str, PathStat | None]:
        """Path and facts of the row under the cursor; no facts for what is deleted."""
        key = self.listing.cursor_key or ""
        if self._only:
            return key, None
        found = next((it for it in self._listing.entries if it.name == key), None)
        return posixpath.join(self._path, key), found

    @on(LiveTable.Selected)
    def _selected(self, event: LiveTable.Selected) -> None:
        event.stop()
        self.action_enter()

    def action_enter(self) -> None:
        """Into a directory; anything else is read."""
        path, found = self.chosen
        if found is not None and stat.S_ISDIR(found.mode):
            self.look(self.subject, path)
        elif self.listing.cursor_key:
            self.action_view()

    def action_up(self) -> None:
        """To the directory above; from the root, back to the list."""
        if self._only:
            self.action_only_changes()
        elif self._path != "/":
            above, name = posixpath.split(self._path)
            self.look(self.subject, above, name)
        else:
            self.dock_screen.go_back()

    def action_only_changes(self) -> None:
        self._only = not self._only
        self._paint()

    # --- changing -------------------------------------------------------------------------------

    @work(group="dialog", exclusive=True, exit_on_error=False)
    async def action_edit(self) -> None:
        """Change the text of a file; who owns it and its mode stay."""
        it, files = self.subject, self.dock_screen.engine.files
        with self.dock_screen.presented():
            file = await opened(files, it.id, self.chosen[0])
            title = f"{it.name}:{shown(file.path)}"
            text = await self.app.push_screen_wait(Editor(title, file.text))
            if text is None or not await self._may_write(it, file):
                return
            await stored(files, it.id, file, text)
            self.look(it, self._path)

    async def _may_write(self, it: Container, file: TextFile) -> bool:
        if not await changed_meanwhile(self.dock_screen.engine.files, it.id, file):
            return True
        body = f"Somebody else has changed {shown(file.path)} since you opened it."
        question = Confirm("Write over it?", body, dangerous=True, yes="Write")
        sure: bool | None = await self.app.push_screen_wait(question)
        return bool(sure)

    @work(group="dialog", exclusive=True, exit_on_error=False)
    async def action_revert(self) -> None:
        """Make what is under the cursor, and all below it, what the image has there."""
        it, path = self.subject, self.chosen[0]
        below = [each for each in self._changes if each == path or each.startswith(path + "/")]
        if not self.listing.cursor_key or not below:
            self.notify(f"{shown(path)} is as the image has it", markup=False)
            return
        count = f"{fmt.count(len(below), 'difference')} from the image will be gone."
        question = Confirm(f"Revert {shown(path)}?", count, dangerous=True, yes="Revert")
        sure: bool | None = True
        if self.dock_screen.dock.config.confirm:
            sure = await self.app.push_screen_wait(question)
        if not sure:
            return
        with self.dock_screen.presented():
            await self.dock_screen.engine.files.revert(it.id, path)
            self.look(it, self._path)

    # --- reading and copying ---------------------------------------------------------------------

    @work(group=OPENING, exclusive=True, exit_on_error=False)
    async def action_view(self) -> None:
        """The beginning of a file; a link to a directory is gone into."""
        path, found = self.chosen
        files = self.dock_screen.engine.files
        with self.dock_screen.presented():
            if found is not None and found.link_target and await self._leads_into(path):
                return
            data = await files.read(self.subject.id, path, READ + 1)
            self.app.push_screen(Reader(shown(path), data[:READ], whole=len(data) <= READ))

    async def _leads_into(self, path: str) -> bool:
        """Follow a link to a directory."""
        found = await self.dock_screen.engine.files.stat(self.subject.id, path + "/.")
        if stat.S_ISDIR(found.mode):
            self.look(self.subject, path)
        return stat.S_ISDIR(found.mode)

    @work(group="dialog", exit_on_error=False)
    async def action_save(self) -> None:
        """Copy what is under the cursor to the host."""
        path, _ = self.chosen
        if not self.listing.cursor_key:
            return
        there = os.path.join(os.getcwd(), posixpath.basename(path))
        local = await self.app.push_screen_wait(Ask(f"Copy {shown(path)} to", shown(there)))
        if local:
            self._copy(
                ("cp", f"{self.subject.name}:{path}", os.path.expanduser(local)), self.subject
            )

    @work(group="dialog", exit_on_error=False)
    async def action_put(self) -> None:
        """Copy a file or a directory of the host into the directory that is shown."""
        title = f"Copy into {self.subject.name}:{shown(self._path)}"
        local = await self.app.push_screen_wait(Ask(title, os.getcwd() + "/"))
        if local:
            target = f"{self.subject.name}:{self._path}"
            self._copy(("cp", os.path.expanduser(local), target), self.subject)

    def _copy(self, words: tuple[str, str, str], it: Container) -> None:
        """As a job, so that leaving does not end it."""
        _, source, target = words
        out = source.startswith(f"{it.name}:")
        files = self.dock_screen.engine.files

        async def copy(say: Say) -> None:
            if out:
                copied = await files.copy_out(it.id, source.partition(":")[2], target)
            else:
                copied = await files.copy_in(source, it.id, target.partition(":")[2])
            left = f", {copied.skipped} devices and sockets left out" if copied.skipped else ""
            say(f"{fmt.size(copied.size)} to {shown(target)}{left}")
            if not out and self.subject and self.subject.id == it.id:
                self.look(it, self._path)

        title = f"{shown(source)} → {shown(target)}"
        self.dock_screen.dock.jobs.begin("copy", title, ("tuidock", *words), copy)

    def yankable(self) -> list[tuple[str, str]]:
        path, found = self.chosen
        link = [("link", found.link_target)] if found and found.link_target else []
        name = self.subject.name if self.subject else ""
        return [("path", shown(path)), *link, ("command", f"tuidock cp {name}:{shown(path)} .")]


def shown(path: str) -> str:
    """A path whose odd bytes can be written to a terminal."""
    return os.fsencode(path).decode("utf-8", "replace")


def entry(it: PathStat, kind: ChangeKind | None) -> Item:
    """A row of a directory."""
    directory = stat.S_ISDIR(it.mode)
    name = shown(it.name) + ("/" if directory else "")
    name += f" → {shown(it.link_target)}" if it.link_target else ""
    style = STYLES[kind] if kind else "$text-primary" if directory else ""
    cells = (
        Content.styled(str(kind or ""), style),
        Content.styled(name, style) if style else name,
        stat.filemode(it.mode),
        "" if directory else fmt.size(it.size),
        fmt.day_clock(it.mtime)[:12],
    )
    order: dict[str, Value] = {"name": it.name, "size": float(it.size), "changed": it.mtime}
    facts: dict[str, str | float] = {"kind": str(kind or ""), "size": it.size, "name": it.name}
    return Item(it.name, cells, f"{kind or ''} {name}", order, facts=facts)


def lost(path: str) -> Item:
    """A row of what was deleted."""
    name = posixpath.basename(path)
    return _bare(name, Change(ChangeKind.DELETED, path), shown(name))


def changed(change: Change) -> Item:
    """A row of the list of all that differs."""
    return _bare(change.path, change, shown(change.path))


def _bare(key: str, change: Change, text: str) -> Item:
    style = STYLES[change.kind]
    cells = (Content.styled(str(change.kind), style), Content.styled(text, style), "", "", "")
    facts: dict[str, str | float] = {"kind": str(change.kind), "name": text}
    return Item(key, cells, f"{change.kind} {text}", {"name": text}, facts=facts)
