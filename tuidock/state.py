"""What the interface remembers by itself between two runs; settings are the user's, in `config`.

Invariant: a file that cannot be read means the defaults, and one is replaced as a whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

FORMS = 100
"""Images whose forms and shells are remembered."""


class State(NamedTuple):
    """Everything remembered."""

    columns: Mapping[str, tuple[str, ...]] = {}
    """Keys of the columns chosen for a pane, in their order."""
    groups: Mapping[str, str] = {}
    """How a pane's rows are grouped."""
    orders: Mapping[str, str] = {}
    """The column that a pane is sorted by, after a minus when it falls."""
    theme: str = ""
    """The theme chosen last."""
    forms: Mapping[str, Mapping[str, str]] = {}
    """What was last filled into the run form for an image, by reference, the newest last."""
    shells: Mapping[str, str] = {}
    """The shell that was last chosen for an image, by reference."""
    undo: tuple[Any, ...] = ()
    """What takes changes of limits back, newest last, as `widgets.limits_history` writes it."""

    def with_form(self, image: str, values: Mapping[str, str]) -> State:
        """What a name was is not kept: no two containers have the same."""
        kept = {name: value for name, value in values.items() if name != "name"}
        others = {name: value for name, value in self.forms.items() if name != image}
        newest = [*others.items(), (image, kept)][-FORMS:]
        return self._replace(forms=dict(newest))

    def with_shell(self, image: str, shell: str) -> State:
        others = {name: value for name, value in self.shells.items() if name != image}
        return self._replace(shells=dict([*others.items(), (image, shell)][-FORMS:]))

    def with_columns(self, pane: str, keys: tuple[str, ...]) -> State:
        """No keys: the pane has its own choice again."""
        others = {name: value for name, value in self.columns.items() if name != pane}
        return self._replace(columns={**others, pane: keys} if keys else others)

    def with_order(self, pane: str, order: str) -> State:
        return self._replace(orders={**self.orders, pane: order})

    def with_group(self, pane: str, way: str) -> State:
        return self._replace(groups={**self.groups, pane: way})


def default_path() -> str:
    """`state.json` in the user's directory of states."""
    from platformdirs import user_state_path

    return str(user_state_path("tuidock") / "state.json")


def load(path: str) -> State:
    """What was remembered; nothing when the file is missing, or nobody's."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        columns = found.get("columns", {})
        return State(
            {str(pane): tuple(map(str, keys)) for pane, keys in columns.items()},
            _texts(found.get("groups", {})),
            _texts(found.get("orders", {})),
            str(found.get("theme", "")),
            {str(image): _texts(values) for image, values in found.get("forms", {}).items()},
            _texts(found.get("shells", {})),
            tuple(found.get("undo", ())),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return State()


def _texts(found: Mapping[object, object]) -> dict[str, str]:
    return {str(name): str(value) for name, value in found.items()}


def save(state: State, path: str) -> None:
    """Write it, the old one in force until the new one is whole. Raises OSError."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    fresh = f"{path}.{os.getpid()}"
    try:
        with open(fresh, "w", encoding="utf-8") as file:
            json.dump(state._asdict(), file, indent=1)
        os.replace(fresh, path)
    except OSError:
        if os.path.exists(fresh):
            os.unlink(fresh)
        raise
