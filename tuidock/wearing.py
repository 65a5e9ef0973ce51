"""Which theme is worn at first: what the settings say, what was chosen last, what can be shown.

Invariant: a theme that nobody knows is named before the interface opens.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from textual.theme import BUILTIN_THEMES, Theme

from tuidock.config import BadConfig, Config
from tuidock.themes import THEMES, first


def own_themes(directory: str) -> Sequence[Theme]:
    """The user's themes; most users have none, and so pay no import. Raises BadConfig."""
    if not os.path.isdir(directory):
        return ()
    from tuidock import theme_files

    return theme_files.load(directory)


def worn(config: Config, own: Sequence[str], last: str) -> Config:
    """The settings with a theme in them. Raises BadConfig when they ask for one nobody knows."""
    known = [*THEMES, *own, *BUILTIN_THEMES]
    if os.environ.get("NO_COLOR") == "":
        del os.environ["NO_COLOR"]  # Textual would obey it; no-color.org asks for a value
    if not config.theme:
        return config._replace(theme=first(last if last in known else "", os.environ))
    if config.theme in known:
        return config
    raise BadConfig(f"settings: unknown theme {config.theme!r}", f"known are {', '.join(known)}")
