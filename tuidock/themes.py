"""The palettes, the colours that only tuidock has, and which palette a terminal can show.

Invariant: screens name variables, never colours; every theme defines the same variables, and its
text stands out from what is behind it by 4.5 to 1 (WCAG 2.2, 1.4.3). What a colour says, a sign
says too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from textual.theme import Theme

GREY = "#808890"
"""What is quiet in a foreign theme, dark or light."""


def defaults(theme: Theme) -> dict[str, str]:
    """Our own variables for a theme that does not know them."""
    return {
        "quiet": GREY,
        "faint": GREY,
        "status-running": theme.success or theme.primary,
        "status-paused": theme.warning or theme.primary,
        "status-created": theme.primary,
        "status-exited": GREY,
        "status-failed": theme.error or theme.primary,
    }


_OWN = "ansi_default"
"""The terminal's own colour for text, or for what is behind it."""


def _changed(base: Theme, name: str, variables: Mapping[str, str], **colours: Any) -> Theme:
    """A theme that differs from another in some colours."""
    return replace(base, name=name, variables={**base.variables, **variables}, **colours)


DARK = Theme(
    name="tuidock-dark",
    dark=True,
    primary="#6cb2eb",
    secondary="#7dcfb6",
    accent="#f2b75c",
    warning="#e8b04b",
    error="#f0716b",
    success="#74c78d",
    foreground="#d7dee8",
    background="#10141b",
    surface="#151a23",
    panel="#1c2330",
    variables={
        "quiet": "#8d99ab",
        "faint": "#8895aa",
        "primary-muted": "#2c4359",
        "text-muted": "#8d99ab",
        "text-disabled": "#8895aa",
        "status-running": "#74c78d",
        "status-paused": "#e8b04b",
        "status-created": "#6cb2eb",
        "status-exited": "#8d99ab",
        "status-failed": "#f0716b",
        "border": "#6cb2eb",
        "border-blurred": "#2b3546",
        "block-cursor-background": "#284a6b",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-blurred-background": "#222c3c",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-text-style": "bold",
        "footer-key-foreground": "#f2b75c",
        "button-focus-text-style": "bold underline",
        "input-selection-background": "#6cb2eb 25%",
        "scrollbar": "#2b3546",
        "scrollbar-hover": "#3a475c",
        "scrollbar-active": "#6cb2eb",
        "scrollbar-background": "#10141b",
        "scrollbar-background-hover": "#10141b",
        "scrollbar-background-active": "#10141b",
        "scrollbar-corner-color": "#10141b",
    },
)

LIGHT = Theme(
    name="tuidock-light",
    dark=False,
    primary="#1f6fb2",
    secondary="#226b57",
    accent="#94480a",
    warning="#8f6400",
    error="#b3261e",
    success="#25703f",
    foreground="#22272e",
    background="#fcfbf8",
    surface="#f6f4ee",
    panel="#ebe8df",
    variables={
        "quiet": "#565d68",
        "faint": "#5f656e",
        "primary-muted": "#bad1e3",
        "text-muted": "#565d68",
        "text-disabled": "#5f656e",
        "status-running": "#25703f",
        "status-paused": "#7d5700",
        "status-created": "#19629f",
        "status-exited": "#5a616d",
        "status-failed": "#b3261e",
        "border": "#1f6fb2",
        "border-blurred": "#d5d0c3",
        "block-cursor-background": "#c9e0f4",
        "block-cursor-foreground": "#0c2033",
        "block-cursor-blurred-background": "#e6e3d9",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-text-style": "bold",
        "footer-key-foreground": "#94480a",
        "button-focus-text-style": "bold underline",
        "input-selection-background": "#1f6fb2 25%",
        "scrollbar": "#d5d0c3",
        "scrollbar-hover": "#bdb7a7",
        "scrollbar-active": "#1f6fb2",
        "scrollbar-background": "#fcfbf8",
        "scrollbar-background-hover": "#fcfbf8",
        "scrollbar-background-active": "#fcfbf8",
        "scrollbar-corner-color": "#fcfbf8",
    },
)


