"""Why a container ended: one sentence, what shows it, and what can be done about it.

Pure functions from facts to words. Invariant: what is not known is not said; a guess is called one.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import NamedTuple

from tuidock import format as fmt
from tuidock.engine.events import Event
from tuidock.engine.types import Container, ExitRecord

_MEANING = {
    4: "it ran an instruction that this processor does not have",
    6: "it gave up by itself (abort), mostly after a failed check",
    7: "it touched memory that could not be read, such as a file cut short",
    8: "it divided by zero, or the like",
    11: "it touched memory that is not its own: a bug in the program",
    13: "it wrote to a pipe that nobody reads any more",
    24: "it used more processor time than its ulimit allows",
    25: "it wrote a file larger than its ulimit allows",
    31: "it made a system call that its seccomp filter forbids",
}
_CODES = {
    125: "the engine could not run it",
    126: "the command was found, but cannot be executed",
    127: "the command was not found",
}
_MISSING = {
    126: "Is it a program, for this machine, and with the permission to be executed? See Files.",
    127: "Is it in the image? Files shows what is; Env has the command and `PATH`.",
}
GRACE = 3.0
"""Seconds more than its time to stop in which an end may still be somebody's wish."""


class Verdict(NamedTuple):
    """What is to be said of an end."""

    headline: str
    style: str
    because: str = ""
    """What the headline means, in words for those who do not know."""
    advice: tuple[str, ...] = ()


def signal_name(number: int) -> str:
    """`SIGSEGV`, or `signal 42`."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def asked_by(events: Sequence[Event], it: Container) -> Event | None:
    """The first signal that somebody sent it shortly before it ended; None without one.

    One that was sent to a single process of it does not count.
    """
    if it.exit is None:
        return None
    first, last = it.exit.at - it.spec.stop_timeout - GRACE, it.exit.at + 1
    kills = (each for each in events if each.action == "kill" and first <= each.at <= last)
    return next((each for each in kills if "pid" not in dict(each.attributes)), None)


def verdict(it: Container, events: Sequence[Event] = ()) -> Verdict:
    """Of a container that does not run; `events` as its history has them."""
    ended = it.exit
    if ended is None:
        return Verdict("It never ran", "bold $text-muted", "", ("`s` starts it.",))
    if ended.oom_killed:
        return _starved(it, ended)
    if ended.error:
        return _refused(ended)
    asked = asked_by(events, it)
    if ended.signal:
        return _signalled(it, ended, asked)
    return _exited(it, ended, asked)


def _starved(it: Container, ended: ExitRecord) -> Verdict:
    limit = it.spec.limits.memory
    because = "The kernel killed its first process, because there was no memory left"
    because += f" within its limit of {fmt.size(limit)}." if limit else " on this machine."
    more = f"Its peak was {fmt.size(ended.peak_memory)}: " if ended.peak_memory else ""
    advice = (
        f"{more}`update --memory` (`L`) gives it more; it keeps that when it starts again (`s`)."
        if limit
        else "It has no limit of its own: the machine ran out. A limit (`L`) would protect others.",
        "If memory rose steadily (see `S`), the program leaks: more memory only delays the end.",
    )
    return Verdict("Killed by the kernel: out of memory", "bold $text-error", because, advice)


def _refused(ended: ExitRecord) -> Verdict:
    because = _CODES.get(ended.code, "it could not be started, or nobody saw its end")
    advice = ("Command, user and working directory are in the tab Env.",)
    if "unseen" in ended.error:
        advice = ("Was the machine switched off, or its monitor killed with all others?",)
    return Verdict(f"Exit {ended.code}: {ended.error}", "bold $text-error", because, advice)


def _signalled(it: Container, ended: ExitRecord, asked: Event | None) -> Verdict:
    name = signal_name(ended.signal)
    if asked is not None:
        return _as_asked(it, f"Ended by {name}: somebody asked for it", asked, ended)
    because = _MEANING.get(ended.signal, "another process sent it that signal")
    advice = {
        31: ("`--security-opt seccomp=FILE` lets more calls through, `unconfined` all.",),
        9: ("No out-of-memory kill was counted: `kill -9` on the host, or from inside?",),
    }
    fallback = ("The last lines below may say where; run it again with `s`.",)
    style = "bold $text-error"
    return Verdict(f"Ended by {name}", style, because, advice.get(ended.signal, fallback))


def _as_asked(it: Container, headline: str, asked: Event, ended: ExitRecord) -> Verdict:
    if ended.signal != signal.SIGKILL:
        because = f"At {fmt.clock(asked.at)}."
        return Verdict(headline, "bold $text-muted", because, ("`s` starts it.",))
    if dict(asked.attributes).get("signal") == "9":
        because = f"SIGKILL at {fmt.clock(asked.at)}, which nothing can refuse."
        return Verdict(headline, "bold $text-warning", because, ("`s` starts it.",))
    because = f"It was told to end, and did not within {it.spec.stop_timeout:g} seconds."
    advice = (
        "`--stop-timeout` gives it longer.",
        "`--init` passes signals on, if its first process is a shell that does not.",
    )
    return Verdict(headline, "bold $text-warning", because, advice)


def _exited(it: Container, ended: ExitRecord, asked: Event | None) -> Verdict:
    code = ended.code
    if code == 0:
        done = ("Nothing is wrong. If it should go on for ever, its command does not: see Env.",)
        return Verdict("Exit 0: it finished", "bold $status-running", "", done)
    if asked is not None:
        return _as_asked(it, f"Exit {code} after somebody asked it to end", asked, ended)
    advice = ["The last lines below are what it said about it."]
    if code in _MISSING:
        advice.append(_MISSING[code])
    elif it.spec.restart.name == "no":
        advice.append("`update --restart on-failure` would have it started again.")
    return Verdict(f"Exit {code}", "bold $text-error", _meaning(code), tuple(advice))


def _meaning(code: int) -> str:
    """What a code says by custom."""
    if code > 128:
        name = signal_name(code - 128)
        return f"128 + {code - 128}: as a shell says it when {name} ended a child of it."
    return _CODES.get(code, "The program ended itself, and says by that number that it failed.")
