"""How Dockerfiles write words: quotes, escapes, variables, lengths of time.

Docker's reference of the Dockerfile, "Environment replacement". Pure. Invariant: what is taken
is understood to its last character; everything else raises BadSpec.
"""

from __future__ import annotations

import re

from tuidock.engine.errors import BadSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = r"\$\{(?P<name>\w+)(?::(?P<sign>[-+])(?P<other>[^}]*))?\}|\$(?P<plain>\w+)"
_PIECE = re.compile(
    r"'(?P<single>[^']*)'"
    r'|"(?P<double>(?:\\.|[^"\\])*)"'
    r"|\\(?P<escaped>.)"
    rf"|{_VARIABLE}"
    r"|(?P<space>\s+)"
    r"|(?P<text>[^\s'\"\\$]+|\$(?!\{))",
    re.DOTALL,
)
_QUOTED = re.compile(rf'\\(?P<escaped>["\\$])|{_VARIABLE}')
_LENGTH = re.compile(r"(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)")
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6}
_UNITS |= {"s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def words(text: str, environment: Mapping[str, str]) -> list[str]:
    """The words of a line, with variables replaced. Raises BadSpec."""
    found: list[str] = []
    open_word, place = False, 0
    while place < len(text):
        piece = _PIECE.match(text, place)
        if piece is None:
            raise BadSpec(f"unexpected end of statement: {text[place:]}", "is a quote not closed?")
        place = piece.end()
        if piece["space"]:
            open_word = False
            continue
        if not open_word:
            found.append("")
            open_word = True
        found[-1] += _value(piece, environment)
    return found


def word(text: str, environment: Mapping[str, str]) -> str:
    """All of a line as one word, spaces included. Raises BadSpec."""
    return " ".join(words(text, environment))


def _value(piece: re.Match[str], environment: Mapping[str, str]) -> str:
    if (quoted := piece["double"]) is not None:
        return _QUOTED.sub(lambda each: _replaced(each, environment), quoted)
    verbatim = piece["single"] if piece["single"] is not None else piece["text"]
    return _replaced(piece, environment) if verbatim is None else verbatim


def _replaced(piece: re.Match[str], environment: Mapping[str, str]) -> str:
    """An escaped character, or a variable's value; one that is not set is empty."""
    if piece["escaped"]:
        return piece["escaped"]
    value = environment.get(piece["name"] or piece["plain"], "")
    if piece["sign"] == "-":
        return value or word(piece["other"], environment)
    if piece["sign"] == "+":
        return word(piece["other"], environment) if value else ""
    return value


def nanoseconds(text: str) -> int:
    """`1m30s` in nanoseconds, as Go writes lengths of time. Raises BadSpec."""
    if not re.fullmatch(f"(?:{_LENGTH.pattern})+", text):
        raise BadSpec(f"invalid duration {text!r}", "write 30s, 5m, 1h30m")
    return round(sum(float(number) * _UNITS[unit] for number, unit in _LENGTH.findall(text)))
