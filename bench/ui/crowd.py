"""The interface on 500 containers whose figures all move each second, for who presses keys in it.

The engine is the one in memory: what is measured is lists, not the kernel.
"""

from __future__ import annotations

from pathlib import Path

import tuidock.app
from tuidock.config import Config
from tuidock.engine.fake import FakeEngine, Load, Program
from tuidock.engine.fake.scene import stock
from tuidock.engine.types import ContainerSpec

COUNT = 500


class Crowd(tuidock.app.TuidockApp):
    """As ever, but for where its containers come from."""

    CSS_PATH = str(Path(tuidock.app.__file__).with_name("tuidock.tcss"))

    async def on_load(self) -> None:
        stock(engine)
        engine.containers.programs["sleep", "inf"] = MOVING
        for number in range(COUNT):
            spec = ContainerSpec("debian:12", f"box-{number:03}", ("sleep", "inf"))
            it = await engine.containers.create(spec)
            await engine.containers.start(it.id)


engine = FakeEngine()
MOVING = Program(code=None, load=Load(0.2, 0.6, 20 << 20, 9 << 20))

if __name__ == "__main__":
    Crowd(engine, Config(confirm=False)).run()
