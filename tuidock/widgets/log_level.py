"""How serious a line is, by what it says itself.

Knows the ways in which programs write levels: a word in capitals, in brackets or before a colon,
`level=warn`, a field of JSON, klog's letter. Pure. Invariant: only the beginning of a line is
looked at, so that a monster costs no more than any other.
"""

from __future__ import annotations

import re

LOOKED_AT = 160
"""Characters."""
LEVELS = {
    "trace": "debug", "debug": "debug", "dbug": "debug", "verbose": "debug", "fine": "debug",
    "info": "info", "information": "info", "notice": "info", "log": "info",
    "warn": "warning", "warning": "warning", "wrn": "warning",
    "error": "error", "err": "error", "severe": "error", "eror": "error", "fail": "error",
    "fatal": "error", "crit": "error", "critical": "error", "panic": "error",
    "alert": "error", "emerg": "error", "emergency": "error", "ftl": "error",
    "inf": "info", "dbg": "debug", "trc": "debug",
}  # fmt: skip
"""Words for levels -> the four that are told apart."""
_LETTERS = {"I": "info", "W": "warning", "E": "error", "F": "error", "D": "debug"}
_WORDS = "|".join(sorted(LEVELS, key=len, reverse=True))
_CAPITALS = _WORDS.upper()
_FOUND = re.compile(
    rf"\b(?i:level|lvl|severity|loglevel)\"?\s*[=:]\s*\"?(?P<field>(?i:{_WORDS}))\b"
    rf"|\[\s*(?P<bracket>(?i:{_WORDS}))\s*\]"
    rf"|(?<![\w./=-])(?P<capitals>{_CAPITALS})(?![\w./=-])"
    rf"|^\W*(?P<colon>(?i:{_WORDS}))(?=:)"
    rf"|^(?P<letter>[IWEFD])(?=\d{{4}} \d\d:\d\d)"
)
"""Where a level stands."""


def level(text: str) -> tuple[str, int, int]:
    """The level (`debug`, `info`, `warning`, `error`) and where its word is; "" for none."""
    found = _FOUND.search(text, 0, LOOKED_AT)
    if found is None or found.lastgroup is None:
        return "", 0, 0
    word = found[found.lastgroup]
    kind = _LETTERS[word] if found.lastgroup == "letter" else LEVELS[word.lower()]
    return kind, *found.span(found.lastgroup)


def level_of(word: str) -> str:
    """The level that a word stands for; "" for none."""
    return LEVELS.get(word.strip().lower(), "")
