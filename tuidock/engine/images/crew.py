"""A few threads for one caller: events and errors of all of them arrive in the caller's thread.

Invariant: when `work` returns or raises, no further event is delivered, and every job was
told to stop.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from tuidock.engine.errors import Cancelled
from tuidock.engine.events import LayerProgress, PullEvent

T = TypeVar("T")
Emit = Callable[[PullEvent], None]
Job = Callable[[Emit], T]

_GRACE = 0.8
"""Seconds that jobs have to end once told to; then they are left to their own deadlines."""
_INTERVAL = 0.1
"""Seconds between two reports on one layer."""


class _Outcome(NamedTuple, Generic[T]):
    number: int
    result: T | None
    error: BaseException | None


class Crew:
    """Whoever works for one pull: how many, whom to tell, and how to stop them."""

    def __init__(
        self, on_event: Emit, cancelled: threading.Event, halt: Callable[[], None], hands: int
    ) -> None:
        self._on_event = on_event
        self._cancelled = cancelled
        self._halt = halt
        """Called once, from the caller's thread, to make jobs end soon."""
        self._hands = hands

    def work(self, jobs: Sequence[Job[T]]) -> list[T]:
        """Run the jobs in order, several at once; results in that order.

        Raises the first error of a job, or Cancelled within a second of `cancelled`.
        """
        waiting: queue.SimpleQueue[tuple[int, Job[T]] | None] = queue.SimpleQueue()
        news: queue.SimpleQueue[PullEvent | _Outcome[T]] = queue.SimpleQueue()
        for numbered in enumerate(jobs):
            waiting.put(numbered)
        threads = [
            threading.Thread(target=_serve, args=(waiting, news), daemon=True, name=f"pull-{n}")
            for n in range(min(self._hands, len(jobs)))
        ]
        for thread in threads:
            waiting.put(None)
            thread.start()
        try:
            return self._gather(news, len(jobs))
        except BaseException:
            self._halt()
            _drain(waiting)
            _join(threads)
            raise

    def _gather(self, news: queue.SimpleQueue[PullEvent | _Outcome[T]], count: int) -> list[T]:
        results: dict[int, T] = {}
        while len(results) < count:
            if self._cancelled.is_set():
                raise Cancelled("cancelled")
            try:
                item = news.get(timeout=0.1)
            except queue.Empty:
                continue
            if not isinstance(item, _Outcome):
                self._on_event(item)
            elif item.error is not None:
                raise item.error
            else:
                results[item.number] = item.result  # type: ignore[assignment]
        return [results[number] for number in range(count)]


class Report:
    """Tells how one layer moves on, often enough to see and seldom enough to draw."""

    def __init__(self, emit: Emit, digest: str, total: int) -> None:
        self._emit = emit
        self._digest = digest
        self._total = total
        self._phase = ""
        self._next = 0.0

    def __call__(self, phase: str, done: int, detail: str = "") -> None:
        now = time.monotonic()
        if phase == self._phase and now < self._next:
            return
        self._phase, self._next = phase, now + _INTERVAL
        self._emit(LayerProgress(self._digest, phase, done, self._total, detail))


def _serve(
    waiting: queue.SimpleQueue[tuple[int, Job[T]] | None],
    news: queue.SimpleQueue[PullEvent | _Outcome[T]],
) -> None:
    while (item := waiting.get()) is not None:
        number, job = item
        try:
            news.put(_Outcome(number, job(news.put), None))
        except BaseException as error:  # it belongs to the caller, whatever it is
            news.put(_Outcome(number, None, error))


def _drain(waiting: queue.SimpleQueue[tuple[int, Job[T]] | None]) -> None:
    """Take back what nobody began, and send everybody home."""
    try:
        while True:
            waiting.get_nowait()
    except queue.Empty:
        pass
    for _ in range(threading.active_count()):
        waiting.put(None)


def _join(threads: Sequence[threading.Thread]) -> None:
    deadline = time.monotonic() + _GRACE
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
