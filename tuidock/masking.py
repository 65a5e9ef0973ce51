"""What nobody should read over a shoulder: values of variables that sound secret, and passwords in
addresses.

Pure text. Invariant: a value that was masked shows neither its letters nor how many there are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MASK = "••••••"
_SECRET = re.compile(
    r"passw|passphrase|secret|token|credential|private|api_?key|access_?key|(^|_)(key|pass|pwd|auth)s?(_|$)",
    re.IGNORECASE,
)
_WITH_PASSWORD = re.compile(r"(?P<before>[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@/]+(?P<after>@)", re.I)
_SETTING = ("-e", "--env")


def is_secret(name: str, value: str) -> bool:
    """Whether a variable's value is to be masked, all of it or a part."""
    return bool(value) and masked(name, value) != value


def masked(name: str, value: str) -> str:
    """The value as it may be shown: a secret's name hides all of it, an address its password."""
    if value and _SECRET.search(name):
        return MASK
    return _WITH_PASSWORD.sub(rf"\g<before>{MASK}\g<after>", value)


def masked_words(words: Sequence[str]) -> tuple[str, ...]:
    """A command line whose `-e NAME=VALUE` keep secrets to themselves."""
    return tuple(
        _masked_word(before, word) for before, word in zip(("", *words), words, strict=False)
    )


def _masked_word(before: str, word: str) -> str:
    name, equals, value = word.partition("=")
    if before in _SETTING and equals:
        return f"{name}={masked(name, value)}"
    return masked("", word)
