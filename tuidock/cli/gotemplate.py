"""Go's text/template, as much of it as people write on a command line: how it is read.

Fields and variables, pipelines, parentheses, `if`, `else`, `else if`, `with`, `range`, and `-` that
trims space. Invariant: what is read here is data; `tuidock.cli.template` gives it its meaning.
"""

from __future__ import annotations

import json
import re

from tuidock.cli.parser import UsageError
from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, NoReturn, TypeAlias

    Node: TypeAlias = "str | Action | Block"

_ACTION = re.compile(r"{{(-\s)?\s*((?:\"(?:[^\"\\]|\\.)*\"|`[^`]*`|.)*?)\s*(\s-)?}}", re.DOTALL)
_WORD = re.compile(
    r"\s*(?:(?P<string>\"(?:[^\"\\]|\\.)*\"|`[^`]*`)|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<mark>:=|[|(),])|(?P<variable>\$\w*)|(?P<field>\.\w+)|(?P<dot>\.)|(?P<name>\w+))"
)
_BLOCKS = ("if", "with", "range")


class Literal(NamedTuple):
    """A string, a number, true, false or nil."""

    value: Any


class Path(NamedTuple):
    """Fields of something: of the dot, of a variable, or of a pipeline in parentheses."""

    base: Any
    """"" for the dot, `$x` for a variable, else a Pipeline."""
    names: tuple[str, ...]


class Call(NamedTuple):
    """A function, or a field that takes arguments, with what follows it."""

    what: Any
    """The name of a function, or a Path."""
    arguments: tuple[Any, ...]


class Pipeline(NamedTuple):
    """Commands, each of which gets the value of the one before as its last argument."""

    variables: tuple[str, ...]
    commands: tuple[Call, ...]


class Action(NamedTuple):
    """A pipeline whose value is printed, unless it goes into a variable."""

    pipeline: Pipeline


class Block(NamedTuple):
    """`if`, `with` or `range`."""

    kind: str
    pipeline: Pipeline
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...]


def parse(text: str) -> tuple[Node, ...]:
    """The nodes of a template. Raises UsageError."""
    nodes, last = _nodes(_pieces(text))
    if last:
        _refuse(last)
    return nodes


def _refuse(action: str) -> NoReturn:
    raise UsageError([f"tuidock: template parsing error: {{{{{action}}}}} is not understood"])


def _pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Plain text and actions in turn; True with an action."""
    position, trims = 0, False
    for match in _ACTION.finditer(text):
        plain = text[position : match.start()]
        plain = plain.lstrip() if trims else plain
        yield False, plain.rstrip() if match[1] else plain
        yield True, match[2]
        position, trims = match.end(), bool(match[3])
    yield False, text[position:].lstrip() if trims else text[position:]


def _nodes(pieces: Iterator[tuple[bool, str]]) -> tuple[tuple[Node, ...], str]:
    """Nodes up to an `end` or `else` of somebody else's, which is returned with them."""
    found: list[Node] = []
    for is_action, text in pieces:
        if not is_action:
            found.append(text)
            continue
        kind, _, rest = text.partition(" ")
        if kind in ("end", "else"):
            return tuple(found), text
        if kind in _BLOCKS:
            found.append(_block(kind, rest, pieces))
        elif not text.startswith("/*"):
            found.append(Action(_pipeline_of(text)))
    return tuple(found), ""


def _block(kind: str, head: str, pieces: Iterator[tuple[bool, str]]) -> Block:
    body, last = _nodes(pieces)
    otherwise: tuple[Node, ...] = ()
    if last.startswith("else "):
        inner, _, rest = last.removeprefix("else ").strip().partition(" ")
        otherwise, last = (_block(inner, rest, pieces),), "end"
    elif last == "else":
        otherwise, last = _nodes(pieces)
    if last != "end":
        raise UsageError([f"tuidock: template parsing error: {{{{{kind} {head}}}}} has no end"])
    return Block(kind, _pipeline_of(head), body, otherwise)


def _pipeline_of(text: str) -> Pipeline:
    words = _Words(text)
    pipeline = words.pipeline()
    if words.kind:
        _refuse(text)
    return pipeline


class _Words:
    """The words of one action, read from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.kind, self.word = "", ""
        self.spaced = False
        """There is space before the word."""
        self.advance()

    def advance(self) -> str:
        """Go to the next word; returns the one before."""
        before, rest = self.word, self.text[self.position :].rstrip()
        match = _WORD.match(rest)
        if rest and not match:
            _refuse(self.text)
        self.spaced = rest[:1].isspace()
        self.kind, self.word = (
            (match.lastgroup or "", match[match.lastgroup or 0]) if match else ("", "")
        )
        self.position += match.end() if match else 0
        return before

    def pipeline(self) -> Pipeline:
        variables = self._variables()
        commands = [self._command()]
        while self.word == "|":
            self.advance()
            commands.append(self._command())
        return Pipeline(variables, tuple(commands))

    def _variables(self) -> tuple[str, ...]:
        match = re.match(r"\s*(\$\w+)(?:\s*,\s*(\$\w+))?\s*:=", self.text)
        if not match or self.position > match.end():
            return ()
        self.position = match.end()
        self.advance()
        return tuple(filter(None, match.groups()))

    def _command(self) -> Call:
        what = self.advance() if self.kind == "name" and not self._constant() else self._operand()
        arguments = []
        while self.kind and self.word not in ("|", ")"):
            arguments.append(self._operand())
        return Call(what, tuple(arguments))

    def _constant(self) -> bool:
        return self.word in ("true", "false", "nil")

    def _operand(self) -> Any:
        if self.kind == "string":
            word = self.advance()
            return Literal(word[1:-1] if word[0] == "`" else json.loads(word))
        if self.kind == "number":
            return Literal(json.loads(self.advance()))
        if self._constant():
            return Literal({"true": True, "false": False, "nil": None}[self.advance()])
        if self.kind == "name":
            return Pipeline((), (Call(self.advance(), ()),))
        return self._path()

    def _path(self) -> Path:
        base: Any = ""
        if self.word == "(":
            self.advance()
            base = self.pipeline()
            if self.advance() != ")":
                _refuse(self.text)
        elif self.kind in ("variable", "dot"):
            base = self.advance().removeprefix(".")
        elif self.kind != "field":
            _refuse(self.text)
        names: list[str] = []
        while self.kind == "field" and not (self.spaced and (names or base)):
            names.append(self.advance()[1:])
        return Path(base, tuple(names))
