"""Reader: the text of a file over the screen, to be searched and copied; bytes as a dump."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, TextArea
from textual.widgets.text_area import Selection

from tuidock.engine.logs.sanitise import plain
from tuidock.widgets.modal import Modal

Place = tuple[int, int]
"""Row and column."""
DUMP = 16 * 1024
"""Bytes of a file that is no text, and 16 of them make a line."""


class Reader(Modal[None]):
    """Read only; `/` searches, `n` and `N` go on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "Close", id="reader.close"),
        Binding("slash", "search", "Search", id="reader.search"),
        Binding("n", "next(1)", "Next", id="reader.next"),
        Binding("N", "next(-1)", "Previous", id="reader.previous"),
        Binding("w", "wrap", "Wrap", id="reader.wrap"),
    ]
    DEFAULT_CSS = """
    Reader {
        align: center middle;
        & > TextArea, & > TextArea:focus {
            width: 96%; height: 92%; border: round $border; background: $surface; padding: 0;
            border-title-style: bold; border-subtitle-color: $quiet;
        }
        & > Input { dock: bottom; display: none; height: 1; border: none; background: $panel; }
        &.-searching > Input { display: block; }
    }
    """

    def __init__(self, title: str, data: bytes, *, whole: bool, wrap: bool = False) -> None:
        super().__init__()
        self._title, self._data, self._whole, self._wrap = title, data, whole, wrap
        self._wanted = ""

    def compose(self) -> ComposeResult:
        text, kind = as_text(self._data)
        numbers = kind == "text" and not self._wrap
        area = TextArea(text, read_only=True, show_line_numbers=numbers, soft_wrap=self._wrap)
        area.border_title = self._title
        cut = "" if self._whole else f" · the first {len(self._data) // 1024} KiB"
        area.border_subtitle = f"{kind}{cut} · / searches · esc closes"
        yield area
        yield Input(placeholder="search", compact=True)

    def on_mount(self) -> None:
        self.query_one(TextArea).focus()

    def action_close(self) -> None:
        if self.has_class("-searching"):
            self._end_search()
        else:
            self.dismiss()

    def action_search(self) -> None:
        self.add_class("-searching")
        self.query_one(Input).focus()

    def _end_search(self) -> None:
        self.remove_class("-searching")
        self.query_one(TextArea).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._wanted = event.value
        self._end_search()
        self.action_next(1)

    def action_next(self, way: int) -> None:
        """To the next place with the words, from the start again after the last one."""
        area = self.query_one(TextArea)
        if not self._wanted:
            return
        found = find(area.text.split("\n"), self._wanted, min(area.selection), way)
        if found is None:
            self.notify(self._wanted, title="Not found", markup=False)
        else:
            row, column = found
            area.selection = Selection(found, (row, column + len(self._wanted)))

    def action_wrap(self) -> None:
        area = self.query_one(TextArea)
        area.soft_wrap = not area.soft_wrap


def find(lines: Sequence[str], wanted: str, here: Place, way: int) -> Place | None:
    """The next place of the words after (`way` 1) or before (-1) a place, round the end."""
    wanted = wanted.lower()
    every = [
        (row, column) for row, line in enumerate(lines) for column in _columns(line.lower(), wanted)
    ]
    if way > 0:
        return next((place for place in every if place > here), every[0] if every else None)
    return next((place for place in every[::-1] if place < here), every[-1] if every else None)


def _columns(line: str, wanted: str) -> Iterator[int]:
    column = line.find(wanted)
    while column >= 0:
        yield column
        column = line.find(wanted, column + 1)


def as_text(data: bytes) -> tuple[str, str]:
    """(what to show, `text` or `binary`); controls of a terminal do not come through."""
    if b"\0" in data[:8192]:
        return dump(data[:DUMP]), "binary"
    lines = data.decode("utf-8", "replace").expandtabs(4).split("\n")
    return "\n".join(plain(line) for line in lines), "text"


def dump(data: bytes) -> str:
    """Offset, 16 bytes in hexadecimal, and the letters among them."""
    lines = []
    for at in range(0, len(data), 16):
        piece = data[at : at + 16]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in piece)
        lines.append(f"{at:08x}  {piece.hex(' '):<47}  {letters}")
    return "\n".join(lines)
