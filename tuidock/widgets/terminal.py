"""Terminal: a container's shell inside the interface.

Knows one `Session`; draws what it prints and sends it every key but one. Invariant: while the
terminal has the focus, no binding of the application fires, except the key that leaves it.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache

from pyte import modes as mo
from pyte.screens import Char
from rich.segment import Segment
from rich.style import Style
from textual import events, work
from textual.geometry import Region, Size
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from tuidock.engine.api import Session
from tuidock.engine.errors import EngineError
from tuidock.widgets import terminal_keys as keys
from tuidock.widgets.strips import extracted, selected
from tuidock.widgets.terminal_screen import (
    APPLICATION_CURSOR,
    BRACKETED_PASTE,
    FOCUS_EVENTS,
    MOUSE,
    MOUSE_SGR,
    Feed,
    Line,
    TerminalScreen,
)

FRAME = 1 / 60
BITE = 8192
"""Bytes taken in before the rest of the interface gets its turn."""
LEAVE = "ctrl+right_square_bracket"
"""Ctrl+], as telnet has it."""
WHEEL = 3


class Terminal(Widget, can_focus=True):
    """A terminal emulator on a session; closing it detaches."""

    DEFAULT_CSS = """
    Terminal {
        height: 1fr;
        background: $background;
        color: $foreground;
        & > .terminal--cursor { background: $foreground; color: $background; }
        & > .terminal--cursor-blurred { background: $foreground 30%; }
        & > .terminal--back { background: $warning; color: auto 90%; }
    }
    """

    COMPONENT_CLASSES = {  # noqa: RUF012  # Textual reads it so
        "terminal--cursor",
        "terminal--cursor-blurred",
        "terminal--back",
    }

    class Ended(Message):
        """The command is over."""

        def __init__(self, terminal: Terminal, code: int) -> None:
            super().__init__()
            self.terminal = terminal
            self.code = code

        @property
        def control(self) -> Terminal:
            return self.terminal

    class Left(Message):
        """The user pressed the key that leaves the terminal; nothing has the focus now."""

    def __init__(
        self,
        session: Session,
        *,
        leave: str = LEAVE,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """`leave` is the one key, in Textual's name, that the session does not get."""
        super().__init__(id=id, classes=classes)
        self._session = session
        self._leave = leave
        self._screen = TerminalScreen(80, 24, self._send_text)
        self._feed = Feed(self._screen)
        self._outgoing: asyncio.Queue[bytes | Size] = asyncio.Queue()
        self._back = 0
        self._framing = False
        self._strips: dict[int, Strip] = {}
        self._cursor = (0, 0)
        self.ended = False
        if not session.tty:
            self._screen.set_mode(mo.LNM)

    # --- the session ---------------------------------------------------------------------

    def on_mount(self) -> None:
        self._read()
        self._write()

    async def on_unmount(self) -> None:
        await self._session.close()

    @work(group="terminal-read", exit_on_error=False)
    async def _read(self) -> None:
        """Take in what the command prints, until there is no more."""
        try:
            async for _, data in self._session.output():
                await self._take_in(data)
            code = await self._session.wait()
        except EngineError as error:
            await self._finish(f"{error.message}", 125)
        else:
            await self._finish(f"exited with {code}", code)

    async def _finish(self, words: str, code: int) -> None:
        self.ended = True
        await self._take_in(f"\x1b[0m\r\n\x1b[3m[{words}]\x1b[0m\x1b[?25l".encode())
        self.post_message(self.Ended(self, code))

    async def _take_in(self, data: bytes) -> None:
        for at in range(0, len(data), BITE):
            before = self._screen.pushed
            self._feed.feed(data[at : at + BITE])
            if self._back:
                self._back = min(self._back + self._screen.pushed - before, self._depth)
            self._request_frame()
            await asyncio.sleep(0)

    @work(group="terminal-write", exit_on_error=False)
    async def _write(self) -> None:
        """Send what was typed, and sizes, in order; a session that is gone is told once."""
        while True:
            item = await self._outgoing.get()
            try:
                if isinstance(item, Size):
                    await self._session.resize(item.width, item.height)
                else:
                    await self._session.write(item)
            except EngineError as error:
                if not self.ended:
                    self.notify(error.message, title="Input lost", severity="warning")
                return

    def _send_text(self, text: str) -> None:
        self.send(text.encode())

    def send(self, data: bytes) -> None:
        """Send bytes to the command."""
        if data and not self.ended:
            self._outgoing.put_nowait(data)

    def on_resize(self) -> None:
        columns, rows = self.size
        if columns and rows:
            self._screen.resize(rows, columns)
            self._strips.clear()
            self._outgoing.put_nowait(self.size)
            self.refresh()

    # --- keys and mouse --------------------------------------------------------------------

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Every key is the session's, so bindings above do not see it."""
        return key != self._leave and not self.ended

    async def on_key(self, event: events.Key) -> None:
        if event.key == self._leave:
            event.stop()
            self.screen.set_focus(None)
            self.post_message(self.Left())
        elif event.key in ("shift+pageup", "shift+pagedown"):
            event.stop()
            pages = 1 if event.key == "shift+pageup" else -1
            self.scroll_back(pages * (self.size.height - 1))
        elif not self.ended:
            event.stop()
            event.prevent_default()
            self.scroll_back(-self._back)
            application = APPLICATION_CURSOR in self._screen.mode
            self.send(keys.encode(event.key, event.character, application=application))

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.send(keys.paste(event.text, bracketed=BRACKETED_PASTE in self._screen.mode))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, "up", 64)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, "down", 65)

    def _wheel(self, event: events.MouseEvent, key: str, button: int) -> None:
        """To the program when it wants the mouse; as arrows in a full-screen one; else back."""
        event.stop()
        if self._wants_mouse:
            self._report(event, button, pressed=True)
        elif self._screen.alternate:
            application = APPLICATION_CURSOR in self._screen.mode
            self.send(keys.encode(key, None, application=application) * WHEEL)
        else:
            self.scroll_back(WHEEL if key == "up" else -WHEEL)

    @property
    def _wants_mouse(self) -> bool:
        return bool(MOUSE & self._screen.mode)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if self._wants_mouse:
            self._report(event, max(0, event.button - 1), pressed=True)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._wants_mouse:
            self._report(event, max(0, event.button - 1), pressed=False)

    def _report(self, event: events.MouseEvent, button: int, *, pressed: bool) -> None:
        offset = event.get_content_offset(self)
        if offset is not None:
            sgr = MOUSE_SGR in self._screen.mode
            self.send(keys.mouse(button, offset.x, offset.y, pressed=pressed, sgr=sgr))

    def on_focus(self) -> None:
        self._focus_changed(b"\x1b[I")

    def on_blur(self) -> None:
        self._focus_changed(b"\x1b[O")

    def _focus_changed(self, report: bytes) -> None:
        if FOCUS_EVENTS in self._screen.mode:
            self.send(report)
        self._strips.pop(self._screen.cursor.y, None)
        self.refresh()

    # --- scrollback ------------------------------------------------------------------------

    @property
    def _depth(self) -> int:
        return 0 if self._screen.alternate else len(self._screen.history)

    def scroll_back(self, lines: int) -> None:
        """Look at older lines (or, negative, at newer ones)."""
        back = max(0, min(self._depth, self._back + lines))
        if back != self._back:
            self._back = back
            self._strips.clear()
            self.refresh()

    # --- frames ----------------------------------------------------------------------------

    def _request_frame(self) -> None:
        if not self._framing:
            self._framing = True
            self.set_timer(FRAME, self._frame)

    def _frame(self) -> None:
        """Repaint the lines that changed since the last frame."""
        self._framing = False
        screen = self._screen
        if screen.rang:
            screen.rang = False
            self.app.bell()
        if self._back:
            self._strips.clear()
            self.refresh()
        else:
            self._refresh_dirty({*screen.dirty, self._cursor[1], screen.cursor.y})
        screen.dirty.clear()
        self._cursor = (screen.cursor.x, screen.cursor.y)

    def _refresh_dirty(self, lines: set[int]) -> None:
        shown = [y for y in lines if y < self.size.height]
        for y in shown:
            self._strips.pop(y, None)
        self.refresh(*(Region(0, y, self.size.width, 1) for y in shown))

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    def render_line(self, y: int) -> Strip:
        strip = self._strips.get(y)
        if strip is None:
            strip = self._strips[y] = self._draw(y)
        style = self.screen.get_component_rich_style("screen--selection")
        return selected(strip, y, self.text_selection, style)

    def _line(self, y: int) -> Line:
        """A line of the window, which may stand in the history."""
        if y < self._back:
            return self._screen.history[len(self._screen.history) - self._back + y]
        return self._screen.buffer[y - self._back]

    def _draw(self, y: int) -> Strip:
        segments = drawn(self._line(y), self.size.width, self.rich_style, self._cursor_cell(y))
        strip = Strip(segments).adjust_cell_length(self.size.width, self.rich_style)
        if self._back and y == 0:
            label = f" {self._back} lines back "
            part = self.get_component_rich_style("terminal--back")
            strip = strip.crop(0, max(0, self.size.width - len(label)))
            strip = Strip.join([strip, Strip([Segment(label, part)])])
        return strip

    def _cursor_cell(self, y: int) -> tuple[int, Style] | None:
        cursor = self._screen.cursor
        if cursor.hidden or y - self._back != cursor.y:
            return None
        part = "terminal--cursor" if self.has_focus else "terminal--cursor-blurred"
        return min(cursor.x, self.size.width - 1), self.get_component_rich_style(part)

    # --- selecting text ----------------------------------------------------------------------

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return extracted((self.render_line(y) for y in range(self.size.height)), selection)

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    @property
    def text(self) -> str:
        """What is on screen, as plain text."""
        lines = (self._line(y) for y in range(self._screen.lines))
        width = self._screen.columns
        return "\n".join("".join(line[x].data for x in range(width)).rstrip() for line in lines)


