"""The keys as a Markdown table: what the README shows, made from the table of verbs."""

from __future__ import annotations

from tuidock.verbs import SCOPES, VERBS


def key_table() -> str:
    """Every key as a Markdown table, for the README."""
    lines = ["| keys | | where | id |", "|---|---|---|---|"]
    for verb in VERBS.values():
        if verb.key:
            keys = " ".join(f"`{_shown(key)}`" for key in verb.key.split(","))
            lines.append(f"| {keys} | {verb.help} | {SCOPES[verb.scope]} | `{verb.id}` |")
    return "\n".join(lines)


_NAMES = {
    "colon": ":",
    "question_mark": "?",
    "slash": "/",
    "plus": "+",
    "underscore": "_",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}


def _shown(key: str) -> str:
    return _NAMES.get(key, key)
