"""Patterns as people type them, and which of many lines they accept.

Invariant: a line is accepted for its text without escapes, JSON as it was written; whole
passages are searched at once where that gives the same answer, because it is ten times as fast.
"""

from __future__ import annotations

import re
import warnings
from array import array
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tuidock.engine.types import LogLine
from tuidock.widgets.ansi import plain, without_colours

SEARCHED = 64 * 1024
"""Bytes of one line that are searched; the rest of a monster is not."""

MANY = 50
"""Matches in a passage from which on its lines are looked at one by one."""

_LOOKS_AROUND = re.compile(r"\(\?[=!<>(]|\\[AZ]|[*+?}]\+|\\n")
"""What may match within a line and not in the midst of others, or the other way round."""
_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()]")
_ESCAPED = re.compile(r"\\.")
_CODED = re.compile(r"\\[xuUN\d]|@-|-[_`^\\]")
"""What may stand for large letters without being one."""
_BLANK = re.compile(r"[ \t\\\[]|\.(?![*+])")
"""What tells a tab from the spaces that are shown for it."""


class Pattern(NamedTuple):
    """What to look for in a line."""

    text: str
    """As typed."""
    regex: re.Pattern[str]
    inverse: bool = False
    literal: bool = False
    """True when it is taken letter by letter, by wish or because it is no regular expression."""
    passages: re.Pattern[str] | None = None
    """Finds the same in many lines at once; None when only line by line will do."""
    needle: str = ""
    """What is in every line that matches, in small letters if `lowered`."""
    lowered: bool = False
    """`passages` and `needle` want text in small letters."""

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
        flags = re.IGNORECASE if same else re.NOFLAG
        if not literal:
            literal = not _compiles(body)
        source = re.escape(body) if literal else body
        lowered = same and small and body.isascii() and not _CODED.search(body)
        passages = None
        if not _LOOKS_AROUND.search(source):
            passages = _compiled(source, re.MULTILINE | (re.NOFLAG if lowered else flags))
        needle = body if (literal or not _SPECIAL.search(body)) and (lowered or not same) else ""
        regex = _compiled(source, flags)
        return cls(text, regex, turned or inverse, literal, passages, needle, lowered)

    def accepts(self, text: str) -> bool:
        """Whether a line's plain text is wanted."""
        return (self.regex.search(text) is not None) is not self.inverse

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where it matches, empty matches left out."""
        if self.inverse:
            return []
        return [m.span() for m in self.regex.finditer(text) if m.end() > m.start()]


def _compiled(source: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    with warnings.catch_warnings():
        # What a later Python may read otherwise; nobody could see the warning here.
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(source, flags)


def _compiles(body: str) -> bool:
    try:
        _compiled(body)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def plain_text(line: LogLine) -> str:
    """What is searched: decoded, without escapes, of bounded length."""
    return plain(line.text[:SEARCHED].decode("utf-8", "replace"))


def rules_out(raw: bytes, patterns: Sequence[Pattern]) -> bool:
    """Whether a passage has no line that all patterns accept, as far as a glance can tell."""
    if not raw or b"\x1b" in raw:
        return False
    return any(it.needle and not it.inverse and not _has(raw, it) for it in patterns)


def _has(raw: bytes, pattern: Pattern) -> bool:
    if b"\t" in raw and " " in pattern.needle:
        return True
    if pattern.lowered:
        # Only ASCII folds here, and other letters may fold to ASCII: let those be looked at.
        return not raw.isascii() or pattern.needle.encode() in raw.lower()
    return pattern.needle.encode() in raw


def accepted(texts: Sequence[bytes], patterns: Sequence[Pattern]) -> array[int]:
    """Places, from 0, of the lines that every pattern accepts."""
    if max(map(len, texts), default=0) > SEARCHED:
        texts = [text[:SEARCHED] for text in texts]
    together = _together(texts)
    lines: list[str] = []
    found: array[int] | None = None
    for pattern in patterns:
        if _at_once(pattern, together):
            places = _places(pattern, together)
        else:
            lines = lines or [plain(line) for line in together.split("\n")]
            places = array("q", [n for n, it in enumerate(lines) if pattern.regex.search(it)])
        if pattern.inverse:
            places = _others(places, len(texts))
        found = places if found is None else _both(found, places)
    return found if found is not None else array("q", range(len(texts)))


def _together(texts: Sequence[bytes]) -> str:
    together = b"\n".join(texts).decode("utf-8", "replace")
    if "\r" in together:
        together = together.replace("\r\n", "\n").rstrip("\r")
    return without_colours(together)


def _at_once(pattern: Pattern, together: str) -> bool:
    """Whether many lines may be searched as one text: escapes and tabs are not shown as such."""
    if pattern.passages is None or "\x1b" in together or "\x9b" in together:
        return False
    return "\t" not in together or not _BLANK.search(pattern.text)


def _places(pattern: Pattern, together: str) -> array[int]:
    search = pattern.passages.search if pattern.passages else pattern.regex.search
    if pattern.lowered and together.isascii():
        together = together.lower()
    elif pattern.lowered:
        search = re.compile(pattern.regex.pattern, re.MULTILINE | re.IGNORECASE).search
    found, number, counted = array("q"), 0, 0
    match = search(together)
    while match:
        start = match.start()
        number += together.count("\n", counted, start)
        end = together.find("\n", start)
        end = len(together) if end < 0 else end
        # Beyond the end of its line it is a match of something else: ask the line alone.
        if match.end() <= end or search(together[_begin(together, start) : end]):
            found.append(number)
        if end == len(together):
            break
        if len(found) > MANY:
            return _each(pattern, search, together)
        number, counted = number + 1, end + 1
        match = search(together, counted)
    return found


def _each(
    pattern: Pattern, search: Callable[[str], re.Match[str] | None], together: str
) -> array[int]:
    """Line by line, which is faster where many of them match."""
    lines, needle = enumerate(together.split("\n")), pattern.needle
    if needle and together.isascii():
        return array("q", [number for number, line in lines if needle in line])
    return array("q", [number for number, line in lines if search(line)])


def _begin(together: str, at: int) -> int:
    return together.rfind("\n", 0, at) + 1


def _others(places: array[int], count: int) -> array[int]:
    left = set(places)
    return array("q", [number for number in range(count) if number not in left])


def _both(first: array[int], second: array[int]) -> array[int]:
    left = set(second)
    return array("q", [number for number in first if number in left])
