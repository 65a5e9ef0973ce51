"""Terminal: a container's shell inside the interface.

Knows one `Session`; draws what it prints and sends it every key but a few. Invariant: while the
terminal has the focus, no binding of the application fires, except the key that leaves it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from textual import events, work
from textual.geometry import Offset, Size
from textual.message import Message

from tuidock.engine.api import Session
from tuidock.engine.errors import EngineError
from tuidock.widgets import terminal_keys as keys
from tuidock.widgets.terminal_screen import (
    APPLICATION_CURSOR,
    BRACKETED_PASTE,
    FOCUS_EVENTS,
    MOUSE,
    MOUSE_DRAGS,
    MOUSE_MOVES,
    MOUSE_SGR,
)
from tuidock.widgets.terminal_view import TerminalView

BITE = 4096
"""Bytes taken in before the clock is looked at."""
TURN = 0.004
"""Seconds of taking in before the rest of the interface gets its turn."""
LEAVE = "ctrl+right_square_bracket"
"""Ctrl+], as telnet has it."""
WHEEL = 3


class Terminal(TerminalView):
    """A terminal emulator on a session; closing it detaches."""

    WAY_OUT = LEAVE
    """The only key that is not the session's."""

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

    class Titled(Message):
        """The program gave the terminal another title."""

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
        self._outgoing: asyncio.Queue[bytes | Size] = asyncio.Queue()
        self._held = -1
        """The button of the mouse that is down; -1 for none."""
        self._pointed = Offset(-1, -1)
        """Where the mouse last was that was told of."""
        self.ended = False
        self._screen.line_feed_returns = not session.tty

    @property
    def title(self) -> str:
        """What the program calls itself; empty when it says nothing."""
        return self._screen.title

    def titled(self) -> None:
        self.post_message(self.Titled())

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
                await self._take_turns(data)
            code = await self._session.wait()
        except EngineError as error:
            self._finish(f"{error.message}", 125)
        else:
            self._finish(f"exited with {code}", code)

    def _finish(self, words: str, code: int) -> None:
        self.ended = True
        self.take_in(f"\x1b[?1049l\x1b[0m\r\n\x1b[3m[{words}]\x1b[0m\x1b[?25l".encode())
        self.post_message(self.Ended(self, code))

    async def _take_turns(self, data: bytes) -> None:
        """Take in a lot without keeping the interface from its keys."""
        until = time.monotonic() + TURN
        for at in range(0, len(data), BITE):
            self.take_in(data[at : at + BITE])
            if time.monotonic() > until:
                await asyncio.sleep(0)
                until = time.monotonic() + TURN

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

    def answer(self, text: str) -> None:
        self.send(text.encode())

    def send(self, data: bytes) -> None:
        """Send bytes to the command."""
        if data and not self.ended:
            self._outgoing.put_nowait(data)

    def on_resize(self) -> None:
        columns, rows = self.size
        if columns and rows:
            self.fit()
            self._outgoing.put_nowait(self.size)

    # --- keys ------------------------------------------------------------------------------

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Every key is the session's, so bindings above do not see it."""
        return key != self._leave and (self.look.reading or not self.ended)

    async def on_key(self, event: events.Key) -> None:
        if event.key == self._leave:
            event.stop()
            self._stop_reading()
            self.screen.set_focus(None)
            self.post_message(self.Left())
        elif self.look.reading and self._read_key(event):
            event.stop()
            event.prevent_default()
        elif event.key in ("shift+pageup", "shift+pagedown") and not self._screen.alternate:
            event.stop()
            self._begin_reading(event.key)
        elif not self.ended:
            event.stop()
            event.prevent_default()
            self._stop_reading()
            application = APPLICATION_CURSOR in self._screen.modes
            self.send(keys.encode(event.key, event.character, application=application))

    def _begin_reading(self, key: str) -> None:
        if key == "shift+pageup" or self.look.back:
            self.look.begin()
            self._READ[key.removeprefix("shift+")](self)
            self.repaint()

    def _stop_reading(self) -> None:
        if self.look.reading or self.look.back:
            self.look.end()
            self.repaint()

    def _read_key(self, event: events.Key) -> bool:
        """A key while looking back; False for one that is the program's after all."""
        look = self.look
        if look.typing is not None:
            self._type_search(event)
        elif (act := self._READ.get(event.key.removeprefix("shift+"))) is not None:
            look.said = ""
            act(self)
        else:
            return False
        self.repaint()
        return True

    def _type_search(self, event: events.Key) -> None:
        look, typed = self.look, self.look.typing or ""
        if event.key == "escape":
            look.typing = None
        elif event.key == "enter":
            look.typing = None
            look.search(typed)
        elif event.key == "backspace":
            look.typing = typed[:-1]
        elif event.is_printable and event.character:
            look.typing = typed + event.character

    def _move(self, pages: float, lines: int = 0) -> None:
        far = lines + round(pages * (self.size.height - 1))
        if pages:
            self.look.scroll(-far)
        self.look.move(far)

    def _set_mark(self) -> None:
        self.look.mark = self.look.number if self.look.mark is None else None

    def _ask_search(self) -> None:
        self.look.typing = ""

    def _copy_chosen(self) -> None:
        self.copy(self.look.text())
        self._stop_reading()

    _READ: dict[str, Callable[[Terminal], None]] = {  # noqa: RUF012  # never changed
        **dict.fromkeys(("k", "up"), lambda self: self._move(0, -1)),
        **dict.fromkeys(("j", "down"), lambda self: self._move(0, 1)),
        **dict.fromkeys(("pageup", "ctrl+b"), lambda self: self._move(-1)),
        **dict.fromkeys(("pagedown", "ctrl+f", "space"), lambda self: self._move(1)),
        "ctrl+u": lambda self: self._move(-0.5),
        "ctrl+d": lambda self: self._move(0.5),
        **dict.fromkeys(("g", "home"), lambda self: self.look.stand(self.look.first)),
        **dict.fromkeys(("G", "end"), lambda self: self.look.stand(self.look.last)),
        "slash": _ask_search,
        "n": lambda self: self.look.again(older=True),
        "N": lambda self: self.look.again(older=False),
        "v": _set_mark,
        "y": _copy_chosen,
        "Y": lambda self: self.copy(self.look.everything()),
        **dict.fromkeys(("escape", "q", "enter"), _stop_reading),
    }

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self._stop_reading()
        self.send(keys.paste(event.text, bracketed=BRACKETED_PASTE in self._screen.modes))

    # --- the mouse -------------------------------------------------------------------------

    @property
    def _wants_mouse(self) -> bool:
        return bool(MOUSE & self._screen.modes) and not self.ended

    @property
    def allow_select(self) -> bool:
        """Text is selected unless the program wants the mouse for itself."""
        return not self._wants_mouse

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, "up", 64)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, "down", 65)

    def _wheel(self, event: events.MouseEvent, key: str, button: int) -> None:
        """To the program when it wants the mouse; as arrows in a full-screen one; else back."""
        event.stop()
        if self._wants_mouse:
            self._report(event, button)
        elif self._screen.alternate:
            application = APPLICATION_CURSOR in self._screen.modes
            self.send(keys.encode(key, None, application=application) * WHEEL)
        else:
            self.scroll_back(WHEEL if key == "up" else -WHEEL)

    def scroll_back(self, lines: int) -> None:
        """Look at older lines (or, negative, at newer ones)."""
        if self.look.scroll(lines):
            self.repaint()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if self._wants_mouse:
            self._held = max(0, event.button - 1)
            self.capture_mouse()
            self._report(event, self._held)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Moves are told with a button down (1002), or always (1003)."""
        wanted = {MOUSE_MOVES} if self._held < 0 else {MOUSE_DRAGS, MOUSE_MOVES}
        if wanted & self._screen.modes and event.get_content_offset_capture(self) != self._pointed:
            self._report(event, keys.MOVED + (self._held if self._held >= 0 else keys.NO_BUTTON))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        held, self._held = self._held, -1
        if held >= 0:
            self.release_mouse()
        if self._wants_mouse:
            self._report(event, max(0, held), pressed=False)
        else:
            self.copy_selection()

    def _report(self, event: events.MouseEvent, button: int, *, pressed: bool = True) -> None:
        self._pointed = event.get_content_offset_capture(self)
        x = max(0, min(self._pointed.x, self.size.width - 1))
        y = max(0, min(self._pointed.y, self.size.height - 1))
        sgr = MOUSE_SGR in self._screen.modes
        modifiers = keys.mouse_modifiers(shift=event.shift, alt=event.meta, ctrl=event.ctrl)
        self.send(keys.mouse(button + modifiers, x, y, pressed=pressed, sgr=sgr))

    # --- the focus -------------------------------------------------------------------------

    def on_focus(self) -> None:
        self._focus_changed(b"\x1b[I")

    def on_blur(self) -> None:
        self._focus_changed(b"\x1b[O")

    def _focus_changed(self, report: bytes) -> None:
        if FOCUS_EVENTS in self._screen.modes:
            self.send(report)
        self._refresh_rows({self._screen.y})
