"""Patterns as people type them, and which of many lines they accept.

Invariant: a line is accepted for its text without escapes, JSON as it was written or as it is
shown; whole passages are searched at once where that gives the same answer, because it is ten
times as fast. What takes longer than one's patience raises `TooSlow`.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Sequence
from typing import NamedTuple

from tuidock.engine.types import LogLine
from tuidock.widgets.ansi import plain, without_colours
from tuidock.widgets.log_expression import Expression, Patience, compiles
from tuidock.widgets.log_json import LONGEST, worded

SEARCHED = 64 * 1024
"""Bytes of one line that are searched; the rest of a monster is not."""

MANY = 50
"""Matches in a passage from which on its lines are looked at one by one."""

_LOOKS_AROUND = re.compile(r"\(\?[=!<>(]|\\[AZ]|[*+?}]\+|\\n")
"""What may match within a line and not in the midst of others, or the other way round."""
_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()]")
_ESCAPED = re.compile(r"\\.")
_BLANK = re.compile(r"[ \t\\\[]|\.(?![*+])")
"""What tells a tab from the spaces that are shown for it."""
_BEGINS = re.compile(r"\^|\\B")
"""What may match at the beginning of a line, and not behind the time of its record."""
_ENDS = re.compile(r"\r+\n")
_WITHIN = re.compile(r"[a-z0-9_.:@-]+")
"""Letters that JSON has when it has them as shown: of one name, or of one value."""
_WORDS = re.compile(r"[a-z0-9_]+")


class Pattern(NamedTuple):
    """What to look for in a line."""

    text: str
    """As typed."""
    regex: Expression
    inverse: bool = False
    literal: bool = False
    """True when it is taken letter by letter, by wish or because it is no regular expression."""
    passages: Expression | None = None
    """Finds the same in many lines at once; None when only line by line will do."""
    needle: str = ""
    """What is in every line that matches, in small letters if `lowered`."""
    lowered: bool = False
    """`needle` wants text in small letters."""

    @classmethod
    def typed(
        cls,
        text: str,
        *,
        may_invert: bool = False,
        inverse: bool = False,
        exact: bool | None = None,
        literal: bool = False,
    ) -> Pattern:
        """A regular expression, or letters if `literal` or if it is none; `!` in front inverts.

        exact: whether small and large letters differ; None: if there are large ones.
        """
        turned = may_invert and text.startswith("!") and len(text) > 1
        body = text[1:] if turned else text
        small = not any(map(str.isupper, _ESCAPED.sub("", body)))
        same = not exact if exact is not None else small
        literal = literal or not compiles(body)
        source = re.escape(body) if literal else body
        passages = None
        if not _LOOKS_AROUND.search(source):
            passages = Expression(source, any_case=same, lines=True)
        lowered = same and small and body.isascii()
        needle = body if (literal or not _SPECIAL.search(body)) and (lowered or not same) else ""
        regex = Expression(source, any_case=same)
        return cls(text, regex, turned or inverse, literal, passages, needle, lowered)

    @property
    def slow(self) -> bool:
        """Whether somebody lost patience with it."""
        return self.regex.slow or (self.passages is not None and self.passages.slow)

    @property
    def only_shown(self) -> bool:
        """Whether it may find a line of JSON as shown that it does not find as written."""
        return not (self.lowered and _WITHIN.fullmatch(self.needle))

    def accepts(self, text: str) -> bool:
        """Whether a line's plain text is wanted."""
        return (self.regex.search(text) is not None) is not self.inverse

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where it matches, empty matches left out; nothing for one that is too slow."""
        return [] if self.inverse or self.slow else self.regex.spans(text)


def plain_text(line: LogLine) -> str:
    """What is searched: decoded, without escapes, of bounded length."""
    return plain(line.text[:SEARCHED].decode("utf-8", "replace"))


def rules_out(raw: bytes, patterns: Sequence[Pattern], patience: Patience | None = None) -> bool:
    """Whether a passage has no line that all patterns accept, as far as a glance can tell.

    Raises TooSlow.
    """
    if not raw or b"\x1b" in raw:
        return False
    asked = [it for it in patterns if not it.inverse]
    if any(it.needle and not _may_have(raw, it) for it in asked):
        return True
    # What is shown otherwise than it is written, and what stands at the beginning of a line.
    if any(byte in raw for byte in (b"{", b"\t", b"\r", b"\x9b")):
        return False
    looks = [it.passages for it in asked if not it.needle and not _BEGINS.search(it.text)]
    text = raw.decode("utf-8", "replace") if any(looks) else ""
    return any(look.search(text, 0, patience) is None for look in looks if look)


def _may_have(raw: bytes, pattern: Pattern) -> bool:
    if b"\t" in raw and " " in pattern.needle:
        return True
    # Only ASCII folds here, and other letters may fold to ASCII: let those be looked at.
    if pattern.lowered and not raw.isascii():
        return True
    folded = raw.lower() if pattern.lowered else raw
    if pattern.needle.encode() in folded:
        return True
    return pattern.only_shown and b"{" in raw and _has_words(raw.lower(), pattern)


def _has_words(folded: bytes, pattern: Pattern) -> bool:
    """Whether JSON may say what is looked for: the words of it, with whatever between them."""
    return all(word.encode() in folded for word in _WORDS.findall(pattern.needle.lower()))


def accepted(
    texts: Sequence[bytes], patterns: Sequence[Pattern], patience: Patience | None = None
) -> array[int]:
    """Places, from 0, of the lines that every pattern accepts. Raises TooSlow."""
    patience = patience or Patience(math.inf)
    if max(map(len, texts), default=0) > SEARCHED:
        texts = [text[:SEARCHED] for text in texts]
    together = _together(texts)
    lines: list[str] = []
    found: array[int] | None = None
    for pattern in patterns:
        if pattern.passages is not None and _at_once(pattern, together):
            places = _places(pattern, pattern.passages, together, patience)
        else:
            lines = lines or [plain(line) for line in together.split("\n")]
            search = pattern.regex.search
            places = array("q", [n for n, it in enumerate(lines) if search(it, 0, patience)])
        if pattern.only_shown and "{" in together:
            places = _either(places, _as_shown(pattern, texts, patience, places))
        if pattern.inverse:
            places = _others(places, len(texts))
        found = places if found is None else _both(found, places)
    return found if found is not None else array("q", range(len(texts)))


def _as_shown(
    pattern: Pattern, texts: Sequence[bytes], patience: Patience, known: array[int]
) -> array[int]:
    """Places of other lines of JSON, that match as they are shown: level, message, `name=value`."""
    found, matched = array("q"), set(known)
    for place, text in enumerate(texts):
        # As much is asked of a line before it is taken apart as costs nothing.
        if place in matched or b"{" not in text or not text.rstrip().endswith(b"}"):
            continue
        if pattern.needle and not _has_words(text.lower(), pattern):
            continue
        said = worded(text[:LONGEST].decode("utf-8", "replace"))
        if said and pattern.regex.search("".join(piece for piece, _ in said[0]), 0, patience):
            found.append(place)
    return found


def _together(texts: Sequence[bytes]) -> str:
    together = b"\n".join(texts).decode("utf-8", "replace")
    if "\r" in together:
        together = _ENDS.sub("\n", together).rstrip("\r")
    return without_colours(together)


def _at_once(pattern: Pattern, together: str) -> bool:
    """Whether many lines may be searched as one text: escapes and tabs are not shown as such."""
    if "\x1b" in together or "\x9b" in together:
        return False
    return "\t" not in together or not _BLANK.search(pattern.text)


def _places(
    pattern: Pattern, expression: Expression, together: str, patience: Patience
) -> array[int]:
    search = expression.search
    needle = pattern.needle if together.isascii() else ""
    if needle and pattern.lowered:
        together = together.lower()
    found, number, counted = array("q"), 0, 0
    match = search(together, 0, patience)
    while match:
        start = match.start()
        number += together.count("\n", counted, start)
        end = together.find("\n", start)
        end = len(together) if end < 0 else end
        # Beyond the end of its line it is a match of something else: ask the line alone.
        if match.end() <= end or search(together[_begin(together, start) : end], 0, patience):
            found.append(number)
        if end == len(together):
            break
        if len(found) > MANY:
            return _each(needle, expression, together, patience)
        number, counted = number + 1, end + 1
        match = search(together, counted, patience)
    return found


def _each(needle: str, expression: Expression, together: str, patience: Patience) -> array[int]:
    """Line by line, which is faster where many of them match."""
    lines = enumerate(together.split("\n"))
    if needle:
        return array("q", [number for number, line in lines if needle in line])
    return array("q", [n for n, line in lines if expression.search(line, 0, patience)])


def _begin(together: str, at: int) -> int:
    return together.rfind("\n", 0, at) + 1


def _others(places: array[int], count: int) -> array[int]:
    left = set(places)
    return array("q", [number for number in range(count) if number not in left])


def _both(first: array[int], second: array[int]) -> array[int]:
    left = set(second)
    return array("q", [number for number in first if number in left])


def _either(first: array[int], second: array[int]) -> array[int]:
    return array("q", sorted({*first, *second})) if second else first
