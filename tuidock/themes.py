"""The two palettes, and the colours that only tuidock has.

Invariant: screens name variables, never colours, and both themes define the same variables.
"""

from __future__ import annotations

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
        "faint": "#566274",
        "status-running": "#74c78d",
        "status-paused": "#e8b04b",
        "status-created": "#6cb2eb",
        "status-exited": "#7a8699",
        "status-failed": "#f0716b",
        "border": "#6cb2eb",
        "border-blurred": "#2b3546",
        "block-cursor-background": "#284a6b",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-blurred-background": "#222c3c",
        "footer-key-foreground": "#f2b75c",
        "button-focus-text-style": "bold underline",
        "input-selection-background": "#6cb2eb 35%",
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
    secondary="#2a7d67",
    accent="#a8550f",
    warning="#8f6400",
    error="#b3261e",
    success="#25703f",
    foreground="#22272e",
    background="#fcfbf8",
    surface="#f6f4ee",
    panel="#ebe8df",
    variables={
        "quiet": "#626a76",
        "faint": "#a3a7ad",
        "status-running": "#25703f",
        "status-paused": "#8f6400",
        "status-created": "#1f6fb2",
        "status-exited": "#6d7480",
        "status-failed": "#b3261e",
        "border": "#1f6fb2",
        "border-blurred": "#d5d0c3",
        "block-cursor-background": "#c9e0f4",
        "block-cursor-foreground": "#0c2033",
        "block-cursor-blurred-background": "#e6e3d9",
        "footer-key-foreground": "#a8550f",
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

OTHER = {DARK.name: LIGHT.name, LIGHT.name: DARK.name}
"""The theme that `T` goes to."""