def drawn(line: Line, width: int, base: Style, cursor: tuple[int, Style] | None) -> list[Segment]:
    """A line's characters, one segment for each run of one style."""
    segments: list[Segment] = []
    run, run_style = "", base
    for x in range(width):
        char = line[x]
        style = base if char[1:] == _DEFAULT else base + cell_style(*char[1:])
        if cursor is not None and x == cursor[0]:
            style = style + cursor[1]
        if style is not run_style and run:
            segments.append(Segment(run, run_style))
            run = ""
        run_style = style
        run += char.data
    if run:
        segments.append(Segment(run, run_style))
    return segments


_DEFAULT = Char(" ")[1:]


@lru_cache(maxsize=4096)
def cell_style(
    fg: str, bg: str, bold: bool, italics: bool, underscore: bool, strike: bool, reverse: bool,
    blink: bool,
) -> Style:  # fmt: skip
    """A pyte character's attributes as a Rich style."""
    return Style(
        color=_colour(fg),
        bgcolor=_colour(bg),
        bold=bold or None,
        italic=italics or None,
        underline=underscore or None,
        strike=strike or None,
        reverse=reverse or None,
        blink=blink or None,
    )


def _colour(name: str) -> str | None:
    """Pyte's word for a colour in Rich's: `brown` is yellow, six hex digits are direct."""
    if name == "default":
        return None
    if len(name) == 6 and all(digit in "0123456789abcdef" for digit in name):
        return f"#{name}"
    name = name.replace("bfightmagenta", "brightmagenta").replace("brown", "yellow")
    return name.replace("bright", "bright_")
