"""Write the README's tables of keys and verbs from the code: `python -m scripts.readme`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tuidock.cli.verbs import VERBS as COMMANDS
from tuidock.verbs import SCOPES, VERBS

README = Path(__file__).parent.parent / "README.md"
SIGNS = {
    "colon": ":",
    "question_mark": "?",
    "slash": "/",
    "plus": "+",
    "underscore": "_",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left": "←",
    "right": "→",
    "escape": "Esc",
}


def keys() -> Iterator[str]:
    """A table of every default key, by where it is heard."""
    yield "| where | key | what |"
    yield "|---|---|---|"
    for scope, title in SCOPES.items():
        for verb in VERBS.values():
            if verb.scope == scope and verb.key:
                signs = " ".join(f"`{SIGNS.get(key, key)}`" for key in verb.key.split(","))
                yield f"| {title} | {signs} | {verb.title}: {verb.help[0].lower()}{verb.help[1:]} |"
                title = ""


def verbs() -> Iterator[str]:
    """A table of the commands, by group."""
    yield "| group | command | what |"
    yield "|---|---|---|"
    for group in dict.fromkeys(verb.group for verb in COMMANDS.values()):
        shown = group
        for name, verb in COMMANDS.items():
            if verb.group == group:
                yield f"| {shown} | `tuidock {name}` | {verb.help} |"
                shown = ""


def rendered(text: str) -> str:
    """The README with its tables as the code has them now."""
    for name, rows in (("keys", keys()), ("verbs", verbs())):
        table = (
            f"<!-- {name}: python -m scripts.readme -->\n" + "\n".join(rows) + f"\n<!-- /{name} -->"
        )
        pattern = rf"<!-- {name}: .*?<!-- /{name} -->"
        text, found = re.subn(pattern, lambda _, table=table: table, text, flags=re.DOTALL)
        if not found:
            raise SystemExit(f"README.md has no place for the table of {name}")
    return text


if __name__ == "__main__":
    README.write_text(rendered(README.read_text()))
