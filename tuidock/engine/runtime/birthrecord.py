"""The record of a birth, kept with the bundle: every system call and file written for it.

A JSON object, `birth.json`: what the starter's ledger holds, times in nanoseconds since its first
part began (what was made ahead of time has negative ones), which is `begun` by the clock: laps of
the network, which its client timed, are in the clock's. Strings of calls are as they were,
structures in hex; addresses mean nothing any more. Invariant: it is opened while the monitor
waits, so that it may be filled later without coming in the way of a removal.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress

from tuidock.engine.linux import ledger
from tuidock.engine.linux.arena import Answer
from tuidock.engine.linux.files import unlink, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tuidock.engine.layout import Layout
    from tuidock.engine.linux.arena import Call

_LONG = 512
"""Bytes of one structure that are kept."""
_JSON = json.JSONEncoder(separators=(",", ":"), check_circular=False)
_AS_THEY_ARE = frozenset((int, str, type(None)))


def open_record(layout: Layout, container_id: str) -> int:
    """A descriptor of the empty record, a new file; -1 where none can be made.

    The container runs already: a full disk shall not take it from its monitor.
    """
    path = layout.birth_file(container_id)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        unlink(path)
        return os.open(path, flags, 0o600)
    except OSError:
        return -1


def fill(descriptor: int) -> None:
    """Write the ledger down, as far as there is room, and close the record."""
    if descriptor < 0:
        return
    entries = ledger.entries()
    begun = next((at for at, kind, _ in entries if kind == "part"), 0)
    plain = [[at - begun, kind, *_plain(kind, facts)] for at, kind, facts in entries]
    with suppress(OSError):  # who reads it says that it is not whole
        write_all(descriptor, _JSON.encode({"begun": begun, "entries": plain}).encode())
    os.close(descriptor)


def _plain(kind: str, facts: tuple[Any, ...]) -> list[Any]:
    if kind == "calls":
        return [_steps(facts[0])]
    if kind == "own":
        step, name, arguments, answer = facts
        return [step, _call(name, arguments, answer)]
    return list(facts)


def _steps(calls: list[Call]) -> list[tuple[str, list[Any]]]:
    """(step, [call, ...]) for each row of calls with the same step."""
    found: list[tuple[str, list[Any]]] = []
    step: str | None = None
    row: list[Any] = []
    for each in calls:
        if each.step != step:
            step, row = each.step, []
            found.append((step, row))
        row.append(_call(each.name, each.arguments, each.answer))
    return found


def _call(name: str, arguments: tuple[Any, ...], answer: Answer) -> tuple[Any, ...]:
    """(name, arguments, result); no result for a call that did not return."""
    return (
        name,
        [a if a.__class__ in _AS_THEY_ARE else _argument(a) for a in arguments],
        answer.value,
    )


def _argument(argument: Any) -> Any:
    if isinstance(argument, Answer):
        return argument.value
    if isinstance(argument, bytes):
        return {"hex": argument[:_LONG].hex(), "size": len(argument)}
    return argument  # an enum's number
