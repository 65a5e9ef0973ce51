"""Opening a published port in the browser, once somebody answers there.

Invariant: no browser is opened on an address that does not answer, and none is waited for.
"""

from __future__ import annotations

import asyncio
import webbrowser
from typing import TYPE_CHECKING

from tuidock import format as fmt
from tuidock.engine.types import Container, Port
from tuidock.widgets.dialogs import Choose

if TYPE_CHECKING:
    from tuidock.screens.base import DockScreen

PATIENCE = 2.0
"""Seconds in which somebody has to answer."""
_TLS = (443, 8443, 6443)


def url(port: Port) -> str:
    """Where a browser finds it, from this machine."""
    host = port.host_ip if port.host_ip not in ("", "0.0.0.0", "::") else "localhost"
    host = f"[{host}]" if ":" in host else host
    scheme = "https" if port.container_port in _TLS else "http"
    return f"{scheme}://{host}:{port.host_port}"


async def open_one(screen: DockScreen, it: Container) -> None:
    """The only port at once, one of several by choice."""
    ports = [port for port in it.ports if port.protocol == "tcp" and port.host_port]
    if not ports:
        screen.notify(f"{it.name} publishes no port", severity="warning", markup=False)
        return
    port: Port | None = ports[0]
    if len(ports) > 1:
        options = [(str(at), f"{at + 1}  {fmt.port(p):<14}{url(p)}") for at, p in enumerate(ports)]
        keys = {str(at + 1): str(at) for at in range(min(9, len(ports)))}
        chosen = await screen.app.push_screen_wait(Choose("Open which port?", options, keys=keys))
        port = None if chosen is None else ports[int(chosen)]
    if port is not None:
        await _open(screen, it, port)


async def _open(screen: DockScreen, it: Container, port: Port) -> None:
    if not await answers(port):
        said = f"nothing listens on port {port.container_port} in {it.name}, or it is not reachable"
        title = f"Nobody answers at {url(port)}"
        screen.notify(said, title=title, severity="warning", markup=False)
    elif has_browser():
        screen.app.open_url(url(port))
    else:
        screen.app.copy_to_clipboard(url(port))
        screen.notify(url(port), title="No browser here: copied", markup=False)


async def answers(port: Port) -> bool:
    """Whether a connection is taken."""
    host = port.host_ip if port.host_ip not in ("", "0.0.0.0", "::") else "localhost"
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(host, port.host_port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def has_browser() -> bool:
    """Whether this machine knows one."""
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True
