"""Reversed text where a theme asks for it: on terminals whose colours nobody knows.

Textual (8.2) leaves `reverse` out when it adds up the styles of a widget's parts, so a theme
says `reverse underline`: what does not know this module is underlined instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.style import Style
from textual.widgets import OptionList

if TYPE_CHECKING:
    from textual.widget import Widget as Base
else:  # no widget of its own: style sheets know a class by its first base that is one
    Base = object


class Reversible(Base):
    """A widget whose parts are reversed when their `text-style` says so."""

    def get_visual_style(self, *component_classes: str, partial: bool = False) -> Style:
        style = super().get_visual_style(*component_classes, partial=partial)
        styles = [self.get_component_styles(name) for name in component_classes]
        if any(it.text_style.reverse for it in styles):
            return style + Style(reverse=True, underline=False)
        return style


class Options(Reversible, OptionList):
    """Lines to choose from."""
