"""Colours in output, and nothing else: SGR is understood, the rest is `sanitise`'s.

Knows ECMA-48's SELECT GRAPHIC RENDITION as xterm writes it. Invariant: the text that comes back
has no control, format or bidi character, so a log line cannot move the cursor, set a title,
touch the clipboard or hide what stands before it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rich.color import Color
from rich.style import Style

from tuidock.engine.logs import sanitise

Run = tuple[str, Style]
State = dict[str, str | bool]

TAB = 8
PLAIN = Style()

_SGR = re.compile(r"\x1b\[([0-9;:]*)m")
_ATTRIBUTES = {
    1: "bold", 2: "dim", 3: "italic", 4: "underline", 5: "blink", 6: "blink",
    7: "reverse", 9: "strike", 21: "underline2", 53: "overline",
}  # fmt: skip
_RESETS = {
    22: ("bold", "dim"), 23: ("italic",), 24: ("underline", "underline2"), 25: ("blink",),
    27: ("reverse",), 29: ("strike",), 55: ("overline",),
}  # fmt: skip


def plain(text: str) -> str:
    """The text as it is read: what `runs` says without its styles."""
    bare = text if text.isprintable() else _SGR.sub("", text).rstrip("\r\n")
    return bare if bare.isprintable() else "".join(piece for piece, _ in runs(text))


def without_colours(text: str) -> str:
    """Any number of lines without SGR; whatever else is in them stays."""
    return _SGR.sub("", text) if "\x1b" in text else text


def runs(text: str) -> list[Run]:
    """The text split where SGR changes its style."""
    if text.isprintable():
        return [(text, PLAIN)]
    text = text.rstrip("\r\n")
    pieces: list[Run] = []
    state: State = {}
    at = column = 0
    for escape in _SGR.finditer(text):
        column += _add(pieces, text[at : escape.start()], state, column)
        at = escape.end()
        _select(state, escape[1])
    _add(pieces, text[at:], state, column)
    return pieces


def _add(pieces: list[Run], text: str, state: State, column: int) -> int:
    """Add a run, tabs stopping where they would in the whole line; its length."""
    if "\t" in text:
        text = (" " * (column % TAB) + text).expandtabs(TAB)[column % TAB :]
    text = sanitise.plain(text)
    if text:
        pieces.append((text, _style(tuple(state.items())) if state else PLAIN))
    return len(text)


@lru_cache(maxsize=1024)
def _style(state: tuple[tuple[str, str | bool], ...]) -> Style:
    return Style(**dict(state))  # type: ignore[arg-type]  # keys are Style's own, values fit them


def _select(state: State, parameters: str) -> None:
    """Apply one SGR sequence; what is not understood changes nothing."""
    parts = re.split("[;:]", parameters)[:64]
    codes = [int(part) if part.isdecimal() and len(part) < 4 else 0 for part in parts]
    while codes:
        code = codes.pop(0)
        if code == 0:
            state.clear()
        elif code in (38, 48):
            _extended(state, "color" if code == 38 else "bgcolor", codes)
        else:
            _simple(state, code)


def _simple(state: State, code: int) -> None:
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


def _extended(state: State, name: str, codes: list[int]) -> None:
    """`5;n` from the palette of 256, `2;r;g;b` direct."""
    kind = codes.pop(0) if codes else 0
    if kind == 5 and codes:
        state[name] = _indexed(min(codes.pop(0), 255))
    elif kind == 2 and len(codes) >= 3:
        red, green, blue = (min(codes.pop(0), 255) for _ in range(3))
        state[name] = f"#{red:02x}{green:02x}{blue:02x}"


def _indexed(number: int) -> str:
    return Color.from_ansi(number).name


ON_DARK = {0: "#728096", 8: "#8d99ab"}
ON_LIGHT = {
    2: "#25703f", 3: "#7d5700", 6: "#0b6a7a", 7: "#5a616d", 8: "#5a616d", 9: "#b3261e",
    10: "#25703f", 11: "#7d5700", 12: "#1f5fb2", 13: "#8a2d8f", 14: "#0b6a7a", 15: "#22272e",
}  # fmt: skip
"""What numbered colours become that nobody could read on such a background."""


@lru_cache(maxsize=1024)
def legible(style: Style, *, dark: bool) -> Style:
    """A style of a log on our own background; with a background of its own it is left alone."""
    if style.color is None or style.bgcolor is not None or style.reverse:
        return style
    number = -1 if style.color.number is None else style.color.number
    known = (ON_DARK if dark else ON_LIGHT).get(number)
    return style + Style(color=known) if known else style


def overlay(pieces: list[Run], ranges: list[tuple[int, int]], style: Style) -> list[Run]:
    """The runs with `style` laid over the characters of `ranges` (sorted, apart)."""
    result: list[Run] = []
    at = 0
    pending = list(reversed(ranges))
    for text, under in pieces:
        end, start = at + len(text), at
        while pending and pending[-1][0] < end:
            left, right = max(start, pending[-1][0]), min(end, pending[-1][1])
            result.append((text[start - at : left - at], under))
            result.append((text[left - at : right - at], under + style))
            start = right
            if pending[-1][1] > end:
                break
            pending.pop()
        result.append((text[start - at :], under))
        at = end
    return [run for run in result if run[0]]