SAFE_DARK = _changed(
    DARK,
    "tuidock-safe-dark",
    primary="#56b4e9",
    secondary="#9fb8d9",
    accent="#f0e442",
    warning="#e69f00",
    error="#ff9e64",
    success="#56b4e9",
    variables={
        "status-running": "#56b4e9",
        "status-paused": "#f0e442",
        "status-created": "#b9c4d4",
        "status-failed": "#ff9e64",
        "border": "#56b4e9",
        "footer-key-foreground": "#f0e442",
    },
)
"""Blue and orange, told apart whatever sort of colour blindness (after Okabe and Ito's set)."""

SAFE_LIGHT = _changed(
    LIGHT,
    "tuidock-safe-light",
    primary="#00609c",
    secondary="#3d5a80",
    accent="#7a4e00",
    warning="#8a5a00",
    error="#a83c00",
    success="#00609c",
    variables={
        "status-running": "#00609c",
        "status-paused": "#7a5c00",
        "status-created": "#4f5b6b",
        "status-failed": "#a83c00",
        "border": "#00609c",
        "footer-key-foreground": "#7a4e00",
    },
)

_ANSI_VARIABLES = {
    "ansi-background": "ansi_default",
    "ansi-foreground": "ansi_default",
    "quiet": "ansi_default",
    "primary-muted": "ansi_default",
    "text-muted": "ansi_default",
    "text-disabled": "ansi_default",
    "faint": "ansi_bright_black",
    "status-running": "ansi_green",
    "status-paused": "ansi_yellow",
    "status-created": "ansi_cyan",
    "status-exited": "ansi_default",
    "status-failed": "ansi_red",
    "border": "ansi_cyan",
    "border-blurred": "ansi_bright_black",
    "block-cursor-background": "ansi_default",
    "block-cursor-foreground": "ansi_default",
    "block-cursor-blurred-background": "ansi_default",
    "block-cursor-text-style": "bold reverse underline",
    "block-cursor-blurred-text-style": "bold underline",
    "footer-key-foreground": "ansi_yellow",
    "button-focus-text-style": "bold reverse",
    "input-selection-background": "ansi_cyan",
    "input-selection-foreground": "ansi_black",
    "scrollbar": "ansi_bright_black",
    "scrollbar-hover": "ansi_bright_black",
    "scrollbar-active": "ansi_cyan",
    "scrollbar-background": "ansi_default",
    "scrollbar-background-hover": "ansi_default",
    "scrollbar-background-active": "ansi_default",
    "scrollbar-corner-color": "ansi_default",
}

ANSI = Theme(
    name="tuidock-ansi",
    ansi=True,
    primary="ansi_cyan",
    secondary="ansi_cyan",
    accent="ansi_yellow",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_green",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    variables=_ANSI_VARIABLES,
)
"""The terminal's own sixteen colours: what is chosen is reversed, so it can always be read."""

MONO = _changed(
    ANSI,
    "tuidock-mono",
    **dict.fromkeys(("primary", "secondary", "accent", "warning", "error", "success"), _OWN),
    variables={
        name: _OWN for name, colour in _ANSI_VARIABLES.items() if colour.startswith("ansi_")
    },
)
"""No colours at all, as `NO_COLOR` asks: only bold, reversed, and signs."""

THEMES = {theme.name: theme for theme in (DARK, LIGHT, SAFE_DARK, SAFE_LIGHT, ANSI, MONO)}
"""Our own, in the order of the menu."""
TITLES = {
    DARK.name: "dark",
    LIGHT.name: "light",
    SAFE_DARK.name: "dark, for colour-blind eyes",
    SAFE_LIGHT.name: "light, for colour-blind eyes",
    ANSI.name: "the terminal's own 16 colours",
    MONO.name: "no colours",
}
_RICH = ("256color", "direct", "kitty", "alacritty", "ghostty", "wezterm", "foot")
"""What is in the TERM of terminals with more than 16 colours."""


def fitting(environ: Mapping[str, str]) -> str:
    """The theme for a terminal, by NO_COLOR (no-color.org), COLORTERM, TERM and COLORFGBG."""
    if environ.get("NO_COLOR"):
        return MONO.name
    term = environ.get("TERM", "")
    many = environ.get("COLORTERM") in ("truecolor", "24bit") or any(it in term for it in _RICH)
    if not many:
        return ANSI.name
    behind = environ.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT.name if behind in ("7", "15") else DARK.name


def first(remembered: str, environ: Mapping[str, str]) -> str:
    """The theme to begin with: the one chosen last, unless this terminal cannot show it."""
    fit = fitting(environ)
    return fit if fit in (ANSI.name, MONO.name) else remembered or fit
