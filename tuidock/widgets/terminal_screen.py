"""The state of a terminal: pyte's screen with what xterm programs expect of it besides.

Adds scrollback, the alternate screen, scroll (SU, SD), repeat (REP), back-tab, save and restore
of the cursor, and a resize that keeps the prompt. Invariant: `feed` accepts any bytes; what it
does not know is dropped, never printed, never raised. Names: ECMA-48, xterm's ctlseqs.
"""

from __future__ import annotations

import codecs
import re
from collections import defaultdict, deque
from collections.abc import Callable
from copy import copy

from pyte import charsets
from pyte import modes as mo
from pyte.screens import Char, Cursor, Margins, Screen, StaticDefaultDict
from pyte.streams import Stream

Line = StaticDefaultDict[int, Char]

SCROLLBACK = 5000
ALTERNATE = frozenset({47, 1047, 1049})
APPLICATION_CURSOR = 1 << 5
BRACKETED_PASTE = 2004 << 5
FOCUS_EVENTS = 1004 << 5
MOUSE = frozenset({1000 << 5, 1002 << 5, 1003 << 5})
MOUSE_SGR = 1006 << 5

HELD = 4096
"""Characters of an unfinished sequence that are waited for; a longer one is dropped."""


class TerminalScreen(Screen):
    """A grid of characters with a history; `answer` gets what the terminal replies."""

    def __init__(self, columns: int, lines: int, answer: Callable[[str], None]) -> None:
        self.history: deque[Line] = deque(maxlen=SCROLLBACK)
        self.pushed = 0
        """Lines ever pushed into the history."""
        self.rang = False
        self._answer = answer
        self._main: tuple[dict[int, Line], Cursor] | None = None
        self._last = " "
        self._glyphs: tuple[Char, dict[str, Char]] = (Char(" "), {})
        super().__init__(columns, lines)

    @property
    def alternate(self) -> bool:
        """Whether a full-screen program has the screen."""
        return self._main is not None

    def write_process_input(self, data: str) -> None:
        self._answer(data)

    def bell(self, *_: object) -> None:
        self.rang = True

    def reset(self) -> None:
        self._main = None
        super().reset()

    # --- text: the hot path ---------------------------------------------------------------

    def draw(self, data: str) -> None:
        self._last = data[-1]
        if data.isascii() and data.isprintable() and mo.IRM not in self.mode:
            self._draw_plain(data)
        else:
            super().draw(data)

    def _draw_plain(self, data: str) -> None:
        """Printable ASCII: a slice of a line at a time, one `Char` for each letter and style."""
        glyphs, cursor, at = self._letters(), self.cursor, 0
        while at < len(data):
            if cursor.x >= self.columns:
                if mo.DECAWM in self.mode:
                    self.dirty.add(cursor.y)
                    self.carriage_return()
                    self.linefeed()
                else:
                    at, cursor.x = max(at, len(data) - 1), self.columns - 1
            piece = data[at : at + self.columns - cursor.x]
            line = self.buffer[cursor.y]
            for x, letter in enumerate(piece, cursor.x):
                line[x] = glyphs.get(letter) or self._letter(letter)
            cursor.x += len(piece)
            at += len(piece)
        self.dirty.add(cursor.y)

    def _letters(self) -> dict[str, Char]:
        if self._glyphs[0] is not self.cursor.attrs:
            self._glyphs = (self.cursor.attrs, {})
        return self._glyphs[1]

    def _letter(self, letter: str) -> Char:
        char = self._glyphs[1][letter] = self.cursor.attrs._replace(data=letter)
        return char

    def repeat(self, count: int | None = None) -> None:
        """REP: the last character again."""
        self.draw(self._last * min(count or 1, self.columns * self.lines))

    # --- scrolling -------------------------------------------------------------------------

    def index(self) -> None:
        top, bottom = self.margins or Margins(0, self.lines - 1)
        if self.cursor.y == bottom and top == 0 and not self.alternate:
            self._push(self.buffer[0])
        super().index()

    def _push(self, line: Line) -> None:
        self.history.append(line)
        self.pushed += 1

    def scroll_up(self, count: int | None = None) -> None:
        """SU: the region moves up, blank lines come in at its bottom."""
        self._at_edge(count, lambda region: region.bottom, self.index)

    def scroll_down(self, count: int | None = None) -> None:
        """SD."""
        self._at_edge(count, lambda region: region.top, self.reverse_index)

    def _at_edge(
        self, count: int | None, edge: Callable[[Margins], int], move: Callable[[], None]
    ) -> None:
        line, region = self.cursor.y, self.margins or Margins(0, self.lines - 1)
        self.cursor.y = edge(region)
        for _ in range(min(count or 1, self.lines)):
            move()
        self.cursor.y = line

    def back_tab(self, count: int | None = None) -> None:
        """CBT."""
        for _ in range(min(count or 1, self.columns)):
            self.cursor.x = max((t for t in self.tabstops if t < self.cursor.x), default=0)

    # --- alternate screen, reports, size ------------------------------------------------------

    def set_mode(self, *modes: int, **kwargs: bool) -> None:
        if kwargs.get("private") and ALTERNATE & set(modes) and self._main is None:
            self._main = (self.buffer, copy(self.cursor))
            self.buffer = defaultdict(lambda: StaticDefaultDict(self.default_char))
            self.dirty.update(range(self.lines))
        super().set_mode(*modes, **kwargs)

    def reset_mode(self, *modes: int, **kwargs: bool) -> None:
        super().reset_mode(*modes, **kwargs)
        if kwargs.get("private") and ALTERNATE & set(modes) and self._main is not None:
            self.buffer, self.cursor = self._main
            self._main = None
            self.margins = None
            self.ensure_hbounds()
            self.ensure_vbounds()
            self.dirty.update(range(self.lines))

    def save_cursor(self, *_: int) -> None:
        """DECSC, and SCOSC, for which pyte has a parameter: xterm knows one place, not a stack."""
        self.savepoints.clear()
        super().save_cursor()

    def restore_cursor(self, *_: int) -> None:
        """DECRC and SCORC; the place stays saved."""
        place = self.savepoints[-1] if self.savepoints else None
        super().restore_cursor()
        if place:
            self.savepoints.append(place._replace(cursor=copy(place.cursor)))

    def report_device_status(self, mode: int = 0, **_: bool) -> None:
        if mode != 6 or mo.DECOM not in self.mode or self.margins is not None:
            super().report_device_status(mode)

    def report_device_attributes(self, mode: int = 0, **kwargs: bool) -> None:
        """VT220 with colours: what programs need to use what is here."""
        if mode == 0 and not kwargs.get("private"):
            self._answer("\x1b[?62;22c")

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """Like xterm: what the cursor needs scrolls off at the top, blank lines go first."""
        lines, columns = lines or self.lines, columns or self.columns
        for _ in range(max(0, self.cursor.y + 1 - lines)):
            self._shift_out()
        for y in [y for y in self.buffer if y >= lines]:
            del self.buffer[y]
        self.lines, self.columns = lines, columns
        self.margins = None
        self.tabstops = set(range(8, columns, 8))
        self.cursor.x = min(self.cursor.x, columns - 1)
        self.dirty.update(range(lines))

    def _shift_out(self) -> None:
        if not self.alternate:
            self._push(self.buffer[0])
        for y in range(self.lines - 1):
            self.buffer[y] = self.buffer[y + 1]
        self.buffer.pop(self.lines - 1, None)
        self.cursor.y -= 1


