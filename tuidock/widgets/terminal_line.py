"""A line of a terminal: letters and how each was painted.

A letter of double width stands in its left cell, with an empty one at its right. Invariant: a
half of one is never left alone; whoever writes over it leaves a blank in the other half.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple
from unicodedata import normalize

Run = tuple[Sequence[str], "Pen"]
"""Letters of neighbouring cells that are painted alike; a string when each is one character."""


class Pen(NamedTuple):
    """How letters are painted: colours in Rich's words, empty for the terminal's own."""

    fg: str = ""
    bg: str = ""
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    blink: bool = False
    reverse: bool = False
    conceal: bool = False
    strike: bool = False


PLAIN = Pen()


class Line:
    """Cells that change. All that is added is of width one, but for `put_wide`."""

    __slots__ = ("letters", "pens")

    def __init__(self, columns: int, pen: Pen = PLAIN) -> None:
        self.letters = [" "] * columns
        self.pens = [pen] * columns

    def put(self, x: int, text: Sequence[str], pen: Pen) -> None:
        """Write letters of width one over what is there."""
        end = x + len(text)
        self._part(x)
        self._part(end)
        self.letters[x:end] = text
        self.pens[x:end] = [pen] * len(text)

    def put_wide(self, x: int, letter: str, pen: Pen) -> None:
        """Write a letter of double width; both cells are in the line."""
        self.put(x, (letter, ""), pen)

    def combine(self, x: int, mark: str) -> None:
        """Add a mark to the letter that the cell belongs to."""
        if not self.letters[x] and x:
            x -= 1
        if len(self.letters[x]) < 8:
            self.letters[x] = normalize("NFC", self.letters[x] + mark)

    def insert(self, x: int, count: int, pen: Pen) -> None:
        """Blanks at `x`; what does not fit any more falls off at the right."""
        columns = len(self.letters)
        count = min(count, columns - x)
        self._part(x)
        self._part(columns - count)
        self.letters[x:] = [" "] * count + self.letters[x : columns - count]
        self.pens[x:] = [pen] * count + self.pens[x : columns - count]

    def delete(self, x: int, count: int, pen: Pen) -> None:
        """Take cells away at `x`; blanks come in at the right."""
        count = min(count, len(self.letters) - x)
        self._part(x)
        self._part(x + count)
        self.letters[x:] = self.letters[x + count :] + [" "] * count
        self.pens[x:] = self.pens[x + count :] + [pen] * count

    def erase(self, start: int, end: int, pen: Pen) -> None:
        """Blanks from `start` up to `end`."""
        if start < end:
            self.put(start, " " * (end - start), pen)

    def fit(self, columns: int) -> None:
        """Get as many cells."""
        more = columns - len(self.letters)
        if more < 0:
            self._part(columns)
            del self.letters[columns:], self.pens[columns:]
        else:
            self.letters += [" "] * more
            self.pens += [PLAIN] * more

    def _part(self, x: int) -> None:
        """See to it that no letter reaches from the cell before `x` into it."""
        letters = self.letters
        if x < len(letters) and not letters[x]:
            letters[x - 1] = letters[x] = " "

    def runs(self) -> Iterator[Run]:
        """The cells, those painted alike together."""
        at = 0
        for pen, same in groupby(self.pens):
            end = at + len(list(same))
            yield self.letters[at:end], pen
            at = end

    @property
    def text(self) -> str:
        return "".join(self.letters).rstrip()

    def past(self) -> Past:
        """As it is now, for good, in little memory."""
        pens, letters = self.pens, self.letters
        text = "".join(letters)
        kept = text.rstrip() if len(text) == len(letters) else letters
        if pens.count(pens[0]) == len(pens) and isinstance(kept, str):
            return Past(((kept, pens[0]),))
        runs = ((_compact(part), pen) for part, pen in self.runs())
        return Past(tuple(runs))


def _compact(letters: Sequence[str]) -> Sequence[str]:
    text = "".join(letters)
    return text if len(text) == len(letters) else tuple(letters)


class Past(NamedTuple):
    """A line that changes no more; blanks at its end may be left out."""

    kept: tuple[Run, ...]

    def runs(self) -> Iterator[Run]:
        return iter(self.kept)

    @property
    def text(self) -> str:
        return "".join("".join(letters) for letters, _ in self.kept).rstrip()


# --- select graphic rendition -------------------------------------------------------------------

_ON = {
    1: "bold", 2: "dim", 3: "italic", 4: "underline", 5: "blink", 6: "blink", 7: "reverse",
    8: "conceal", 9: "strike", 21: "underline",
}  # fmt: skip
_OFF = {
    22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 25: ("blink",), 27: ("reverse",),
    28: ("conceal",), 29: ("strike",),
}  # fmt: skip
_COLOURS = {30: ("fg", 0), 40: ("bg", 0), 90: ("fg", 8), 100: ("bg", 8)}
_EXTENDED = {38: "fg", 48: "bg", 58: ""}
"""The last is the colour of underlines, which is read and not drawn."""


@lru_cache(maxsize=4096)
def painted(pen: Pen, parameters: str) -> Pen:
    """The pen after SGR with these parameters (ECMA-48; colons as ISO 8613-6 has them)."""
    changes: dict[str, str | bool] = {}
    parts = iter(_numbers(parameters))
    for numbers in parts:
        code = numbers[0]
        if code == 0:
            pen, changes = PLAIN, {}
        elif code in _EXTENDED:
            colour = _extended(numbers[1:] or [each[0] for each in _taken(parts)])
            changes |= {_EXTENDED[code]: colour} if _EXTENDED[code] and colour else {}
        else:
            changes |= _simple(code, numbers)
    return pen._replace(**changes) if changes else pen  # type: ignore[arg-type]  # fields of Pen


def _numbers(parameters: str) -> list[list[int]]:
    return [
        [min(int(piece or 0), 9999) for piece in part.split(":")] for part in parameters.split(";")
    ]


def _taken(parts: Iterator[list[int]]) -> Iterator[list[int]]:
    """The parameters behind a 38 or 48: `5;N` or `2;R;G;B`."""
    for kind in parts:
        yield kind
        for _ in range({5: 1, 2: 3}.get(kind[0], 0)):
            yield next(parts, [0])
        return


def _extended(numbers: list[int]) -> str:
    """A colour of 256, or a direct one; with colons there may be a colour space in between."""
    if len(numbers) >= 2 and numbers[0] == 5:
        return f"color({min(numbers[1], 255)})"
    if len(numbers) >= 4 and numbers[0] == 2:
        direct = numbers[2:5] if len(numbers) > 4 else numbers[1:4]
        red, green, blue = (min(each, 255) for each in direct)
        return f"#{red:02x}{green:02x}{blue:02x}"
    return ""


def _simple(code: int, numbers: list[int]) -> dict[str, str | bool]:
    if code in _ON:
        return {_ON[code]: numbers[1:] != [0]}
    if code in _OFF:
        return dict.fromkeys(_OFF[code], False)
    if code in (39, 49):
        return {"fg" if code == 39 else "bg": ""}
    for base, (name, first) in _COLOURS.items():
        if base <= code < base + 8:
            return {name: f"color({code - base + first})"}
    return {}
