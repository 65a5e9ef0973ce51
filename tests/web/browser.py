"""A real browser without a window: Debian's Chromium, told what to do over its debugging port.

Invariant: it knows only pages of this machine, and has a profile of its own in `directory`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pyte

from tests.waiting import until

LATE = 60.0
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --remote-debugging-port=0 "
    "--disable-dev-shm-usage --window-size=1280,800"
).split()


class Page:
    """One tab; what its websocket brought is drawn on a screen of ours too."""

    def __init__(self, line: aiohttp.ClientWebSocketResponse) -> None:
        self._line = line
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._screen = pyte.Screen(240, 80)
        self._stream = pyte.ByteStream(self._screen)
        self.status = 0
        """HTTP's, of the page itself."""
        self.complaints: list[str] = []
        """What the page's console and its security policy said."""
        self.asked: list[str] = []
        """Addresses that it fetched."""
        self.moved = asyncio.Event()
        """Something came."""
        self.reading = asyncio.create_task(self._read())

    async def tell(self, method: str, **parameters: object) -> dict[str, Any]:
        """One command of the DevTools protocol, and its answer."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._line.send_json({"id": number, "method": method, "params": parameters})
        return await asyncio.wait_for(answer, LATE)

    async def go(self, address: str) -> None:
        for domain in ("Page", "Network", "Runtime", "Log"):
            await self.tell(f"{domain}.enable")
        await self.tell("Page.navigate", url=address)

    async def value(self, expression: str) -> Any:
        """Of JavaScript in the page."""
        found = await self.tell("Runtime.evaluate", expression=expression)
        return found["result"].get("value")

    async def press(self, text: str) -> None:
        """Keys that write one letter each."""
        for letter in text:
            await self.tell("Input.dispatchKeyEvent", type="keyDown", text=letter, key=letter)
            await self.tell("Input.dispatchKeyEvent", type="keyUp", key=letter)

    async def click(self, x: int, y: int) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            await self.tell(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )

    async def picture(self) -> bytes:
        """PNG."""
        return base64.b64decode((await self.tell("Page.captureScreenshot"))["data"])

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    async def wait_for(self, words: str) -> None:
        try:
            await self.until(lambda: words in self.text())
        except TimeoutError:
            said = f"{self.text()}\n{self.complaints}"
            raise AssertionError(f"never seen: {words}\n{said}") from None

    async def until(self, true: Callable[[], object]) -> None:
        """Look whenever something came. Raises TimeoutError."""
        async with asyncio.timeout(LATE):
            while not true():
                self.moved.clear()
                await self.moved.wait()

    async def _read(self) -> None:
        async for message in self._line:
            said = json.loads(message.data)
            if "id" in said:
                self._answers.pop(said["id"]).set_result(said.get("result", said))
            else:
                self._note(said["method"], said["params"])
            self.moved.set()

    def _note(self, method: str, told: dict[str, Any]) -> None:
        if method == "Network.webSocketFrameReceived" and told["response"]["opcode"] == 2:
            self._stream.feed(base64.b64decode(told["response"]["payloadData"]))
        elif method == "Network.requestWillBeSent":
            self.asked.append(told["request"]["url"])
        elif method == "Network.responseReceived" and told["type"] == "Document":
            self.status = told["response"]["status"]
        elif method == "Log.entryAdded":
            self.complaints.append(told["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(told["exceptionDetails"]))


@contextlib.asynccontextmanager
async def browser(directory: Path) -> AsyncIterator[Page]:
    """A browser with one empty page."""
    port = directory / "DevToolsActivePort"
    flags = [*FLAGS, f"--user-data-dir={directory}"]
    chromium = await asyncio.create_subprocess_exec(
        "chromium", *flags, "about:blank", stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        await asyncio.to_thread(until, lambda: port.exists() and port.read_text().count("\n"))
        number = port.read_text().split()[0]
        async with aiohttp.ClientSession() as client:
            async with client.get(f"http://127.0.0.1:{number}/json") as answer:
                tabs = [it for it in await answer.json() if it["type"] == "page"]
            line = await client.ws_connect(tabs[0]["webSocketDebuggerUrl"], max_msg_size=0)
            page = Page(line)
            yield page
            await line.close()
            await page.reading
    finally:
        chromium.terminate()
        await asyncio.wait_for(chromium.wait(), LATE)
