"""Editing one text file of a container: read with its owner and mode, changed, put back with both.

Invariant: what is no plain text of a bearable size is not opened, and nothing is written over a
file that was changed meanwhile unless somebody says so.
"""

from __future__ import annotations

import io
import posixpath
import tarfile
import time
from collections.abc import AsyncIterator
from typing import ClassVar, NamedTuple

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import TextArea

from tuidock.engine.api import Files
from tuidock.engine.errors import Conflict, NotFound
from tuidock.engine.filesystem import PathStat
from tuidock.widgets.dialogs import Confirm

LARGEST = 1024 * 1024
"""Bytes of a file that is edited."""
OBEYED = frozenset(map(chr, (*range(9), 11, 12, *range(14, 32), 127)))
"""Letters that a terminal does not show."""
LINKS = 40
"""As many as the kernel follows."""


class TextFile(NamedTuple):
    """A file as it was read."""

    path: str
    """Its own: no link."""
    head: tarfile.TarInfo
    """Owner, mode and attributes."""
    facts: PathStat
    text: str


async def opened(files: Files, key: str, path: str) -> TextFile:
    """Read a file, or what a link points at. Raises Conflict when it cannot be edited, NotFound."""
    path, facts = await _followed(files, key, path)
    if facts.size > LARGEST:
        raise Conflict(f"{path} is too large to be edited here", "copy it out, and in again")
    archive = b"".join([piece async for piece in files.archive(key, path)])
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        head = tar.next()
        content = tar.extractfile(head) if head else None
        if head is None or content is None:
            raise Conflict(f"{path} is no regular file")
        return TextFile(path, head, facts, _plain(path, content.read()))


async def _followed(files: Files, key: str, path: str) -> tuple[str, PathStat]:
    for _ in range(LINKS):
        facts = await files.stat(key, path)
        if not facts.link_target:
            return path, facts
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), facts.link_target))
    raise NotFound(f"{path}: too many symbolic links")


def _plain(path: str, data: bytes) -> str:
    """The text of a file that an editor gives back as it was. Raises Conflict."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Conflict(f"{path} is no text", "copy it out, and in again") from None
    if any(letter in OBEYED for letter in text):
        raise Conflict(f"{path} holds what a terminal would obey", "copy it out, and in again")
    ends = {text.count("\r\n"), text.count("\n"), text.count("\r")}
    if text.count("\r") and len(ends) > 1:
        raise Conflict(f"{path} mixes kinds of line ends", "copy it out, and in again")
    return text


async def changed_meanwhile(files: Files, key: str, file: TextFile) -> bool:
    """Whether somebody else wrote to it, or removed it, since it was read."""
    try:
        return await files.stat(key, file.path) != file.facts
    except NotFound:
        return True


async def stored(files: Files, key: str, file: TextFile, text: str) -> None:
    """Put another text in its place, owner and mode as they were. Raises EngineError."""
    data, head = text.encode(), file.head
    head.name, head.size, head.mtime = posixpath.basename(file.path), len(data), int(time.time())
    head.pax_headers = {
        name: value for name, value in head.pax_headers.items() if name.startswith("SCHILY.xattr")
    }
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(head, io.BytesIO(data))
    await files.extract(key, posixpath.dirname(file.path), _pieces(archive.getvalue()), owners=True)


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data


class Editor(ModalScreen[str | None]):
    """The text, to be changed; what it ends with is the text to keep, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "keep", "Save", id="editor.save", priority=True),
        Binding("escape", "close", "Close", id="editor.close", priority=True),
    ]
    DEFAULT_CSS = """
    Editor {
        align: center middle;
        & > TextArea, & > TextArea:focus {
            width: 96%; height: 92%; border: round $primary; background: $surface; padding: 0;
            border-title-style: bold; border-subtitle-color: $quiet;
        }
    }
    """

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        area = TextArea(self._text, show_line_numbers=True, soft_wrap=False, tab_behavior="indent")
        area.indent_type = "tabs" if "\t" in self._text else "spaces"
        area.border_title = self._title
        area.border_subtitle = "ctrl+s saves · esc closes · ctrl+z takes back"
        yield area

    def on_mount(self) -> None:
        self.query_one(TextArea).focus()

    @property
    def text(self) -> str:
        return self.query_one(TextArea).text

    def action_keep(self) -> None:
        self.dismiss(self.text if self.text != self._text else None)

    @work(group="dialog", exclusive=True)
    async def action_close(self) -> None:
        """Without a question when nothing was changed."""
        question = Confirm("Throw your changes away?", dangerous=True, yes="Throw away")
        sure: bool | None = self.text == self._text
        if not sure:
            sure = await self.app.push_screen_wait(question)
        if sure:
            self.dismiss(None)
