"""`--format`: what Go's templates mean, with the functions that docker adds to them.

`{{.Names}}`, `{{json .Config}}`, `{{range .Mounts}}...{{end}}`, `{{if eq .State "running"}}`, plain
text around them, `\\t` and `\\n`, `table TEMPLATE` with a header row, and `json`.
"""

from __future__ import annotations

import json
import re

from tuidock.cli.gotemplate import Action, Block, Call, Literal, Path, Pipeline, parse
from tuidock.cli.parser import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from tuidock.cli.gotemplate import Node

_TITLED = re.compile(r"{{\s*(.*?)\s*}}")

_FREE = ("Attributes", "Labels", "Annotations")
"""Objects whose keys are a person's: what is not there has no value, and is no mistake."""
_OPTIONAL = ("Health", "Healthcheck")
"""What docker, too, leaves out of the objects that have none, and scripts ask for with `if`."""


def render(template: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line for each row. Raises UsageError for a template that cannot be understood."""
    if template == "json":
        return [json.dumps(row) for row in rows]
    text = template.removeprefix("table ").replace("\\t", "\t").replace("\\n", "\n")
    nodes = parse(text)
    lines = [_Filling(row).nodes(nodes, row) for row in rows]
    return _table(text, lines) if template.startswith("table ") else lines


def _table(text: str, lines: list[str]) -> list[str]:
    from tuidock.cli.table import render as render_table

    titles = _TITLED.sub(lambda match: match[1].split(".")[-1].upper(), text)
    cells = [line.split("\t") for line in lines]
    return render_table(titles.split("\t"), cells).split("\n")


class _Filling:
    """One row on its way through a template, and the variables that were set on it."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.variables: dict[str, Any] = {"$": row}

    def nodes(self, nodes: Sequence[Node], dot: Any) -> str:
        return "".join(self._node(each, dot) for each in nodes)

    def _node(self, node: Node, dot: Any) -> str:
        if isinstance(node, str):
            return node
        if isinstance(node, Block):
            return self._block(node, dot)
        assert isinstance(node, Action)
        value = self._pipeline(node.pipeline, dot)
        return "" if node.pipeline.variables else _text(value)

    def _block(self, block: Block, dot: Any) -> str:
        value = self._pipeline(block.pipeline, dot)
        if not value:
            return self.nodes(block.otherwise, dot)
        if block.kind != "range":
            return self.nodes(block.body, value if block.kind == "with" else dot)
        return "".join(self._turn(block, *each) for each in _members(value))

    def _turn(self, block: Block, key: Any, value: Any) -> str:
        names = block.pipeline.variables
        self.variables.update(zip(names, (key, value)[-len(names) :] if names else (), strict=True))
        return self.nodes(block.body, value)

    def _pipeline(self, pipeline: Pipeline, dot: Any) -> Any:
        passed: tuple[Any, ...] = ()
        for call in pipeline.commands:
            passed = (self._call(call, dot, passed),)
        if len(pipeline.variables) == 1:
            self.variables[pipeline.variables[0]] = passed[0]
        return passed[0]

    def _call(self, call: Call, dot: Any, passed: tuple[Any, ...]) -> Any:
        arguments = *(self._operand(each, dot) for each in call.arguments), *passed
        if isinstance(call.what, str):
            return _apply(call.what, arguments)
        if isinstance(call.what, Path) and call.what.names == ("Label",) and arguments:
            return dict(_labels(dot)).get(str(arguments[0]), "")
        if arguments:
            raise UsageError(["tuidock: template: what is no function takes no arguments"], 1)
        return self._operand(call.what, dot)

    def _operand(self, operand: Any, dot: Any) -> Any:
        if isinstance(operand, Literal):
            return operand.value
        if isinstance(operand, Pipeline):
            return self._pipeline(operand, dot)
        base = operand.base
        if isinstance(base, Pipeline):
            return _field(self._pipeline(base, dot), operand.names)
        if base and base not in self.variables:
            raise UsageError([f"tuidock: template: undefined variable {base}"], 1)
        return _field(self.variables[base] if base else dot, operand.names)


def _field(value: Any, names: Sequence[str]) -> Any:
    place = ""
    for name in names:
        if isinstance(value, dict) and (place in _FREE or name in _OPTIONAL):
            value = value.get(name)
        elif not isinstance(value, dict) or name not in value:
            raise UsageError([f"tuidock: template: no field .{'.'.join(names)} here"], 1)
        else:
            value = value[name]
        place = name
    return value


def _members(value: Any) -> list[tuple[Any, Any]]:
    """What `range` goes through: of an object in the order of its keys."""
    if isinstance(value, dict):
        return sorted(value.items())
    if isinstance(value, (list, tuple)):
        return list(enumerate(value))
    raise UsageError([f"tuidock: template: range over {_text(value)}, which is no list"], 1)


def _labels(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Those of a list's row, where they are one text."""
    for pair in str(row.get("Labels", "")).split(","):
        key, _, value = pair.partition("=")
        yield key, value


def _apply(name: str, arguments: tuple[Any, ...]) -> Any:
    function = _FUNCTIONS.get(name)
    if function is None:
        raise UsageError([f'tuidock: template parsing error: function "{name}" not defined'])
    try:
        return function(*arguments)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise UsageError([f"tuidock: template: error calling {name}: {error}"], 1) from error


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        value = value.get(key, "") if isinstance(value, dict) else value[key]
    return value


def _printf(template: str, *values: Any) -> str:
    """Go's verbs: `%s %d %v %t %q %x` with their widths; the others are Python's, too."""
    given = iter(values)

    def one(match: re.Match[str]) -> str:
        if match[2] == "%":
            return "%"
        value = next(given, None)
        if match[2] in "dxXofeg":
            return f"%{match[1]}{match[2]}" % value
        text = json.dumps(value) if match[2] == "q" else _text(value)
        return f"%{match[1]}s" % text

    return re.sub(r"%([-+ 0#]*\d*(?:\.\d+)?)([%a-zA-Z])", one, template)


def _any_of(*values: Any) -> Any:
    return next((each for each in values if each), values[-1])


def _all_of(*values: Any) -> Any:
    return next((each for each in values if not each), values[-1])


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "json": json.dumps,
    "index": _index,
    "len": len,
    "upper": str.upper,
    "lower": str.lower,
    "title": str.title,
    "join": lambda values, between: between.join(map(_text, values or ())),
    "split": lambda text, between: text.split(between),
    "slice": lambda value, start=0, end=None: value[start:end],
    "truncate": lambda text, length: text[:length],
    "print": lambda *values: "".join(map(_text, values)),
    "println": lambda *values: " ".join(map(_text, values)) + "\n",
    "printf": _printf,
    "and": _all_of,
    "or": _any_of,
    "not": lambda value: not value,
    "eq": lambda value, *others: value in others,
    "ne": lambda one, other: one != other,
    "lt": lambda one, other: one < other,
    "le": lambda one, other: one <= other,
    "gt": lambda one, other: one > other,
    "ge": lambda one, other: one >= other,
}


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