class TerminalStream(Stream):
    """Pyte's parser with the sequences that `TerminalScreen` adds."""

    csi = {  # noqa: RUF012  # a class constant of pyte
        **Stream.csi,
        "S": "scroll_up",
        "T": "scroll_down",
        "b": "repeat",
        "Z": "back_tab",
        "s": "save_cursor",
        "u": "restore_cursor",
    }
    events = Stream.events | {"scroll_up", "scroll_down", "repeat", "back_tab"}


# --- what may reach the parser ----------------------------------------------------------------

_SEQUENCE = re.compile(
    r"\x1b\[([<=>?]?)([0-9;:]*)([ -/]*)([@-~])"  # CSI
    r"|(?:\x1b[\]PX^_k])[^\x07\x1b]*(?:\x07|\x1b\\|(?=\x1b))"  # OSC, DCS, SOS, PM, APC, titles
    r"|\x1b([()])(.)"  # charset of G0, G1
    r"|\x1b[*+\-./ %].|\x1b#[^8]"  # other charsets and sizes: not ours
    r"|([\x0e\x0f])"
    r"|\x1b\[[^@-~]*?[^\x20-\x7e]",  # a broken CSI
    re.DOTALL,
)
_UNFINISHED = re.compile(
    r"\x1b(?:\[[<=>?]?[0-9;:]*[ -/]*|[\]PX^_k][^\x07\x1b]*\x1b?|[()*+\-./ %#])?\Z", re.DOTALL
)
_MAXIMA = {"H": 2, "f": 2, "r": 2}
"""Parameters that a final character takes, where it is not one."""
_KINDS = {"J": 3, "K": 2}
"""Highest way of erasing that there is; pyte stumbles over others."""
_PRIVATE = frozenset("hlJK")


