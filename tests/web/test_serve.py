"""`tuidock serve` over the wire, and in a real browser."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from tests.waiting import until
from tests.web.browser import browser
from tests.web.conftest import Served
from tuidock.engine.layout import Layout

PATIENT = aiohttp.ClientTimeout(60)


async def ask(address: str, **headers: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession(timeout=PATIENT) as client,
        client.get(address, headers=headers, allow_redirects=False) as answer,
    ):
        return answer.status, await answer.text()


async def test_a_browser_shows_containers_and_takes_keys(served: Served, tmp_path: Path) -> None:
    """The page is whole: nothing fetched from elsewhere, nothing its policy forbids."""
    async with browser(tmp_path / "profile") as page:
        await page.go(served.address)
        await page.wait_for("keeper")
        assert await page.value("location.search") == ""  # the token is not in the history
        await page.click(400, 300)
        await page.press("2")
        await page.wait_for("lighthouse")
        assert len(served.sessions()) == 1
        assert len(await page.picture()) > 10_000  # an empty page has 5,000
        assert [it for it in page.asked if not it.startswith(served.origin)] == []
        assert [it for it in page.complaints if "WebGL" not in it and "404" not in it] == []
    await asyncio.to_thread(until, lambda: not served.sessions())


async def test_a_browser_with_a_wrong_token_sees_nothing(served: Served, tmp_path: Path) -> None:
    async with browser(tmp_path / "profile") as page:
        await page.go(f"{served.origin}/?token=wrong")
        await page.until(lambda: page.status)
        assert page.status == 403
        assert served.sessions() == []


async def test_without_the_token_every_door_is_shut(served: Served) -> None:
    for path in ("/", "/?token=x", "/ws", "/page.css", "/static/js/textual.js", "/static/"):
        status, text = await ask(served.origin + path)
        assert (status, "403" in text) == (403, True), path
    assert (await ask(served.address, Host="evil.test"))[0] == 403
    assert (await ask(served.address, Origin="http://evil.test"))[0] == 403
    assert (await ask(served.address))[0] == 303


async def opened(served: Served, client: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
    """A websocket as the page opens it, with the interface behind it on show."""
    async with client.get(served.address) as answer:
        assert answer.status == 200
    line = await client.ws_connect(f"{served.origin}/ws", headers={"Origin": served.origin})
    shown = b""
    while b"keeper" not in shown:
        shown += await line.receive_bytes(timeout=60)
    return line


def cookie_client() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=PATIENT, cookie_jar=aiohttp.CookieJar(unsafe=True))


async def test_a_websocket_of_another_page_is_refused(served: Served) -> None:
    """With the cookie, which a browser would send along. Fails without the guard's origin."""
    async with cookie_client() as client:
        async with client.get(served.address):
            pass
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await client.ws_connect(f"{served.origin}/ws", headers={"Origin": "http://evil.test"})
    assert served.sessions() == []


async def test_a_closed_page_ends_its_process_and_only_that(served: Served) -> None:
    async with cookie_client() as client:
        first, second = await opened(served, client), await opened(served, client)
        assert len(served.sessions()) == 2
        await first.close()
        await asyncio.to_thread(until, lambda: len(served.sessions()) == 1)
        await second.send_json(["stdin", "?"])
        shown = b""
        while b"Keys" not in shown:
            shown += await second.receive_bytes(timeout=60)
        await second.close()
    await asyncio.to_thread(until, lambda: not served.sessions())


async def test_a_killed_server_takes_its_processes_along(served: Served) -> None:
    """One that hangs too. Fails without the parent-death signal of `web/session.py`."""
    async with cookie_client() as client:
        await opened(served, client)
        os.kill(served.sessions()[0], signal.SIGSTOP)
        served.process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(until, lambda: not served.sessions())
        served.process.communicate()


async def test_a_hanging_interface_is_ended(served: Served) -> None:
    """A stopped process answers nothing. Fails without the `kill` of `web/server.py`."""
    async with cookie_client() as client:
        line = await opened(served, client)
        os.kill(served.sessions()[0], signal.SIGSTOP)
        await line.close()
        await asyncio.to_thread(until, lambda: not served.sessions())


async def test_read_only_is_for_pages_too(serve: Callable[..., Served]) -> None:
    served = serve("--read-only")
    async with cookie_client() as client:
        line = await opened(served, client)
        environment = Path(f"/proc/{served.sessions()[0]}/environ").read_bytes()
        assert b"TUIDOCK_READ_ONLY=1" in environment.split(b"\0")
        await line.close()


def test_it_listens_on_loopback_alone_and_warns_root(served: Served) -> None:
    port = int(served.origin.rpartition(":")[2])
    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    found = [line.split()[1] for line in listening.splitlines() if f":{port:04X} " in line]
    assert f"0100007F:{port:04X}" in found
    assert f"00000000:{port:04X}" not in found
    assert "0" * 32 + f":{port:04X}" not in found
    said = served.close()
    assert ("is root on this machine" in said) == (os.geteuid() == 0)
    assert served.process.returncode == 0


def test_a_port_that_is_taken_is_named(layout: Layout) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = tuidock(layout, "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "Address already in use" in done.stderr


def test_a_port_is_a_number(layout: Layout) -> None:
    for word in ("x", "65536", "-1"):
        assert tuidock(layout, f"--port={word}").returncode == 125


def test_without_the_extra_one_line_says_what_to_install(layout: Layout, tmp_path: Path) -> None:
    missing = "raise ModuleNotFoundError('no', name='textual_serve')"
    (tmp_path / "textual_serve.py").write_text(missing)
    done = tuidock(layout, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "pip install 'tuidock[serve]'"


def tuidock(layout: Layout, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    places = {"TUIDOCK_ROOT": layout.root, "TUIDOCK_RUNROOT": layout.runroot}
    return subprocess.run(
        [sys.executable, "-m", "tuidock", "serve", *words],
        env={**os.environ, **places, **env},
        capture_output=True,
        text=True,
        timeout=100,
    )
