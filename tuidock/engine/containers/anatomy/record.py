"""From the record of a birth to its parts, batches and steps.

Steps come from what was recorded, one for each row of calls that serve one end; what was timed
together stays together. Invariant: every call of the record is a call of exactly one step.
"""

from __future__ import annotations

import json
from itertools import groupby

from tuidock.engine.anatomy import AHEAD, Batch, Birth, Part, Step
from tuidock.engine.containers.anatomy import calls as c
from tuidock.engine.containers.anatomy import kinds, wording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tuidock.engine.containers.anatomy.kinds import Call
    from tuidock.engine.layout import Layout

    Entry = list[Any]
    """[nanoseconds, kind, facts...]"""

_SECOND = 1e9
_NONE = "It was never started, or by a version that kept no record of births."
_UNFINISHED = "Its record is still being written, or there was no room for all of it."


def read(layout: Layout, container_id: str) -> Birth:
    """The last birth of a container."""
    try:
        with open(layout.birth_file(container_id), encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return Birth(unread=_NONE)
    except OSError as error:
        return Birth(unread=f"{error.filename}: {error.strerror}")
    try:
        record = json.loads(text)
        return Birth(tuple(parts(record["entries"], record.get("begun"))))
    except ValueError:
        return Birth(unread=_UNFINISHED)


def parts(entries: list[Entry], begun: int | None = None) -> Iterator[Part]:
    """The parts of a record. What comes after the last one served no birth any more.

    `begun` is when the first one began, in nanoseconds of the clock; None where that is not known.
    """
    entries = [_on_time(entry, begun) for entry in entries]
    answers = [entry[0] for entry in entries if entry[1] == "answered"]
    discarded = any(entry[1] == "discarded" for entry in entries)
    marks = [number for number, entry in enumerate(entries) if entry[1] == "part"]
    if marks and marks[0] and not discarded:
        first = entries[: marks[0]]
        took = (first[-1][0] - first[0][0]) / _SECOND
        yield Part(AHEAD, took, tuple(_batches(first, answers)))
    for start, end in zip(marks, [*marks[1:], len(entries)], strict=True):
        at, _, name = entries[start]
        if name:
            until = entries[end][0] if end < len(entries) else entries[-1][0]
            inside = entries[start + 1 : end]
            yield Part(name, (until - at) / _SECOND, tuple(_batches(inside, answers)))


def _on_time(entry: Entry, begun: int | None) -> Entry:
    """With (when, how long, steps) of what was done for the network.

    The client timed that, by the clock; older versions told the words alone.
    """
    if entry[1] != "network":
        return entry
    if isinstance(entry[2], str):
        return [entry[0], "network", (None, None, [entry[2]])]
    since, until, done = entry[2]
    return [entry[0], "network", (since - begun if begun else None, until - since, done)]


def _batches(entries: list[Entry], answers: list[int]) -> Iterator[Batch]:
    """Calls of one batch together; of what the starter did itself each for itself."""
    words: list[str] = []
    rest = [entry for entry in entries if entry[1] not in ("answered", "discarded")]
    for (kind, step), group in groupby(rest, key=_owner):
        if kind == "argv":
            words = next(group)[2]
        elif kind == "own":
            found = list(group)
            yield Batch(None, tuple(_steps(step, [each[3] for each in found], found[0][0])))
        else:
            for entry in group:
                yield _batch(entry, answers, words)


def _owner(entry: Entry) -> tuple[str, str]:
    return entry[1], entry[2] if entry[1] == "own" else ""


def _batch(entry: Entry, answers: list[int], words: list[str]) -> Batch:
    at, kind, *facts = entry
    if kind == "network":
        return _lap(*facts[0])
    if kind != "calls":
        return Batch(None, tuple(_single(at / _SECOND, kind, facts)))
    answered = next((each for each in answers if each > at), None)
    took = None if answered is None else (answered - at) / _SECOND
    rows = _looks_joined(facts[0])
    return Batch(took, tuple(each for row in rows for each in _steps(*row, at, words)))


def _lap(since: int | None, took: int | None, done: list[str]) -> Batch:
    at = None if since is None else since / _SECOND
    steps = tuple(Step(kinds.kind_of_network(each), each, at) for each in done)
    return Batch(None if took is None else took / _SECOND, steps)


def _looks_joined(rows: list[tuple[str, list[Call]]]) -> Iterator[tuple[str, list[Call]]]:
    """What is to be masked is looked for first, all of it: one step."""
    for looks, group in groupby(rows, key=lambda row: _only_looks(*row)):
        if looks:
            yield "mask what is there", [call for _, made in group for call in made]
        else:
            yield from group


def _only_looks(step: str, made: list[Call]) -> bool:
    return all(kinds.kind_of(step, call) == "mask.look" for call in made)


def _steps(step: str, made: list[Call], at: int, words: list[str] | None = None) -> Iterator[Step]:
    """Rows of calls of one kind."""
    for kind, group in groupby(made, key=lambda call: kinds.kind_of(step, call)):
        row = list(group)
        lines = tuple(map(c.line, row))
        if kind == "clone":
            yield from _namespaces(c.call_flags(row[0][0], row[0][1]), at / _SECOND, lines)
        else:
            text = wording.text(kind, step, row, words or [])
            yield Step(kind, text, at / _SECOND, lines)


def _namespaces(flags: int, at: float, lines: tuple[str, ...]) -> Iterator[Step]:
    """One step for each namespace that the new process gets; without any it only is made."""
    found = c.flags_of(flags)
    for name in found:
        yield Step(f"namespace.{name}", f"a new {name} namespace", at, lines)
    if not found:
        yield Step("process.made", "a process in the namespaces of its maker", at, lines)


def _single(at: float, kind: str, facts: list[Any]) -> Iterator[Step]:
    match kind:
        case "clone":
            line = f"clone3({c.flag_names(c.flags_of(facts[0]))})"
            yield from _namespaces(facts[0], at, (line,))
        case "write":
            yield Step(kinds.kind_of_write(facts[0]), wording.written(*facts), at)
        case "program":
            id_map = facts[0][0].endswith("idmap")
            yield Step("ids.program" if id_map else "runtime", " ".join(facts[0]), at)
        case "rlimit":
            yield Step("rlimit", f"{facts[0]} {facts[1]}:{facts[2]}", at)
        case "mkdir":
            yield Step("cgroup.make", facts[0], at)
        case "mknod":
            yield Step("outside.device", f"make {facts[1]} like {facts[0]}", at)
        case _:  # bpf, fifo, socket: a path
            yield Step(kind, str(facts[0]), at)
