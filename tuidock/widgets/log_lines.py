"""LogLines: rows that follow the end, search, filter, and dig for what is older.

Knows what the reader wants to see next. Invariant: whatever takes long is done in another
thread, a bounded piece at a time, and is forgotten when something else is wanted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.geometry import Size

from tuidock.engine.logs.merged import MergedIndex
from tuidock.widgets.log_excerpt import Job
from tuidock.widgets.log_expression import TooSlow
from tuidock.widgets.log_keys import MOVING
from tuidock.widgets.log_paint import first_match
from tuidock.widgets.log_rows import Break, LogRows
from tuidock.widgets.log_search import Pattern
from tuidock.widgets.log_sieve import Sieve
from tuidock.widgets.log_source import Beginning, Index, LogSource, aside

SIDEWAYS = 8
DIG = 32 << 20
"""Bytes of older log that are counted in one piece."""


PROGRESS = 0.05
"""Seconds between two looks at what is being done in another thread."""


def surveyed(index: Index) -> Callable[[], None]:
    """Look for what is older, in another thread; the rest is for the index's own."""
    if isinstance(index, MergedIndex):
        return partial(index.take, index.survey(DIG))
    return partial(index.take, index.survey(DIG))


class LogLines(LogRows):
    """The lines themselves; `LogView` gives it a prompt, a status line and a panel."""

    BINDINGS: ClassVar[list[BindingType]] = MOVING

    def __init__(self, source: LogSource | None = None, *, id: str | None = None) -> None:
        super().__init__(source, id=id)
        self.follow = True
        self.window = ""
        """Which part of the log is shown, in words; empty for all of it."""
        self.busy = ""
        """What is being done in another thread, in words."""
        self._own_scroll = False
        self._looking = False
        self._to_top = False
        """Whether the reader wants to see the first line, whichever that turns out to be."""
        self._step = 0
        """Way to the match that was asked for before it was found."""
        self._digging = asyncio.Lock()
        self._shown = 0.0

    def show(self, source: LogSource) -> None:
        """Look at another log, from its end."""
        self.excerpt.show(source)
        self._strips.clear()
        self._widest = 0
        self.current = None
        self.follow = True
        self._step = 0
        self.settle()

    def set_breaks(self, breaks: Sequence[Break]) -> None:
        """They take room; what is looked at stays in view."""
        super().set_breaks(breaks)
        self.settle()
        if not self.follow and self.current is not None:
            self.go(self.current)

    # --- growing ------------------------------------------------------------------------------

    def settle(self) -> None:
        """The source has changed: sieve, resize, stay at the end or where the reader is."""
        self.excerpt.advance()
        self._fit()
        self._land()
        self._keep_looking()

    def _fit(self) -> None:
        gone = self.excerpt.gone()
        self._page = None
        self._own_scroll = True
        self.extend_to(Size(self._width(), self._height()))
        if self.follow:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
        elif self._to_top:
            self.scroll_to(y=0, animate=False, force=True)
        elif gone:
            self.scroll_to(y=max(0, self.scroll_offset.y - gone), animate=False, force=True)
        self._own_scroll = False
        self.refresh()
        self.post_message(self.Changed())

    def _keep_looking(self) -> None:
        if not self._looking and self._unseen():
            self._looking = True
            self._look_on()

    def _unseen(self) -> bool:
        """Whether a search or a filter has something left to look at."""
        excerpt = self.excerpt
        return excerpt.sieved and (excerpt.job() is not None or not excerpt.source.complete)

    @work(exclusive=True, group="look", exit_on_error=False)
    async def _look_on(self) -> None:
        """Look through all of the log, counting what lies before as far as needed."""
        try:
            while self._unseen():
                source = self.excerpt.source
                job = self.excerpt.job()
                if job is not None:
                    await self._look_at(*job)
                elif isinstance(source, Index | Beginning):
                    await self._dig(source)
                self._show_progress(self._looked)
                self._land()
            self._looked()
            self._to_top = False
        except OSError as error:
            self.notify(error.strerror or "", title="The log cannot be read", severity="error")
        finally:
            self._looking = False

    async def _look_at(self, sieve: Sieve, job: Job) -> None:
        try:
            sieve.take(await aside(self.excerpt.source, job))
        except TooSlow as error:
            error.expression.slow = True
            self._restyle()

    def _looked(self) -> None:
        """More was looked at; without a filter that changes nothing but the counts."""
        if self.excerpt.filter is not None:
            self._fit()
        else:
            self.post_message(self.Changed())

    def _land(self) -> None:
        """Go to the match that was wanted, now that it may have been found."""
        landing = self.excerpt.landing()
        if landing is not None:
            self.call_later(self.go, landing)
        elif self._step:
            self.find(self._step)

    # --- what is older ------------------------------------------------------------------------

    async def _dig(self, source: Index | Beginning) -> None:
        index = source.index if isinstance(source, Beginning) else source
        async with self._digging:
            if not index.complete:
                (await aside(index, partial(surveyed, index)))()
        if isinstance(source, Beginning) and index.complete and self.excerpt.source is source:
            self._join(source)

    async def reach(self, enough: Callable[[], bool]) -> bool:
        """Count what lies before until it is enough, or all; False when another log is shown.

        Raises OSError.
        """
        source = self.excerpt.source
        try:
            while isinstance(source, Index | Beginning) and not enough():
                index = source.index if isinstance(source, Beginning) else source
                if index.complete:
                    break
                self.busy = f"counting {1 - index.uncounted:.0%}"
                await self._dig(source)
                if self.excerpt.source not in (source, index):
                    return False
                self._show_progress(self.settle)
        finally:
            self.busy = ""
        self.settle()
        return True

    async def counted(self) -> LogSource:
        """All of what is shown, once every line of it is counted. Raises OSError."""
        source = self.excerpt.source
        whole = source.index if isinstance(source, Beginning) else source
        while isinstance(whole, Index) and not whole.complete:
            await self._dig(whole)
        return whole

    def _show_progress(self, show: Callable[[], None]) -> None:
        """Paint now and then: pieces of work may come faster than anybody looks."""
        now = time.monotonic()
        if now - self._shown > PROGRESS:
            self._shown = now
            show()

    @work(exclusive=True, group="older", exit_on_error=False)
    async def older(self, pieces: int = 1) -> None:
        """Count some of what lies before the first line."""
        left = iter(range(pieces))
        await self.reach(lambda: next(left, None) is None)

    @work(exclusive=True, group="older", exit_on_error=False)
    async def action_top(self) -> None:
        """To the oldest line of all: it shows at once, and the rest is counted meanwhile."""
        self._to_top = True
        index = self.excerpt.source
        self.set_follow(False)
        if isinstance(index, Index) and not index.complete:
            self._begin(index)
        self._scroll(y=0)
        here = self.excerpt.source
        begun = isinstance(here, Beginning)
        if await self.reach(lambda: not (begun or self._to_top)) and self._to_top:
            self._scroll(y=0)
            self._to_top = self._unseen()

    def _begin(self, index: Index) -> None:
        """Show the first lines of a log that is not counted as far."""
        beginning = Beginning(index)
        if beginning.end > beginning.first:
            self.excerpt.show(beginning, beginning.first)
            self._strips.clear()
            self.current = None
            self.settle()

    def _join(self, beginning: Beginning) -> None:
        """All is counted: the lines of the beginning have numbers now."""
        shift, top = beginning.index.first - beginning.first, self.top
        self.marks = {it + shift if it < beginning.end else it for it in self.marks}
        self.current = None if self.current is None else self.current + shift
        self.excerpt.show(beginning.index, top + shift)
        self._strips.clear()
        self.settle()
        if not self._to_top:
            self._scroll(y=self.excerpt.position(top + shift))

    # --- search and filter --------------------------------------------------------------------

    def set_search(self, pattern: Pattern | None) -> None:
        """Look for a pattern from the top of the screen on; None forgets it."""
        self.excerpt.set_search(pattern, self.top)
        self._step = 0
        if pattern is None:
            self.current = None
        self._restyle()
        self.settle()

    def set_filter(self, patterns: Sequence[Pattern]) -> None:
        """Keep only lines that all patterns accept; without any, show all at the same place."""
        anchor = self.current if self.current is not None else self.top
        self.excerpt.set_filter(patterns, None if self.follow else anchor)
        self.settle()
        if not self.follow:
            self._reveal(anchor)

    def find(self, step: int) -> None:
        """Go to the next match below (1) or above (-1), round the ends."""
        here = self.current if self.current is not None else self.top
        self._step = step if self.excerpt.may_find(here, step) else 0
        if self._step:
            self._keep_looking()
            return
        number = self.excerpt.neighbour(here, step)
        if number is None:
            self.app.bell()
        else:
            self.go(number)

    def go(self, number: int) -> None:
        """Make a line the current one and bring it into view."""
        source = self.excerpt.source
        if source.first <= number < source.end:
            self._make_current(number)
            self.follow = self._to_top = False
            self._reveal(number)
            self._reveal_match(number)

    def _reveal(self, number: int) -> None:
        top, height = self.scroll_offset.y, self.size.height
        place = self.excerpt.position(number)
        if self.wrap or self.breaks or not top <= place < top + max(1, height - 1):
            self._scroll(y=place - height // 3)

    def _reveal_match(self, number: int) -> None:
        column = None if self.wrap else first_match(self.line(number), self._look(number))
        left, width = self.scroll_offset.x, self._across
        if column is not None and not left <= column < left + width - 20:
            self._strip(number)
            self._own_scroll = True
            self.extend_to(Size(self._width(), self._height()))
            self._scroll(x=0 if column < width - 20 else column - width // 3)

    # --- moving -------------------------------------------------------------------------------

    def _scroll(self, x: int | None = None, y: int | None = None) -> None:
        self._own_scroll = True
        self.scroll_to(x=x, y=y, animate=False, force=True)
        self._own_scroll = False

    def set_follow(self, follow: bool) -> None:
        """Stick to the end, or stay here."""
        if follow and isinstance(self.excerpt.source, Beginning):
            self.marks = {it for it in self.marks if it >= self.excerpt.source.end}
            self.show(self.excerpt.source.index)
        self.follow = follow
        self._to_top = self._to_top and not follow
        if follow:
            self._scroll(y=self.max_scroll_y)
        self.post_message(self.Changed())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._page = None
        if not self._own_scroll and round(old_value) != round(new_value):
            # Up lets go, down to the end holds. A window that grew clamps upwards to the very
            # end: that is nobody's wish.
            begun = isinstance(self.excerpt.source, Beginning)
            at_end = new_value >= self.max_scroll_y and not begun
            self.follow = (self.follow or new_value > old_value) if at_end else False
            self._to_top = False
            self.post_message(self.Changed())
            if new_value <= 0 and not self.excerpt.source.complete:
                self.older()

    def action_lines(self, lines: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False)

    def action_pages(self, pages: float) -> None:
        self.action_lines(int(pages * max(1, self.size.height - 1)))

    def action_bottom(self) -> None:
        self.set_follow(True)

    def action_cursor(self, step: int) -> None:
        """Choose a line: the last on screen first, then its neighbours."""
        shown = self.on_screen()
        if not shown:
            return
        known = self.current is not None and self.current in shown
        here = self.current if known and self.current is not None else shown[-1]
        place = self.excerpt.position(here) + (step if known else 0)
        place = min(max(place, 0), self.excerpt.count - 1)
        self._make_current(self.excerpt.number(place))
        self.follow = False
        top, height = self.scroll_offset.y, self.size.height
        if not self.wrap and not top <= place < top + height:
            self._scroll(y=place if place < top else place - height + 1)
        elif self.current not in self.on_screen()[:-1]:
            self._reveal(self.excerpt.number(place))

    def action_sideways(self, steps: int) -> None:
        self._scroll(x=self.scroll_offset.x + steps * SIDEWAYS)
        self.post_message(self.Changed())

    # --- switches -----------------------------------------------------------------------------

    def set_wrap(self, wrap: bool) -> None:
        """Break long lines at the edge, or let them run out of it."""
        self.wrap = wrap
        self._scroll(x=0)
        self.settle()

    def set_stamps(self, stamps: int) -> None:
        """Choose how times are shown, an index into `STAMPS`."""
        self.stamps = stamps
        self._restyle()
        self.settle()

    def set_worded(self, worded: bool) -> None:
        """Show JSON as words, or as it was written."""
        self.worded = worded
        self._restyle()
        self.settle()

    def on_resize(self) -> None:
        self.settle()
