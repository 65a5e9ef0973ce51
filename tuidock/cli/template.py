"""`--format`: the part of Go's templates that people use with docker.

`{{.Names}}`, `{{.State.Status}}`, `{{json .Config}}`, `{{index .Labels "key"}}`, plain text
around them, `\\t` and `\\n`, `table TEMPLATE` with a header row, and `json`.
"""

from __future__ import annotations

import json
import re

from tuidock.cli.parser import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

_ACTION = re.compile(r"{{\s*(.*?)\s*}}")
_FIELD = re.compile(r"^(?:(json|index|upper|lower|len)\s+)?((?:\.\w+)+|\.)(?:\s+\"([^\"]*)\")?$")

_FREE = ("Attributes", "Labels", "Annotations")
"""Objects whose keys are a person's: what is not there has no value, and is no mistake."""


def render(template: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line for each row. Raises UsageError for a template that cannot be understood."""
    if template == "json":
        return [json.dumps(row) for row in rows]
    text = template.removeprefix("table ").replace("\\t", "\t").replace("\\n", "\n")
    lines = [_fill(text, row) for row in rows]
    return _table(text, lines) if template.startswith("table ") else lines


def _fill(text: str, row: Mapping[str, Any]) -> str:
    return _ACTION.sub(lambda match: _value(match[1], row), text)


def _table(text: str, lines: list[str]) -> list[str]:
    from tuidock.cli.table import render as render_table

    titles = _ACTION.sub(lambda match: match[1].split(".")[-1].upper(), text)
    cells = [line.split("\t") for line in lines]
    return render_table(titles.split("\t"), cells).split("\n")


def _value(action: str, row: Mapping[str, Any]) -> str:
    match = _FIELD.match(action)
    if not match:
        raise UsageError([f"tuidock: template parsing error: {{{{{action}}}}} is not supported"])
    function, path, key = match.groups()
    if path == ".Label" and key is not None and not function:
        return dict(_labels(row)).get(key, "")
    value: Any = row
    place = ""
    for name in filter(None, path.split(".")):
        if isinstance(value, dict) and place in _FREE:
            value = value.get(name)
        elif not isinstance(value, dict) or name not in value:
            raise UsageError([f"tuidock: template: no field {path} here"], 1)
        else:
            value = value[name]
        place = name
    return _apply(function or "", value, key)


def _labels(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Those of a list's row, where they are one text."""
    for pair in str(row.get("Labels", "")).split(","):
        key, _, value = pair.partition("=")
        yield key, value


def _apply(function: str, value: Any, key: str | None) -> str:
    if function == "json":
        return json.dumps(value)
    if function == "index":
        return str(value.get(key, "")) if isinstance(value, dict) else ""
    if function == "len":
        return str(len(value))
    text = _text(value)
    return {"upper": text.upper, "lower": text.lower}.get(function, lambda: text)()


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "<no value>"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(_text(each) for each in value) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{k}:{_text(v)}" for k, v in sorted(value.items())) + "]"
    return str(value)
