"""Choosing a signal, each with what it means to most programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuidock.widgets.dialogs import Choose

if TYPE_CHECKING:
    from tuidock.screens.base import DockScreen

SIGNALS = {
    "TERM": ("t", "asks it to end"),
    "KILL": ("k", "ends it, unasked"),
    "INT": ("i", "as ctrl+c does"),
    "HUP": ("h", "hangs up; many read their settings again"),
    "QUIT": ("q", "ends it with a core dump"),
    "USR1": ("1", "whatever the program makes of it"),
    "USR2": ("2", "whatever the program makes of it"),
    "STOP": ("s", "holds it, until CONT"),
    "CONT": ("c", "lets it go on"),
    "WINCH": ("w", "says that its terminal has another size"),
    "ABRT": ("a", "ends it with a core dump, as abort() does"),
    "ALRM": ("l", "as its alarm clock does"),
}
"""Each with its key and what it means."""


async def choose(screen: DockScreen, title: str, body: str) -> str:
    """Ask which; empty for none."""
    options = [(name, f"{key:<3}{name:<6}{what}") for name, (key, what) in SIGNALS.items()]
    keys = {key: name for name, (key, _) in SIGNALS.items()}
    return await screen.app.push_screen_wait(Choose(title, options, keys=keys, body=body)) or ""
