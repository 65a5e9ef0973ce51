"""Themes of the user's own: one TOML file each, in `themes/` beside the settings.

    base = "tuidock-dark"          # what is not said below is as there
    primary = "#7aa2f7"
    background = "#1a1b26"
    status-failed = "#f7768e"

The file's name without `.toml` is the theme's. Invariant: a file that is accepted names only
colours that are used, and is no other theme's namesake; a mistake is told in one line.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from textual.color import Color, ColorParseError
from textual.theme import Theme

from tuidock.config import BadConfig
from tuidock.themes import DARK, THEMES

COLOURS = (
    *("primary", "secondary", "accent", "warning", "error", "success"),
    *("foreground", "background", "surface", "panel"),
)
"""Colours that every theme of Textual has; the others are variables."""
STYLES = ("block-cursor-text-style", "block-cursor-blurred-text-style", "button-focus-text-style")
"""Variables that are not colours: words such as `bold reverse`."""
KNOWN = frozenset((*COLOURS, *DARK.variables))


def load(directory: str) -> list[Theme]:
    """The themes of a directory by name; none when it is not there. Raises BadConfig."""
    try:
        names = sorted(it for it in os.listdir(directory) if it.endswith(".toml"))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BadConfig(f"{directory}: {error.strerror}") from error
    return [_read(os.path.join(directory, name)) for name in names]


def _read(path: str) -> Theme:
    name = os.path.basename(path).removesuffix(".toml")
    try:
        with open(path, "rb") as file:
            return parse(name, tomllib.load(file))
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(f"{path}: {error}", "see https://toml.io for the syntax") from error
    except BadConfig as error:
        raise BadConfig(f"{path}: {error.message}", error.hint) from error


def parse(name: str, data: Mapping[str, Any]) -> Theme:
    """A theme from decoded TOML. Raises BadConfig."""
    if name in THEMES:
        raise BadConfig(f"clash: {name} is a theme of tuidock's own", "give the file another name")
    wanted = data.get("base", DARK.name)
    base = THEMES.get(wanted) if isinstance(wanted, str) else None
    if base is None:
        raise BadConfig(f"unknown base {wanted!r}", f"known are {', '.join(THEMES)}")
    told = {key: _told(key, value) for key, value in data.items() if key != "base"}
    colours: dict[str, Any] = {key: told[key] for key in COLOURS if key in told}
    variables = {key: value for key, value in told.items() if key not in colours}
    return replace(base, name=name, variables={**base.variables, **variables}, **colours)


def _told(key: str, value: object) -> str:
    """A colour or a style, checked."""
    if key not in KNOWN:
        near = get_close_matches(key, KNOWN, 1) or ["primary, background, status-failed, ..."]
        raise BadConfig(f"no colour is called {key!r}", f"there is {near[0]}")
    if not isinstance(value, str):
        raise BadConfig(f"{key} must be a text such as '#7aa2f7'")
    if key not in STYLES:
        try:
            Color.parse(value)
        except ColorParseError as error:
            raise BadConfig(f"{key}: {value!r} is no colour", "'#7aa2f7', 'ansi_blue'") from error
    return value
