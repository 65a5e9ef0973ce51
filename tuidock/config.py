"""Settings: one TOML file, read once at the start, everything in it optional.

    theme = "tuidock-light"
    registries = ["localhost:5000"]
    shell = "bash"
    confirm = true

    [commands]
    dive = "dive {image}"

    [keys]
    "container.restart" = "f5"

Invariant: a file that is accepted has no clash of keys; one that is not names its mistake.
"""

from __future__ import annotations

import os
import string
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from tuidock.engine.errors import InvalidInput
from tuidock.verb import Verb
from tuidock.verbs import SCOPES, VERBS

FACTS = {"id", "name", "image"}
"""What a command of the user's own may ask about a container."""


class BadConfig(InvalidInput):
    """The settings file cannot be used; the message names file and place."""


class Config(NamedTuple):
    """Settings of the interface."""

    theme: str = ""
    """Empty: the one chosen last, or what the terminal can show."""
    registries: tuple[str, ...] = ("localhost:5000",)
    """Registries offered in the registry pane."""
    shell: str = "sh"
    """What `Shell` runs in a container."""
    confirm: bool = True
    """Ask before what cannot be undone."""
    commands: Mapping[str, str] = {}
    """Name to a shell command with `{id}`, `{name}`, `{image}` of a container in it."""
    keys: Mapping[str, str] = {}
    """Binding id to keys, separated by commas, as Textual writes them."""


def default_path() -> str:
    """`TUIDOCK_CONFIG`, or `config.toml` in the user's directory of settings."""
    from platformdirs import user_config_path

    return os.environ.get("TUIDOCK_CONFIG") or str(user_config_path("tuidock") / "config.toml")


def load(path: str = "", widget_keys: Callable[[], Mapping[str, str]] = dict) -> Config:
    """Read settings; a file that is not there means the defaults.

    `widget_keys` gives binding ids of widgets and their default keys, which may be remapped
    too; asked only where keys are. Raises BadConfig.
    """
    path = path or default_path()
    try:
        with open(path, "rb") as file:
            import tomllib

            data = tomllib.load(file)
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise BadConfig(f"{path}: {error}", "see https://toml.io for the syntax") from error
    try:
        return parse(data, widget_keys() if "keys" in data else {})
    except BadConfig as error:
        raise BadConfig(f"{path}: {error.message}", error.hint) from error


def parse(data: Mapping[str, Any], widget_keys: Mapping[str, str]) -> Config:
    """Settings from decoded TOML. Raises BadConfig."""
    kinds = {
        "theme": str,
        "registries": list,
        "shell": str,
        "confirm": bool,
        "commands": dict,
        "keys": dict,
    }
    for name, value in data.items():
        if name not in kinds:
            raise BadConfig(f"unknown setting {name!r}", f"known are {', '.join(kinds)}")
        if not isinstance(value, kinds[name]):
            raise BadConfig(f"{name} must be a {kinds[name].__name__}")
    keys = _keys(data.get("keys", {}), widget_keys)
    fields = {name: value for name, value in data.items() if name != "keys"}
    if "registries" in fields:
        fields["registries"] = tuple(str(it) for it in fields["registries"])
    _check_commands(data.get("commands", {}))
    return Config(**fields, keys=keys)


def _check_commands(commands: Mapping[str, Any]) -> None:
    for name, template in commands.items():
        if not isinstance(template, str) or not template.strip():
            raise BadConfig(f"[commands] {name} must be a command such as 'dive {{image}}'")
        try:
            asked = {field for _, field, _, _ in string.Formatter().parse(template)}
        except ValueError as error:
            raise BadConfig(f"[commands] {name}: {error}", "{{ and }} write braces") from error
        unknown = sorted(field for field in asked - FACTS if field is not None)
        if unknown:
            raise BadConfig(
                f"[commands] {name} asks for {{{unknown[0]}}}",
                f"known are {', '.join(sorted(FACTS))}; {{{{ and }}}} write braces",
            )


def _keys(asked: Mapping[str, Any], widget_keys: Mapping[str, str]) -> dict[str, str]:
    for name, keys in asked.items():
        if name not in VERBS and name not in widget_keys:
            raise BadConfig(f"[keys] knows no {name!r}", "`?` in the interface shows all ids")
        if not isinstance(keys, str) or not keys.strip():
            raise BadConfig(f"[keys] {name} must be a key such as 'f5' or 'ctrl+r'")
    found = {name: ",".join(split(keys)) for name, keys in asked.items()}
    for first, second, key in clashes(found, widget_keys) if found else ():
        raise BadConfig(
            f"[keys] clash: {key!r} is bound to both {first.id} ({first.title}) "
            f"and {second.id} ({second.title})",
            f'give one of them another key, such as "{second.id}" = "f5"',
        )
    return found


def split(keys: str) -> list[str]:
    return [key.strip() for key in keys.split(",") if key.strip()]


def clashes(
    remapped: Mapping[str, str], widget_keys: Mapping[str, str] | None = None
) -> Iterator[tuple[Verb, Verb, str]]:
    """Pairs of verbs that one key would mean in one place, keys of widgets being verbs too."""
    verbs = [*VERBS.values(), *(_of_widget(*pair) for pair in (widget_keys or {}).items())]
    owners: list[tuple[str, Verb]] = [
        (key, verb) for verb in verbs for key in split(remapped.get(verb.id, verb.key))
    ]
    for index, (key, verb) in enumerate(owners):
        for other_key, other in owners[:index]:
            if key == other_key and _meet(verb, other):
                yield other, verb, key


def _of_widget(name: str, keys: str) -> Verb:
    """The key of a widget as a verb; a table has the focus wherever there is a list."""
    widget = name.partition(".")[0]
    return Verb(name, f"of the {widget}", "", keys, "list" if widget == "table" else widget)


def _meet(one: Verb, other: Verb) -> bool:
    """Whether both are heard in one place; `list` is heard in every pane.

    A widget of its own, such as a log, hears before its pane does: only its own keys count.
    """
    if not {one.scope, other.scope} <= SCOPES.keys():
        return one.scope == other.scope
    return one.scope == other.scope or not {one.scope, other.scope}.isdisjoint(
        {"everywhere", "list"}
    )
