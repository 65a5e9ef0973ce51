"""What is on a screen as words, and its SVG as a PNG."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from pathlib import Path

FONT = "DejaVu Sans Mono"
WIDTH = 8
"""Pixels of a PNG for each column."""
RUN = re.compile(
    r'<text (class="[^"]*") x="([\d.]+)" (y="([^"]*)") textLength="([\d.]+)"([^>]*)>([^<]*)</text>'
)
"""One run of text of one style in Textual's SVG."""


def words(svg: str) -> str:
    """What a picture says, line by line."""
    lines: dict[float, str] = {}
    for run in RUN.finditer(svg):
        text = html.unescape(run[7]).replace("\xa0", " ")
        column = round(float(run[2]) * len(text) / float(run[5]))
        line = float(run[4])
        lines[line] = f"{lines.get(line, ''):<{column}}{text}"
    return "\n".join(lines[y].rstrip() for y in sorted(lines))


def rasterise(picture: Path, columns: int) -> None:
    """A PNG beside an SVG, where a renderer is there."""
    renderer = shutil.which("rsvg-convert")
    if renderer is None:
        print("no PNG: rsvg-convert is not installed", file=sys.stderr)
        return
    command = [renderer, "--width", str(columns * WIDTH), "-o", picture.with_suffix(".png")]
    subprocess.run(command, input=on_a_grid(picture.read_text()), text=True, check=True)


def on_a_grid(svg: str) -> str:
    """Every character in its own cell, and a font that is installed rather than from the web.

    A browser stretches each run to its `textLength`; the renderer does not know that word, and
    glyphs from another font would push the rest of their run aside.
    """

    def cells(match: re.Match[str]) -> str:
        style, left, line, _, length, rest, text = match.groups()
        signs = html.unescape(text)
        width = float(length) / max(1, len(signs))
        return "".join(
            f'<text {style} x="{float(left) + width * place:.1f}" {line}{rest}>'
            f"{html.escape(sign)}</text>"
            for place, sign in enumerate(signs)
            if not sign.isspace()
        )

    return RUN.sub(cells, svg.replace("Fira Code", FONT))
