"""Write the README's tables of keys and verbs from the code: `python -m scripts.readme`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tuidock.cli.verbs import VERBS as COMMANDS
from tuidock.screens.help import NAMES, WIDGETS, widget_lines
from tuidock.verbs import SCOPES, VERBS

README = Path(__file__).parent.parent / "README.md"
SIGNS = {
    "colon": ":",
    "semicolon": ";",
    "full_stop": ".",
    "question_mark": "?",
    "slash": "/",
    "plus": "+",
    "underscore": "_",
    "exclamation_mark": "!",
    "at": "@",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "backslash": "\\",
    "ampersand": "&",
    "equals_sign": "=",
    "minus": "-",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "ctrl+@": "ctrl+space",
}


def keys() -> Iterator[str]:
    """A table of every default key, by where it is heard."""
    yield "| where | key | what |"
    yield "|---|---|---|"
    for scope, title in SCOPES.items():
        for verb in VERBS.values():
            if verb.scope == scope and verb.key:
                yield row(title, verb.key, verb.title, verb.help)
                title = ""
    for widget in WIDGETS:
        title = NAMES[widget]
        for key, name, text, _ in widget_lines(widget):
            yield row(title, key, name, text)
            title = ""


def row(where: str, keys: str, title: str, text: str) -> str:
    """One line of the table of keys."""
    signs = dict.fromkeys(f"`{SIGNS.get(key, key)}`" for key in keys.split(","))
    said = text if text[1:2].isupper() else text[:1].lower() + text[1:]
    what = f"{title}: {said}" if text else title
    return f"| {where} | {' '.join(signs)} | {what} |"


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
