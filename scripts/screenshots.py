"""Render the real interface on real containers into screenshots/: `make screenshots`, as root.

SVG by Textual itself, PNG too where rsvg-convert is installed.
"""

from __future__ import annotations

import asyncio
import html
import re
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from tuidock.app import TuidockApp
from tuidock.demo.scene import set_scene
from tuidock.demo.stage import stage
from tuidock.engine.local import open_engine

TARGET = Path(__file__).parent.parent / "screenshots"
SIZE = (140, 40)
WAVE = 24
"""Seconds: a whole wave of the demo, so that the graphs have something to show."""

Steps = Callable[[Pilot[int]], Awaitable[None]]


def keys(*names: str, wait: float = 0.8) -> Steps:
    """Press keys, then let the screen settle."""

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press(*names)
        await pilot.pause(wait)

    return steps


SHOTS: tuple[tuple[str, Steps], ...] = (
    ("containers", keys("g", wait=WAVE)),
    ("logs", keys("enter", "A", "t", wait=2)),
    ("stats", keys("A", "t", "escape", "j", "S")),
    ("limits", keys("L", *"jjj", "6", "4", "m")),
    ("limits-answer", keys("enter", "enter", "S", wait=6)),
    ("processes", keys("t", wait=2.5)),
    ("shell", keys("e", *"ls", "space", *"-l", "space", "slash", "enter", wait=2)),
    ("anatomy", keys("ctrl+right_square_bracket", "M", "j", wait=3)),
    ("inspect", keys("escape", "escape", "i")),
    ("light", keys("T", "j", "enter", "S", wait=2)),
    ("images", keys("T", "k", "enter", "2")),
    ("run", keys("r", *"shop", "tab", *"chatter")),
    ("palette", keys("escape", "1", "ctrl+p", *"lim")),
    ("help", keys("escape", "question_mark")),
)


async def shoot(root: str, runroot: str) -> None:
    """Walk through the interface, a picture at each stop."""
    app = TuidockApp(open_engine(root, runroot))
    async with app.run_test(size=SIZE) as pilot:
        for name, steps in SHOTS:
            await steps(pilot)
            picture = TARGET / f"{name}.svg"
            picture.write_text(app.export_screenshot(title=""))
            print(picture.relative_to(TARGET.parent))


def rasterise() -> None:
    """A PNG beside each SVG, where a renderer is there."""
    renderer = shutil.which("rsvg-convert")
    if renderer is None:
        print("no PNG: rsvg-convert is not installed", file=sys.stderr)
        return
    for picture in TARGET.glob("*.svg"):
        command = [renderer, "--width", "1100", "-o", picture.with_suffix(".png")]
        subprocess.run(command, input=on_a_grid(picture.read_text()), text=True, check=True)


RUN = re.compile(
    r'<text (class="[^"]*") x="([\d.]+)" (y="[^"]*") textLength="([\d.]+)"([^>]*)>([^<]*)</text>'
)


def on_a_grid(svg: str) -> str:
    """Every character in its own cell, and a font that is installed rather than from the web.

    A browser stretches each run to its `textLength`; the renderer does not know that word, and
    glyphs from another font would push the rest of their run aside.
    """

    def cells(match: re.Match[str]) -> str:
        style, left, line, length, rest, text = match.groups()
        signs = html.unescape(text)
        width = float(length) / max(1, len(signs))
        return "".join(
            f'<text {style} x="{float(left) + width * place:.1f}" {line}{rest}>'
            f"{html.escape(sign)}</text>"
            for place, sign in enumerate(signs)
            if not sign.isspace()
        )

    return RUN.sub(cells, svg.replace("Fira Code", "DejaVu Sans Mono"))


def main() -> None:
    TARGET.mkdir(exist_ok=True)
    with stage(keep=False) as core:
        set_scene(core)
        asyncio.run(shoot(core.layout.root, core.layout.runroot))
    rasterise()


if __name__ == "__main__":
    main()
