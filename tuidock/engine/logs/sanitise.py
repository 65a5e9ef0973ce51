"""Text from images, registries and containers, made harmless for a terminal.

What a terminal would obey (ECMA-48 control sequences, C0 and C1 codes) or be fooled by (bidi
and invisible format characters) does not come through; colours (SGR) may be let through.
"""

from __future__ import annotations

import re
from functools import lru_cache

_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: cursor, modes, colours
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])"  # OSC, DCS, SOS, PM, APC: title, clipboard ...
    r"(?:[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c))?"  # ... with their text, where it ends
    r"|\x1b[ -/]*[0-~]?"  # two-character escapes, and a lonely one
)
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
_RESET = "\x1b[0m"
_SPACES = frozenset("\t\n\r\v\f\x85\u2028\u2029")


def plain(text: str) -> str:
    """One line without any control: sequences are dropped, line ends and tabs become spaces.

    Other characters that do not show become U+FFFD, so that nothing hides.
    """
    if text.isprintable():
        return text
    return "".join(map(_shown, _SEQUENCES.sub("", text.rstrip("\r\n"))))


def coloured(text: str) -> str:
    """As `plain`, but colours stay, and are reset at the end of the line."""
    if text.isprintable():
        return text
    parts, at = [], 0
    for sequence in _COLOUR.finditer(text):
        parts += [plain(text[at : sequence.start()]), sequence[0]]
        at = sequence.end()
    return "".join([*parts, plain(text[at:]), _RESET if parts else ""])


@lru_cache(maxsize=4096)
def _shown(character: str) -> str:
    import unicodedata

    if character in _SPACES:
        return " "
    if character.isprintable() or character in "\u200c\u200d":
        # Zero-width joiners shape scripts and emoji; they reorder and overwrite nothing.
        return character
    # Unusual spaces (Zs) are harmless, so are characters newer than our Unicode tables (Cn).
    return character if unicodedata.category(character) in ("Zs", "Cn", "Co") else "\ufffd"
