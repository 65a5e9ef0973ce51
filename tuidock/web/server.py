"""A web server on loopback that gives each page an interface of its own.

textual-serve brings the page's script and the talk with the interface's process; who is let in is
decided here, before any of it. Invariant: a process that a page had begun ends with that page.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from importlib.resources import files

from aiohttp import WSMsgType, web
from aiohttp.typedefs import Handler
from textual_serve import server
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from tuidock.web.guard import HEADERS, Answer, Guard

STATIC = os.path.join(os.path.dirname(server.__file__), "static")
SESSION = [sys.executable, "-m", "tuidock.web.session"]
AT_ONCE = 8
"""Pages; each has a process of some 60 MB."""
GRACE = 5.0
"""Seconds in which an interface may end by itself."""
REFUSAL = "403: open the address that `tuidock serve` printed, token and all\n"


class Pages:
    """What is answered to a browser that was let in."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._downloads = DownloadManager()
        self._sessions: set[_Session] = set()

    def application(self) -> web.Application:
        """Everything that can be asked for, behind the guard."""
        app = web.Application(middlewares=[self._let_in])
        app.router.add_get("/", self._page)
        app.router.add_get("/page.css", self._style)
        app.router.add_get("/ws", self._talk)
        app.router.add_static("/static", STATIC)
        app.on_shutdown.append(self._end_all)
        return app

    @web.middleware
    async def _let_in(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = self._guard.judge(request.path, request.query, request.headers, request.cookies)
        if answer is Answer.REFUSED:
            return web.Response(status=403, text=REFUSAL, headers=HEADERS)
        if answer is Answer.CHANGE:
            changed = web.Response(status=303, headers={**HEADERS, "Location": "/"})
            name, value = self._guard.cookie_name, self._guard.cookie
            changed.set_cookie(name, value, httponly=True, samesite="Strict")
            return changed
        response: web.StreamResponse = await handler(request)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    async def _page(self, request: web.Request) -> web.Response:
        asked = request.query.get("fontsize", "")
        size = asked if re.fullmatch(r"[0-9]{1,2}", asked) else "16"
        text = _own("page.html").replace("@HOST@", request.host).replace("@SIZE@", size)
        return web.Response(text=text, content_type="text/html")

    async def _style(self, _request: web.Request) -> web.Response:
        return web.Response(text=_own("page.css"), content_type="text/css")

    async def _talk(self, request: web.Request) -> web.WebSocketResponse:
        """One page's interface, from its first byte to the end of its process."""
        if len(self._sessions) >= AT_ONCE:
            raise web.HTTPServiceUnavailable(text=f"{AT_ONCE} pages are open already\n")
        line = web.WebSocketResponse(heartbeat=15)
        await line.prepare(request)
        session = _Session(line, self._downloads)
        self._sessions.add(session)
        try:
            await session.start(_cells(request, "width", 80), _cells(request, "height", 24))
            await _pass_on(line, session)
        finally:
            await session.stop()
            self._sessions.discard(session)
        return line

    async def _end_all(self, _app: web.Application) -> None:
        await asyncio.gather(*(session.stop() for session in self._sessions))


class _Session(AppService):
    """The process behind one page."""

    def __init__(self, line: web.WebSocketResponse, downloads: DownloadManager) -> None:
        super().__init__(
            "tuidock",
            write_bytes=line.send_bytes,
            write_str=line.send_str,
            close=line.close,  # type: ignore[arg-type]  # what it returns is not asked for
            download_manager=downloads,
        )

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        env = self._build_environment(width=width, height=height)
        env["TUIDOCK_SERVER"] = str(os.getpid())
        self._process = await asyncio.create_subprocess_exec(
            *SESSION, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=env, start_new_session=True
        )
        self._stdin = self._process.stdin
        return self._process

    async def stop(self) -> None:
        """Ask it to end, and end it when it does not."""
        with contextlib.suppress(TimeoutError, ConnectionError):
            await asyncio.wait_for(super().stop(), GRACE)
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


async def _pass_on(line: web.WebSocketResponse, session: AppService) -> None:
    """What the page says: keys and mouse, its size, whether it is looked at."""
    async for message in line:
        match message.json() if message.type is WSMsgType.TEXT else None:
            case ["stdin", str(keys)]:
                await session.send_bytes(keys.encode())
            case ["resize", {"width": int(width), "height": int(height)}]:
                await session.set_terminal_size(width, height)
            case ["ping", said]:
                await line.send_json(["pong", said])
            case ["blur", *_]:
                await session.blur()
            case ["focus", *_]:
                await session.focus()


def _cells(request: web.Request, name: str, otherwise: int) -> int:
    asked = request.query.get(name, "")
    return int(asked) if re.fullmatch(r"[1-9][0-9]{0,3}", asked) else otherwise


def _own(name: str) -> str:
    return files("tuidock.web").joinpath(name).read_text("utf-8")


async def serve(port: int, guard: Guard) -> int:
    """Answer on 127.0.0.1 until SIGINT or SIGTERM; 0 is any free port. Raises OSError."""
    listener = socket.create_server(("127.0.0.1", port))
    runner = web.AppRunner(Pages(guard).application(), access_log=None)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        taken = listener.getsockname()[1]
        print(f"http://127.0.0.1:{taken}/?token={guard.token}", flush=True)
        await ended.wait()
    finally:
        await runner.cleanup()
    return 0
