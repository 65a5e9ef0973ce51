"""What is written to a real terminal when nothing new is to be seen: nothing."""

from __future__ import annotations

from pathlib import Path

from tests.ui.real_terminal import RealTerminal

PROGRAM = """
import os
import tuidock.app
from tuidock.config import Config
from tuidock.engine.fake import FakeEngine
from tuidock.engine.fake.scene import stock
from tuidock.engine.types import ContainerSpec

class Fake(tuidock.app.TuidockApp):
    CSS_PATH = os.path.join(os.path.dirname(tuidock.app.__file__), "tuidock.tcss")
    async def on_load(self):
        stock(engine)
        for number in range(20):
            spec = ContainerSpec("debian:12", f"box-{number}", ("sleep", "inf"))
            it = await engine.containers.create(spec)
            await engine.containers.start(it.id)
            engine.containers.backdate(it.id, 7200)

engine = FakeEngine()
Fake(engine, Config(theme="tuidock-dark", confirm=False)).run()
"""
SILENCE = 3.5
"""Seconds: three samples of every container come in that time."""


def test_nothing_new_writes_nothing(tmp_path: Path) -> None:
    """Fails when rows are painted again for figures that are not shown: at every sample then; and
    when nobody takes an escape that nothing follows for a key.
    """
    with RealTerminal(PROGRAM, tmp_path) as terminal:
        terminal.read_until(b"box-15")
        terminal.type(b"/")
        terminal.read_until(b"regex")
        terminal.type(b"zzz")
        terminal.read_until(b"nothing matches")
        terminal.type(b"\x1b")
        terminal.read_until(b"box-15")
        assert terminal.falls_silent(SILENCE), "it never stops to write"
        terminal.type(b"\x11")
        terminal.read_to_the_end()
    assert terminal.code == 0
