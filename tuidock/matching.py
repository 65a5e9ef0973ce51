"""The filter of every list: fuzzy by default, `!` for the opposite, `~` for a regular expression.

Words are all wanted, in any order; a text matches a word when its letters occur in order.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Matcher = Callable[[str], bool]


def matcher(query: str) -> Matcher:
    """A test for texts; an unfinished regular expression is taken literally."""
    query = query.strip()
    if query.startswith("!"):
        inner = matcher(query[1:])
        return (lambda text: not inner(text)) if query[1:].strip() else _everything
    if query.startswith("~"):
        return _regex(query[1:])
    words = query.lower().split()
    return lambda text: all(_in_order(word, text.lower()) for word in words)


def _everything(_text: str) -> bool:
    return True


def _regex(pattern: str) -> Matcher:
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
    except re.error:
        compiled = re.compile(re.escape(pattern), re.IGNORECASE)
    return lambda text: compiled.search(text) is not None


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