class Feed:
    """Bytes in, a screen changed: decodes, holds back what is cut in two, filters, parses."""

    def __init__(self, screen: TerminalScreen) -> None:
        self._stream = TerminalStream(screen)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._held = ""
        self._sets = {"(": False, ")": False}
        """Whether G0 and G1 hold DEC's line drawing."""
        self._shifted = False

    def feed(self, data: bytes) -> None:
        """Take bytes in, whatever they are."""
        text = self._held + self._decode(data)
        cut = _UNFINISHED.search(text, max(0, len(text) - HELD))
        self._held = text[cut.start() :] if cut else ""
        if cut:
            text = text[: cut.start()]
        at = 0
        for found in _SEQUENCE.finditer(text):
            self._text(text[at : found.start()])
            self._sequence(found)
            at = found.end()
        self._text(text[at:])

    def _text(self, text: str) -> None:
        if not text:
            return
        if self._sets[")" if self._shifted else "("]:
            text = text.translate(charsets.VT100_MAP) if "\x1b" not in text else text
        self._stream.feed(text.replace("\x9b", "").replace("\x9d", ""))

    def _sequence(self, found: re.Match[str]) -> None:
        if found[4]:
            self._stream.feed(control(found[1], found[2], found[3], found[4]))
        elif found[5]:
            self._sets[found[5]] = found[6] == "0"
        elif found[7]:
            self._shifted = found[7] == "\x0e"


def control(prefix: str, parameters: str, intermediate: str, final: str) -> str:
    """A control sequence in the form pyte takes, or nothing when it is not for it."""
    if intermediate or prefix in ("<", "=", ">"):
        return ""
    if prefix == "?" and final not in _PRIVATE:
        return ""
    if final == "m":
        parameters = _flat(parameters)
    numbers = [str(min(int(part or 0), 9999)) for part in re.split("[;:]", parameters)]
    if int(numbers[0]) > _KINDS.get(final, 9999):
        return ""
    if final not in "mhl":
        numbers = numbers[: _MAXIMA.get(final, 1)]
    return f"\x1b[{prefix}{';'.join(numbers[:32])}{final}"


def _flat(parameters: str) -> str:
    """SGR with colons in the older form: `38:2::1:2:3` is `38;2;1;2;3`, `4:3` is `4`."""
    flat = []
    for part in parameters.split(";"):
        pieces = part.split(":")
        if pieces[0] == "4" and len(pieces) > 1:
            pieces = ["24" if pieces[1] == "0" else "4"]
        elif len(pieces) == 6 and pieces[1] == "2":
            pieces = [*pieces[:2], *pieces[3:]]
        flat += pieces
    return ";".join(flat)
