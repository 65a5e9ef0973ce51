"""Colours in output, and nothing else: SGR is understood, every other escape is dropped.

Knows ECMA-48 control sequences as ECMA-48 and xterm write them. Invariant: the text that comes
back has no control, format or bidi character, so a log line cannot move the cursor, set a title,
touch the clipboard or hide what stands before it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rich.color import Color
from rich.style import Style

from tuidock.widgets.paint import clean

Run = tuple[str, Style]

TAB = 8
PLAIN = Style()

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)([0-?]*)[ -/]*([@-~])"  # CSI: parameters and the final character
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC: title, clipboard, links
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c]*(?:\x1b\\|\x9c)?"  # DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]?"  # two-character escapes, and a lonely one
)
_ATTRIBUTES = {
    1: "bold", 2: "dim", 3: "italic", 4: "underline", 5: "blink", 6: "blink",
    7: "reverse", 8: "conceal", 9: "strike", 21: "underline2", 53: "overline",
}  # fmt: skip
_RESETS = {
    22: ("bold", "dim"), 23: ("italic",), 24: ("underline", "underline2"), 25: ("blink",),
    27: ("reverse",), 28: ("conceal",), 29: ("strike",), 55: ("overline",),
}  # fmt: skip


def plain(text: str) -> str:
    """The text as it would be read, without any escape or control character."""
    if text.isprintable():
        return text
    return clean(_ESCAPES.sub("", text.rstrip("\r")).expandtabs(TAB))


def runs(text: str) -> list[Run]:
    """The text split where SGR changes its style; joined it is `plain(text)`."""
    if text.isprintable():
        return [(text, PLAIN)]
    text = text.rstrip("\r")
    pieces: list[Run] = []
    state: dict[str, str | bool] = {}
    at = column = 0
    for escape in _ESCAPES.finditer(text):
        column += _add(pieces, text[at : escape.start()], state, column)
        at = escape.end()
        if escape[2] == "m":
            _select(state, escape[1])
    _add(pieces, text[at:], state, column)
    return pieces


def _add(pieces: list[Run], text: str, state: dict[str, str | bool], column: int) -> int:
    """Add a run; tabs stop where they would in the whole line."""
    if not text:
        return 0
    if "\t" in text:
        text = (" " * column + text).expandtabs(TAB)[column:]
    pieces.append((clean(text), _style(tuple(state.items())) if state else PLAIN))
    return len(text)


@lru_cache(maxsize=1024)
def _style(state: tuple[tuple[str, str | bool], ...]) -> Style:
    known = dict(state)
    names = {key: bool(value) for key, value in known.items() if key not in ("color", "bgcolor")}
    names.pop("conceal", None)  # hidden text is what a log must not have
    colours = {key: str(known[key]) for key in ("color", "bgcolor") if key in known}
    return Style(**names, **colours)  # type: ignore[arg-type]  # the attributes are checked above


def _select(state: dict[str, str | bool], parameters: str) -> None:
    """Apply one SGR sequence; what is not understood changes nothing."""
    codes = [int(part) if part.isdigit() else 0 for part in re.split("[;:]", parameters)][:64]
    while codes:
        code = codes.pop(0)
        if code == 0:
            state.clear()
        elif code in (38, 48):
            _extended(state, "color" if code == 38 else "bgcolor", codes)
        else:
            _simple(state, code)


def _simple(state: dict[str, str | bool], code: int) -> None:
    if code in _ATTRIBUTES:
        state[_ATTRIBUTES[code]] = True
    elif code in _RESETS:
        for name in _RESETS[code]:
            state.pop(name, None)
    elif code in (39, 49):
        state.pop("color" if code == 39 else "bgcolor", None)
    elif 30 <= code <= 37 or 40 <= code <= 47:
        state["color" if code < 40 else "bgcolor"] = _indexed(code % 10)
    elif 90 <= code <= 97 or 100 <= code <= 107:
        state["color" if code < 100 else "bgcolor"] = _indexed(code % 10 + 8)


def _extended(state: dict[str, str | bool], name: str, codes: list[int]) -> None:
    """`5;n` from the palette of 256, `2;r;g;b` direct."""
    kind = codes.pop(0) if codes else 0
    if kind == 5 and codes:
        state[name] = _indexed(min(codes.pop(0), 255))
    elif kind == 2 and len(codes) >= 3:
        red, green, blue = (min(codes.pop(0), 255) for _ in range(3))
        state[name] = f"#{red:02x}{green:02x}{blue:02x}"


def _indexed(number: int) -> str:
    return Color.from_ansi(number).name


def overlay(pieces: list[Run], ranges: list[tuple[int, int]], style: Style) -> list[Run]:
    """The runs with `style` laid over the characters of `ranges` (sorted, apart)."""
    result: list[Run] = []
    at = 0
    pending = list(reversed(ranges))
    for text, under in pieces:
        end, start = at + len(text), at
        while pending and pending[-1][0] < end:
            left, right = max(start, pending[-1][0]), min(end, pending[-1][1])
            if left > start:
                result.append((text[start - at : left - at], under))
            if right > left:
                result.append((text[left - at : right - at], under + style))
            start = max(start, right)
            if pending[-1][1] > end:
                break
            pending.pop()
        if start < end:
            result.append((text[start - at :], under))
        at = end
    return result
