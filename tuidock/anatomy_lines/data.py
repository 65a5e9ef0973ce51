"""An anatomy as data for programs: the engine's nouns, each with what it is for.

Pure. Invariant: values are the kernel's own, under the names that `engine.anatomy` gives them.
"""

from __future__ import annotations

from typing import Any

from tuidock import anatomy_words
from tuidock.engine.anatomy import Anatomy, Living, Part
from tuidock.engine.types import Container


def data(it: Container, known: Anatomy, living: Living | None) -> dict[str, Any]:
    """What JSON can hold; `living` is null of a container that does not run."""
    fixed = _plain(known)
    birth = {"seconds": known.birth.seconds, **fixed.pop("birth")}
    now = _plain(living) if living else None
    return {"id": it.id, "name": it.name, "birth": birth, **fixed, "living": now}


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {name: _plain(each) for name, each in value._asdict().items()} | _words(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


def _words(value: Any) -> dict[str, str]:
    """What a noun is for, and what would happen without it."""
    kind = f"part.{value.name}" if isinstance(value, Part) else getattr(value, "kind", "")
    if not kind or not anatomy_words.known(kind):
        return {}
    said = anatomy_words.words(kind)
    return {"kind": kind, "purpose": said.purpose, "without": said.without}
