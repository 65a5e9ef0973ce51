"""A registry of our own that serves images properly, but for the faults it was told to make.

A fault is a function that gets the reply before it goes out and changes it, or throws it away
for something worse; each is used once, by the next request of its kind.
"""

from __future__ import annotations

import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.registry_fixture import MadeImage, digest


@dataclass
class Reply:
    """What is about to be sent."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    send: int | None = None
    """So many bytes of the body, and then the connection ends; None: all."""
    before_end: Callable[[], object] | None = None
    """Called between those bytes and the end."""


@dataclass
class Seen:
    """A request that came."""

    path: str
    headers: dict[str, str]


Fault = Callable[[Reply, Seen], None]


class FaultyRegistry:
    """Also a token server, at /token, for whoever wants one."""

    def __init__(self) -> None:
        self.contents: dict[str, tuple[str, bytes]] = {}
        """Path -> media type and body."""
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        """Kind (`manifest`, `blob`, `tags`, `catalog`, `token`) -> faults to come."""
        self.always: dict[str, Fault] = {}
        """Kind -> what is done to each reply."""
        self.seen: list[Seen] = []
        self.over = threading.Event()
        """Set when the test is over, so that a stalled reply ends."""

    def __enter__(self) -> FaultyRegistry:
        self._server = _Server(("127.0.0.1", 0), self)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def hold(self, repository: str, tag: str, image: MadeImage) -> str:
        """Offer an image; the reference to pull it by."""
        for name, body in image.blobs.items():
            self.contents[f"/v2/{repository}/blobs/{name}"] = ("application/octet-stream", body)
        for name in (tag, image.digest):
            path = f"/v2/{repository}/manifests/{name}"
            self.contents[path] = (image.media_type, image.manifest)
        return f"{self.address}/{repository}:{tag}"

    def requests(self, kind: str) -> list[Seen]:
        return [seen for seen in self.seen if _kind(seen.path) == kind]

    def reply(self, seen: Seen) -> Reply:
        self.seen.append(seen)
        kind = _kind(seen.path)
        reply = self._proper(seen)
        if self.faults[kind]:
            self.faults[kind].pop(0)(reply, seen)
        elif kind in self.always:
            self.always[kind](reply, seen)
        return reply

    def _proper(self, seen: Seen) -> Reply:
        path = seen.path.partition("?")[0]
        if path == "/token":
            return Reply(200, json.dumps({"token": "let-me-in"}).encode())
        if path not in self.contents:
            error = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
            return Reply(404, json.dumps(error).encode())
        media_type, body = self.contents[path]
        reply = Reply(200, body, {"Content-Type": media_type})
        if "/manifests/" in path:
            reply.headers["Docker-Content-Digest"] = digest(body)
        if found := re.match(r"bytes=(\d+)-", seen.headers.get("Range", "")):
            start = int(found[1])
            reply.status, reply.body = 206, body[start:]
            reply.headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        return reply


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], registry: FaultyRegistry) -> None:
        super().__init__(address, _Handler)
        self.registry = registry

    def handle_error(self, *_: object) -> None:
        """A client that leaves early is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        reply = self.server.registry.reply(Seen(self.path, dict(self.headers)))
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in reply.headers:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[: reply.send])
        self.wfile.flush()
        if reply.before_end:
            reply.before_end()
        self.close_connection = reply.send is not None

    def log_message(self, *_: object) -> None:
        pass


def _kind(path: str) -> str:
    for kind, part in (
        ("manifest", "/manifests/"),
        ("blob", "/blobs/"),
        ("tags", "/tags/list"),
        ("catalog", "/_catalog"),
        ("token", "/token"),
    ):
        if part in path:
            return kind
    return "other"


# --- faults ---------------------------------------------------------------------------------


def status(code: int, **headers: str) -> Fault:
    """Answer with a status, and nothing of what was asked."""

    def fault(reply: Reply, _: Seen) -> None:
        reply.status, reply.body = code, b"{}"
        reply.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    return fault


def cut(after: int) -> Fault:
    """End the connection early."""

    def fault(reply: Reply, _: Seen) -> None:
        reply.send = after

    return fault


def stall(after: int, until: threading.Event) -> Fault:
    """Send a little, and then nothing more."""

    def fault(reply: Reply, _: Seen) -> None:
        reply.send = after
        reply.before_end = until.wait

    return fault


def flip(at: int) -> Fault:
    """Turn one bit of one byte over."""

    def fault(reply: Reply, _: Seen) -> None:
        changed = bytearray(reply.body)
        changed[at] ^= 1
        reply.body = bytes(changed)

    return fault


def append(more: bytes) -> Fault:
    def fault(reply: Reply, _: Seen) -> None:
        reply.body += more

    return fault


def whole(body: bytes) -> Fault:
    """Answer a Range with 200 and everything, as a registry may."""

    def fault(reply: Reply, _: Seen) -> None:
        reply.status, reply.body = 200, body
        reply.headers.pop("Content-Range", None)

    return fault


def shifted(by: int, body: bytes) -> Fault:
    """Answer a Range with another range than the one that was asked for, and say so."""

    def fault(reply: Reply, _: Seen) -> None:
        found = re.match(r"bytes (\d+)-(\d+)/(\d+)", reply.headers["Content-Range"])
        assert found is not None
        start = int(found[1]) + by
        reply.body = body[start:]
        reply.headers["Content-Range"] = f"bytes {start}-{found[2]}/{found[3]}"

    return fault


def redirect(url: str) -> Fault:
    def fault(reply: Reply, _: Seen) -> None:
        reply.status, reply.body, reply.headers = 307, b"", {"Location": url}

    return fault


def challenge(header: str) -> Fault:
    """401 until a request says who it is."""

    def fault(reply: Reply, seen: Seen) -> None:
        if "Authorization" not in seen.headers:
            reply.status, reply.body = 401, b'{"errors":[{"code":"UNAUTHORIZED"}]}'
            reply.headers = {"WWW-Authenticate": header}

    return fault
