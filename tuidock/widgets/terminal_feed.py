"""From the bytes of a program to what they ask of a terminal.

Invariant: any bytes are taken; what is not understood is dropped, never shown, never raised,
and what is cut in two is waited for, but not for ever. Names: ECMA-48, xterm's ctlseqs.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

from tuidock.widgets.terminal_screen import TerminalScreen

HELD = 4096
"""Characters of an unfinished sequence that are waited for; the rest of a longer one is dropped."""
TITLE = 200

_TOKEN = re.compile(
    r"(?P<flood>(?:[ -~]*\r\n){8,})"
    r"|(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f-\x9f])"
    r"|\x1b\[(?P<sgr>[0-9:;]*)m"
    r"|\x1b\[(?P<csi>[\x00-\x17\x19\x1c-?]*)(?P<final>[@-~])"
    r"|\x1b\](?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\|(?=\x1b))"
    r"|\x1b[PX^_k][^\x07\x1b]*(?:\x07|\x1b\\|(?=\x1b))"
    r"|\x1b(?P<between>[ -/]+)(?P<which>[0-~])"
    r"|\x1b(?P<escape>[0-~])"
    r"|\x1b",
    re.DOTALL,
)
_UNFINISHED = re.compile(r"\x1b(?:\[[\x00-\x17\x19\x1c-?]*|[\]PX^_k][^\x07\x1b]*\x1b?|[ -/]*)?")
_UNWANTED = ("P", "X", "^", "_")
"""What begins a string of which nothing is taken."""
_STRING_END = re.compile(r"\x07|\x1b\\|(?=\x1b[^\\])")
_CSI = re.compile(r"([<=>?]?)([0-9:;]*)([ -/]*)")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")

_SCREEN = TerminalScreen
_COUNTED: dict[str, Callable[[TerminalScreen, int], None]] = {
    "@": _SCREEN.insert_letters, "A": _SCREEN.up, "B": _SCREEN.down, "C": _SCREEN.forward,
    "D": _SCREEN.back, "E": _SCREEN.next_line, "F": _SCREEN.previous_line, "G": _SCREEN.column,
    "I": _SCREEN.tab, "L": _SCREEN.insert_lines, "M": _SCREEN.delete_lines,
    "P": _SCREEN.delete_letters, "S": _SCREEN.scroll_up, "T": _SCREEN.scroll_down,
    "X": _SCREEN.erase_letters, "Z": _SCREEN.back_tab, "`": _SCREEN.column, "a": _SCREEN.forward,
    "b": _SCREEN.repeat, "d": _SCREEN.row, "e": _SCREEN.down,
}  # fmt: skip
"""By the final character of a control sequence: those whose number is 1 when it is left out."""
_CHOSEN: dict[str, Callable[[TerminalScreen, int], None]] = {
    "J": _SCREEN.erase_display, "K": _SCREEN.erase_line, "g": _SCREEN.clear_tab_stop,
    "n": _SCREEN.report_status,
}  # fmt: skip
"""Those whose number says which, 0 when it is left out."""
_CONTROL: dict[str, Callable[[TerminalScreen], None]] = {
    "\x07": _SCREEN.bell,
    "\x08": lambda screen: screen.back(1),
    "\t": _SCREEN.tab,
    **dict.fromkeys("\n\x0b\x0c", _SCREEN.line_feed),
    "\r": lambda screen: setattr(screen, "x", 0),
    "\x0e": lambda screen: screen.shift(1),
    "\x0f": lambda screen: screen.shift(0),
}
_ESCAPE: dict[str, Callable[[TerminalScreen], None]] = {
    "7": _SCREEN.save_cursor, "8": _SCREEN.restore_cursor, "D": _SCREEN.index,
    "E": _SCREEN.new_line, "H": _SCREEN.set_tab_stop, "M": _SCREEN.reverse_index,
    "c": _SCREEN.reset,
}  # fmt: skip


def _end_of_whole(text: str) -> int:
    """Where an unfinished sequence begins; the end of the text when there is none."""
    last = text.rfind("\x1b")
    before = text.rfind("\x1b", 0, last) if last == len(text) - 1 else last
    for start in (before, last):
        if start >= 0 and _UNFINISHED.fullmatch(text, start):
            return start
    return len(text)


class Feed:
    """Bytes in, a screen changed."""

    def __init__(self, screen: TerminalScreen) -> None:
        self._screen = screen
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._held = ""
        self._dropping = False
        """In a string that nobody wants, until its end comes."""

    def feed(self, data: bytes) -> None:
        """Take bytes in, whatever they are."""
        text = self._after_string(self._held + self._decode(data))
        whole = _end_of_whole(text)
        self._held = text[whole:]
        if len(self._held) > HELD or self._held[1:2] in _UNWANTED:
            self._dropping = self._held[1:2] != "["
            self._held = ""
        for found in _TOKEN.finditer(text):
            if found.start() >= whole:
                break
            self._take(found)

    def _after_string(self, text: str) -> str:
        if not self._dropping:
            return text
        end = _STRING_END.search(text)
        self._dropping = end is None
        return text[end.end() :] if end else ("\x1b" if text.endswith("\x1b") else "")

    def _take(self, found: re.Match[str]) -> None:
        screen, kind = self._screen, found.lastgroup
        if kind == "text":
            screen.write(found["text"])
        elif kind == "sgr":
            screen.paint(found["sgr"])
        elif kind == "final":
            self._csi(found["csi"], found["final"])
        elif kind == "control":
            self._control(found["control"])
        elif kind == "flood":
            screen.flood(found["flood"][:-2].split("\r\n"))
        elif kind == "osc":
            self._osc(found["osc"])
        elif kind == "which":
            self._chosen(found["between"], found["which"])
        elif kind == "escape" and found["escape"] in _ESCAPE:
            _ESCAPE[found["escape"]](screen)

    def _control(self, character: str) -> None:
        if character in _CONTROL:
            _CONTROL[character](self._screen)

    def _chosen(self, between: str, which: str) -> None:
        if between in ("(", ")"):
            self._screen.choose_set(between, which)
        elif (between, which) == ("#", "8"):
            self._screen.align()

    def _osc(self, text: str) -> None:
        code, _, body = text.partition(";")
        if code in ("0", "2"):
            self._screen.title = "".join(filter(str.isprintable, body[:TITLE]))
        elif code in ("10", "11") and body == "?":
            self._screen.report_colour(code)

    def _csi(self, body: str, final: str) -> None:
        """A control sequence; controls in the middle of it count as if they came before."""
        for control in _CONTROLS.findall(body):
            self._control(control)
        parts = _CSI.fullmatch(_CONTROLS.sub("", body))
        if parts is None:
            return
        prefix, parameters, between = parts.groups()
        numbers = [min(int(each or 0), 9999) for each in re.split("[:;]", parameters)][:32]
        if between:
            self._with_space(prefix, between, final, numbers[0])
        elif prefix:
            self._private(prefix, final, numbers)
        else:
            self._plain(final, numbers)

    def _plain(self, final: str, numbers: list[int]) -> None:
        screen = self._screen
        if final in _COUNTED:
            _COUNTED[final](screen, max(1, numbers[0]))
        elif final in _CHOSEN:
            _CHOSEN[final](screen, numbers[0])
        elif final in "Hf":
            screen.position(max(1, numbers[0]), max(1, (*numbers, 0)[1]))
        elif final in "hl":
            for number in numbers:
                screen.set_mode(number, on=final == "h")
        else:
            self._rare(final, numbers)

    def _rare(self, final: str, numbers: list[int]) -> None:
        screen = self._screen
        if final == "r":
            screen.region(numbers[0], (*numbers, 0)[1])
        elif final == "s":
            screen.save_cursor()
        elif final == "u":
            screen.restore_cursor()
        elif final == "c" and not numbers[0]:
            screen.report_kind("")
        elif final == "t" and numbers[0] == 18:
            screen.report_size()

    def _private(self, prefix: str, final: str, numbers: list[int]) -> None:
        screen = self._screen
        if prefix == "?" and final in "hl":
            for number in numbers:
                screen.set_private_mode(number, on=final == "h")
        elif prefix == "?" and final in "JK":  # selective erasing: nothing is protected
            _CHOSEN[final](screen, numbers[0])
        elif prefix == ">" and final == "c" and not numbers[0]:
            screen.report_kind(prefix)

    def _with_space(self, prefix: str, between: str, final: str, number: int) -> None:
        screen = self._screen
        if (between, final) == (" ", "q"):
            screen.choose_shape(number)
        elif (between, final) == ("!", "p"):
            screen.soft_reset()
        elif (prefix, between, final) == ("?", "$", "p"):
            screen.report_mode(number)
