"""The birth of a container as items: parts with their times as bars, steps, system calls.

Pure. Steps that were timed together stand in one bracket with one time; nothing gets a time of
its own that had none.
"""

from __future__ import annotations

from collections.abc import Iterator

from tuidock import anatomy_words
from tuidock import format as fmt
from tuidock.anatomy_lines.item import Item
from tuidock.engine.anatomy import AHEAD, Batch, Birth, Part, Step

_BAR = 24
"""Cells of the longest bar."""
_EIGHTHS = "▏▎▍▌▋▊▉█"


def section(birth: Birth, container_id: str) -> Iterator[Item]:
    """The head, and every part; `container_id` is written short where it occurs."""
    about = "every step of its start, in order, as it was really done"
    head = Item("birth", 0, "How it was born", about, folds=True)
    if birth.unread:
        yield head
        words = str(anatomy_words.words("unread"))
        yield Item("birth/none", 1, "unknown", birth.unread, words=words, style="$text-warning")
        return
    yield head._replace(left=f"{_summary(birth)} · {about}")
    longest = max(part.seconds for part in birth.parts) or 1.0
    for number, part in enumerate(birth.parts):
        yield from _part(part, f"birth/{number}", part.seconds / longest, container_id)


def _summary(birth: Birth) -> str:
    steps = [step for part in birth.parts for batch in part.batches for step in batch.steps]
    calls = sum(len(step.calls) for step in steps)
    return f"{_ms(birth.seconds)}, {len(steps)} steps, {fmt.count(calls, 'system call')}"


def _part(part: Part, key: str, share: float, container_id: str) -> Iterator[Item]:
    count = sum(len(batch.steps) for batch in part.batches)
    bar = bar_of(0.0 if part.name == AHEAD else share)
    words = str(anatomy_words.words(f"part.{part.name}"))
    steps = fmt.count(count, "step") if count else "no steps"
    left = f"{_ms(part.seconds):>9}  {bar:<{_BAR}}  {steps}"
    yield Item(
        key, 1, part.name, left, "", words, folds=bool(count), closed=True, style="$text-primary"
    )
    number = 0
    for batch in part.batches:
        for place, step in enumerate(batch.steps):
            yield from _step(batch, place, step, f"{key}/{number}", container_id)
            number += 1


def bar_of(share: float) -> str:
    """A bar as long as its share of the longest, in eighths of a cell; nothing for nothing."""
    eighths = max(1, round(share * _BAR * 8)) if share else 0
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest - 1] if rest else "")


def _step(batch: Batch, place: int, step: Step, key: str, container_id: str) -> Iterator[Item]:
    words = str(anatomy_words.words(_subject(step), step.kind))
    text = step.text.replace(container_id, container_id[:12])
    found = Item(key, 2, _when(batch, place, step), text, "", words, rail=_rail(batch, place))
    yield found._replace(folds=bool(step.calls), closed=True)
    for number, call in enumerate(step.calls):
        said = call.replace(container_id, container_id[:12])
        name = call.partition("(")[0]
        line = str(anatomy_words.words(f"call.{name}", "call.line"))
        yield Item(f"{key}/{number}", 3, "", said, "", line, style="$quiet")


def _subject(step: Step) -> str:
    """What the step was done to, where that has words of its own: a file, a path."""
    words = step.text.split()
    match step.kind:
        case "cgroup.file":
            return f"file.{step.text.partition(' ← ')[0].rpartition(' ')[2]}"
        case "mask":
            return f"mask {words[1].rstrip(':')}"
        case "readonly.path":
            return f"read-only {words[1]}"
    return step.kind


def _when(batch: Batch, place: int, step: Step) -> str:
    """A time for what was timed: alone, since the birth began; together, how long, once."""
    if batch.seconds is None:
        return "" if step.at is None else f"at {_ms(step.at)}"
    if len(batch.steps) == 1:
        return f"◂ {_ms(batch.seconds)}"
    if place == 0:
        return f"┌ {_ms(batch.seconds)} together"
    return "└" if place == len(batch.steps) - 1 else "│"


def _rail(batch: Batch, place: int) -> str:
    """Between the steps of a bracket."""
    if batch.seconds is None or len(batch.steps) == 1:
        return ""
    return "  " if place == len(batch.steps) - 1 else "│ "


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"
