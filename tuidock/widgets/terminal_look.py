"""Looking back in a terminal: a line to stand on, a mark, a search.

Pure state over a `TerminalScreen`. Lines are numbered from the first that was ever printed, so
that a number means the same line while more is printed. Invariant: the line is one that is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tuidock.widgets.terminal_line import Line, Past
from tuidock.widgets.terminal_screen import TerminalScreen


class Look:
    """Where somebody looks, who looks back."""

    def __init__(self, screen: TerminalScreen) -> None:
        self._screen = screen
        self.back = 0
        """Lines between the window and the newest lines."""
        self.reading = False
        """Keys move here instead of going to the program."""
        self.number = 0
        self.mark: int | None = None
        self.typing: str | None = None
        """The search as far as it is typed; None when none is."""
        self.pattern: re.Pattern[str] | None = None
        self.said = ""

    # --- lines and their numbers ------------------------------------------------------------

    @property
    def depth(self) -> int:
        """Lines that one can look back; a full-screen program has none."""
        return 0 if self._screen.alternate else len(self._screen.history)

    @property
    def first(self) -> int:
        return self._screen.pushed - self.depth

    @property
    def last(self) -> int:
        return self._screen.pushed + self._screen.rows - 1

    def line(self, number: int) -> Line | Past:
        """The line of a number between `first` and `last`."""
        above = number - self._screen.pushed
        return self._screen.lines[above] if above >= 0 else self._screen.history[above]

    def shown(self, y: int) -> int:
        """The number of the line in row `y` of the window."""
        return self._screen.pushed - self.back + y

    # --- the window -------------------------------------------------------------------------

    def scroll(self, lines: int) -> bool:
        """Show older lines, or, negative, newer ones; False when that changes nothing."""
        back = max(0, min(self.depth, self.back + lines))
        changed, self.back = back != self.back, back
        return changed

    def grew(self, lines: int) -> None:
        """So many lines came: the window stays where the reader is."""
        if self.back:
            self.back = min(self.back + lines, self.depth)
        self.number = max(self.first, min(self.number, self.last))

    def begin(self) -> None:
        """Read, from the line of the cursor."""
        if not self.reading:
            self.reading, self.mark, self.said, self.typing = True, None, "", None
            self.number = self._screen.pushed + self._screen.y

    def end(self) -> None:
        self.reading, self.back, self.mark, self.pattern, self.typing = False, 0, None, None, None

    def move(self, lines: int) -> None:
        """Stand some lines further up (negative) or down."""
        self.stand(self.number + lines)

    def stand(self, number: int) -> None:
        """Stand on a line, and see it."""
        self.number = max(self.first, min(number, self.last))
        above = self._screen.pushed - self.number
        self.back = max(above, min(self.back, above + self._screen.rows - 2))
        self.back = max(0, min(self.back, self.depth))

    # --- searching --------------------------------------------------------------------------

    def search(self, text: str) -> None:
        """Look for a regular expression, or, where it is none, for the text; upwards at first."""
        flags = re.IGNORECASE if text == text.lower() else 0
        try:
            self.pattern = re.compile(text, flags) if text else None
        except re.error:
            self.pattern = re.compile(re.escape(text), flags)
        self.again(older=True)

    def again(self, *, older: bool) -> None:
        """To the next line that has it, older or newer, round the corner at the ends."""
        if self.pattern is None:
            self.said = "nothing to look for"
            return
        for number in self._round(older=older):
            if self.pattern.search(self.line(number).text):
                self.said = ""
                self.stand(number)
                return
        self.said = f"not found: {self.pattern.pattern}"

    def _round(self, *, older: bool) -> Iterator[int]:
        count, step = self.last + 1 - self.first, -1 if older else 1
        at = self.number - self.first
        return (self.first + (at + step * away) % count for away in range(1, count + 1))

    # --- taking along -----------------------------------------------------------------------

    def chosen(self, number: int) -> bool:
        """Whether a line is marked, or the one stood on."""
        start = self.number if self.mark is None else self.mark
        return min(start, self.number) <= number <= max(start, self.number)

    def text(self) -> str:
        """The marked lines, or the one stood on."""
        start = self.number if self.mark is None else max(self.mark, self.first)
        low, high = sorted((start, self.number))
        return "\n".join(self.line(number).text for number in range(low, high + 1))

    def everything(self) -> str:
        """All lines that are kept."""
        lines = [self.line(number).text for number in range(self.first, self.last + 1)]
        return "\n".join(lines).rstrip("\n")
