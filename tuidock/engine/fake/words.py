"""What people write, as the fake engine understands it: names of signals, spans of a log."""

from __future__ import annotations

from tuidock.engine.errors import BadSpec
from tuidock.engine.types import LogLine, LogQuery

_SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "USR1": 10, "USR2": 12, "TERM": 15}


def within(line: LogLine, query: LogQuery) -> bool:
    """Whether the query wants a line of that time."""
    since, until = query.since, query.until
    return (since is None or line.at >= since) and (until is None or line.at <= until)


def signal_number(name: str) -> int:
    """From a name, with or without SIG, or a number. Raises BadSpec."""
    short = name.upper().removeprefix("SIG")
    if short.isdigit():
        return int(short)
    if short not in _SIGNALS:
        raise BadSpec(f"invalid signal: {name}")
    return _SIGNALS[short]
