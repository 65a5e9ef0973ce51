"""Our `NamedTuple` beside the one of `typing`, which it stands in for."""

from __future__ import annotations

import pickle
import typing
from pathlib import Path
from typing import Any

import pytest

from tuidock.engine import named


class Ours(named.NamedTuple):
    """A pair."""

    first: int
    second: str = "two"

    @property
    def both(self) -> str:
        return f"{self.first}{self.second}"

    def __str__(self) -> str:
        return self.both


class Theirs(typing.NamedTuple):
    """A pair."""

    first: int
    second: str = "two"

    @property
    def both(self) -> str:
        return f"{self.first}{self.second}"

    def __str__(self) -> str:
        return self.both


def seen(kind: Any) -> list[object]:
    """What a program can notice of it."""
    value = kind(first=1)
    return [
        value,
        value.both,
        str(value),
        repr(value).removeprefix(kind.__name__),
        value._replace(second="2"),
        value._asdict(),
        kind._fields,
        kind._field_defaults,
        kind.__bases__,
        kind.__doc__,
        kind.__module__,
        kind.__match_args__,
        typing.get_type_hints(kind),
        hasattr(value, "__dict__"),
        pickle.loads(pickle.dumps(value)) == value,
    ]


def test_it_is_as_the_one_of_typing() -> None:
    assert seen(Ours) == seen(Theirs)
    assert (Ours.__qualname__, Theirs.__qualname__) == ("Ours", "Theirs")


def test_a_field_without_a_value_is_missed() -> None:
    kind: Any = Ours
    with pytest.raises(TypeError, match="first"):
        kind()


def test_all_who_use_it_postpone_their_annotations() -> None:
    """Else a newer Python, which keeps them elsewhere until asked, would give it no fields."""
    texts = {path: path.read_text() for path in Path(named.__file__).parents[1].rglob("*.py")}
    users = {path for path, text in texts.items() if "engine.named import" in text}
    assert users
    assert not {path for path in users if "from __future__ import annotations" not in texts[path]}
