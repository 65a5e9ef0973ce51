"""The filter of every list: words, all of them wanted, in any order.

    api v2           texts that have the letters of both words, in order and close together
    !debian          the opposite of the word behind it
    ~^web-\\d+$       a regular expression; an unfinished one is taken literally
    status:running   one fact alone: what stands behind the colon is looked for in it
    status=exited    one fact, exactly; `cpu>50`, `memory>=1.5G`, `restarts<3` compare figures
    label=team       has the label; `label=team=shop` with this value; `team=shop` says the same
    "two words"      blanks belong to the word

Pure functions of text. Invariant: whatever is typed is a filter; nothing is ever an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

GRAMMAR = (
    ("api v2", "Words in any order; letters close together are enough"),
    ("!word", "Not this; works before everything below too"),
    ("~^web-[0-9]+$", "A regular expression"),
    ("image:nginx", "One fact alone: name, image, status, health, port, ip, id, command ..."),
    ("status=exited", "One fact, exactly"),
    ("cpu>50  memory>=1.5G", "Figures: < <= > >= with K M G; CPU in percent of one core"),
    ("label=team  team=shop", "Has the label; has it with this value (* is anything)"),
)
"""An example of each kind of word, and what it means: for the help screen."""

_WORD = re.compile(r'!?(?:~.*|(?:"[^"]*"?|[^\s"])+)')
_FACT = re.compile(r"([A-Za-z][\w./-]*)(>=|<=|[:=<>])(.*)", re.DOTALL)
_FIGURE = re.compile(r"(\d+(?:\.\d*)?)([kmgtp]?)(?:i?b)?%?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4, "p": 1024**5}


class Subject(NamedTuple):
    """A thing that a filter judges."""

    text: str
    """What words are looked for in."""
    facts: Mapping[str, str | float] = {}
    """What is known by name: words, and figures that can be compared."""
    labels: Mapping[str, str] = {}


Matcher = Callable[[Subject], bool]


def matcher(query: str) -> Matcher:
    """A test for things."""
    tests = [_word(word) for word in _WORD.findall(query)]
    if len(tests) == 1:
        return tests[0]
    return lambda it: all(test(it) for test in tests)


def _word(word: str) -> Matcher:
    if word.startswith("!"):
        inner = _word(word[1:])
        return (lambda it: not inner(it)) if word[1:] else _everything
    if word.startswith("~"):
        return _regex(word[1:])
    fact = _FACT.fullmatch(word.replace('"', ""))
    plain = _fuzzy(word.replace('"', "").lower())
    return _about(fact[1].lower(), fact[2], fact[3], fact[1], plain) if fact else plain


def _everything(_it: Subject) -> bool:
    return True


def _regex(pattern: str) -> Matcher:
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
    except re.error:
        compiled = re.compile(re.escape(pattern), re.IGNORECASE)
    return lambda it: compiled.search(it.text) is not None


def _fuzzy(word: str) -> Matcher:
    return lambda it: not word or _in_order(word, it.text.lower())


def _about(name: str, sign: str, asked: str, label: str, plain: Matcher) -> Matcher:
    """One fact by its name; what a thing knows no fact by is a label's, or just a word."""

    def judge(it: Subject) -> bool:
        if name == "label" and sign in ":=":
            return _labelled(it.labels, asked, exactly=sign == "=")
        if name in it.facts:
            return _holds(it.facts[name], sign, asked)
        if sign == "=":
            return label in it.labels and (not asked or _same(it.labels[label], asked))
        return plain(it)

    return judge


def _labelled(labels: Mapping[str, str], asked: str, *, exactly: bool) -> bool:
    key, _, value = asked.partition("=")
    if not exactly or not key:
        return any(asked.lower() in f"{k}={v}".lower() for k, v in labels.items())
    return key in labels and (not value or _same(labels[key], value))


def _same(value: str, asked: str) -> bool:
    """Equal, case aside; a `*` stands for anything."""
    parts = (re.escape(part) for part in asked.lower().split("*"))
    return re.fullmatch(".*".join(parts), value.lower(), re.DOTALL) is not None


def _holds(value: str | float, sign: str, asked: str) -> bool:
    if not asked:
        return True
    if sign in ":=" and isinstance(value, str):
        return asked.lower() in value.lower() if sign == ":" else _same(value, asked)
    figure = _FIGURE.fullmatch(asked)
    if figure is None or isinstance(value, str):
        return False
    return _compared(value, sign, float(figure[1]) * _UNITS[figure[2].lower()])


def _compared(value: float, sign: str, asked: float) -> bool:
    return {
        ":": value == asked,
        "=": value == asked,
        "<": value < asked,
        ">": value > asked,
        "<=": value <= asked,
        ">=": value >= asked,
    }[sign]


def _in_order(word: str, text: str) -> bool:
    """Letters in order, and close together: scattered over a long line they mean nothing."""
    start = text.find(word[0])
    while start >= 0:
        end = _span(word, text, start)
        if end and end - start <= 2 * len(word) + 1:
            return True
        start = text.find(word[0], start + 1)
    return False


def _span(word: str, text: str, start: int) -> int:
    """Where the last letter of `word` falls when the first is at `start`; 0 for nowhere."""
    position = start
    for letter in word[1:]:
        position = text.find(letter, position + 1)
        if position < 0:
            return 0
    return position + 1
