"""A door that lets nobody change anything: an engine whose reading calls alone go through.

Invariant: what is not known to read is refused, so a method that is new is refused too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, cast

from tuidock.engine.errors import ReadOnly

if TYPE_CHECKING:
    from tuidock.engine.api import Engine

PARTS = ("images", "registry", "containers", "files")
READING = frozenset(
    {
        *("events", "info", "doctor", "close"),
        *("images.list", "images.get", "images.inspect"),
        *("registry.catalog", "registry.tags", "registry.describe"),
        *("containers.list", "containers.get", "containers.wait", "containers.top"),
        *("containers.inspect", "containers.logs", "containers.log_files", "containers.stats"),
        *("containers.bounds", "containers.anatomy", "containers.living"),
        *("containers.history", "containers.removed", "containers.log_growth"),
        *("files.changes", "files.stat", "files.list", "files.read"),
        *("files.archive", "files.export", "files.copy_out"),
    }
)
"""Methods of `api.Engine` and its parts that leave images and containers as they are."""


def read_only(engine: Engine) -> Engine:
    """The engine without what changes something: such calls raise ReadOnly at once."""
    return cast("Engine", _Door(engine, ""))


class _Door:
    def __init__(self, inner: object, place: str) -> None:
        self._inner = inner
        self._place = place

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        whole = f"{self._place}{name}"
        if whole in PARTS:
            return _Door(found, f"{name}.")
        return found if whole in READING else _refusing(name)


def _refusing(name: str) -> Any:
    def refuse(*_arguments: object, **_more: object) -> NoReturn:
        raise ReadOnly(name)

    return refuse
