"""A registry as the OCI distribution-spec describes it: manifests, blobs, tags, catalog.

Nothing a registry says is believed: answers have a limit, documents are hashed, ranges are
compared with what was asked, and text meant for a person loses its control characters.
"""

from __future__ import annotations

import email.utils
import hashlib
import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar
from urllib.parse import urljoin

import requests

from tuidock.engine.errors import (
    AuthenticationRequired,
    BadManifest,
    Cancelled,
    DigestMismatch,
    EngineError,
    ManifestUnknown,
    RateLimited,
    RegistryError,
    SizeMismatch,
    Unreachable,
)
from tuidock.engine.images import manifest as manifests
from tuidock.engine.images.auth import Credentials, origin
from tuidock.engine.images.reference import familiar, is_digest, is_tag
from tuidock.engine.images.wire import DEADLINES, Again, Deadlines, Wire

MANIFEST_LIMIT = 4 * 1024 * 1024
"""Bytes; the distribution-spec asks registries to take at least as much, and nobody needs more."""
CONFIG_LIMIT = 8 * 1024 * 1024
LIST_LIMIT = 16 * 1024 * 1024
CHUNK = 128 * 1024
_PAGES = 1000
_LONGEST_WAIT = 60.0

T = TypeVar("T")


class Document(NamedTuple):
    """A manifest or index as it came, its hash verified as far as anything was promised."""

    media_type: str
    body: bytes
    digest: str


class Patience(NamedTuple):
    """How often to try, and how long to wait (seconds) before the second attempt."""

    attempts: int = 5
    first: float = 0.5
    refused: int = 3
    """Attempts when nobody answers at all: somebody is waiting for the bad news."""

    def wait(self, failures: int, asked: float | None) -> float:
        """Doubling with jitter, so that many clients do not come back as one."""
        if asked is not None:
            return asked
        return min(_LONGEST_WAIT, self.first * 2.0 ** (failures - 1)) * random.uniform(0.5, 1.0)


PATIENCE = Patience()


class Registry:
    """One registry, seen by one client; safe to use from several threads.

    Every method raises RegistryError or ContentError in a person's words, and Cancelled soon
    after `cancelled` was set and `cut()` called.
    """

    def __init__(
        self,
        host: str,
        cancelled: threading.Event | None = None,
        deadlines: Deadlines = DEADLINES,
        patience: Patience = PATIENCE,
        credentials: Credentials | None = None,
    ) -> None:
        self.host = host
        self.cancelled = cancelled or threading.Event()
        self.patience = patience
        self._wire = Wire(host, self.cancelled, deadlines, credentials)

    def cut(self) -> None:
        self._wire.cut()

    def close(self) -> None:
        self._wire.close()

    def manifest(self, path: str, name: str) -> Document:
        """A manifest or index by tag or digest."""
        headers = {"Accept": ", ".join(manifests.ACCEPTED)}
        what = f"{familiar(f'{self.host}/{path}')}{'@' if is_digest(name) else ':'}{name}"

        def fetch() -> Document:
            response = self._get(f"/v2/{path}/manifests/{name}", path, headers)
            with response:
                self._check(response, f"manifest for {what}")
                body = self._body(response, MANIFEST_LIMIT, "manifest")
                return _document(response, body, name)

        try:
            return self._patiently(fetch)
        except ManifestUnknown as error:
            raise self._explained(error, path, name) from error

    def blob(self, path: str, digest: str, limit: int) -> bytes:
        """A small blob, verified. Raises DigestMismatch, SizeMismatch."""

        def fetch() -> bytes:
            with self.stream(path, digest, 0) as stream:
                return b"".join(stream.up_to(limit))

        body = self._patiently(fetch)
        if f"sha256:{hashlib.sha256(body).hexdigest()}" != digest:
            raise DigestMismatch(f"registry {self.host} sent other bytes than {digest[:19]}")
        return body

    def stream(self, path: str, digest: str, offset: int) -> Stream:
        """Open a blob from `offset` on; see `Stream.start` for where it really begins.

        Raises Again when another attempt may help.
        """
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        response = self._get(f"/v2/{path}/blobs/{digest}", path, headers)
        start = _start(response, offset)
        if start is None:  # it does not know ranges, or gives another one than it was asked for
            response.close()
            response, start = self._get(f"/v2/{path}/blobs/{digest}", path, {}), 0
        try:
            self._check(response, f"blob {digest[:19]}")
        except BaseException:
            response.close()
            raise
        return Stream(response, self._wire, start)

    def tags(self, path: str) -> list[str]:
        """Tags of a repository, in the registry's order."""
        pages = self._pages(f"/v2/{path}/tags/list?n=1000", path, "tags", f"{self.host}/{path}")
        return [tag for tag in pages if is_tag(tag)]

    def catalog(self) -> list[str]:
        """Repositories, sorted. Many public registries refuse to list them."""
        pages = self._pages("/v2/_catalog?n=1000", "", "repositories", self.host)
        try:
            return sorted(clean(name) for name in pages)
        except (AuthenticationRequired, ManifestUnknown) as error:
            silent = f"registry {self.host} does not list its repositories"
            raise type(error)(silent, "many do not; name the repository yourself") from error

    def _get(self, path: str, repository: str, headers: dict[str, str]) -> requests.Response:
        scope = f"repository:{repository}:pull" if repository else "registry:catalog:*"
        return self._wire.get(path, scope, headers)

    def _body(self, response: requests.Response, limit: int, what: str) -> bytes:
        with self._wire.translated():
            body: bytes = response.raw.read(limit + 1, decode_content=True)
        if len(body) > limit:
            raise BadManifest(f"{what} from {self.host} is larger than {limit >> 20} MiB")
        return body

    def _check(self, response: requests.Response, what: str) -> None:
        if response.status_code not in (200, 206):
            with self._wire.translated():
                body = response.raw.read(64 * 1024, decode_content=True)
            refuse(response, body, what, self.host)

    def _patiently(self, action: Callable[[], T]) -> T:
        failures = 0
        while True:
            try:
                return action()
            except Again as again:
                failures += 1
                if again.nobody_there and failures >= self.patience.refused:
                    raise again.error from again
                self.pause(again, failures)

    def pause(self, again: Again, failures: int) -> None:
        """Wait before the next attempt; raises the error once there have been enough."""
        if failures >= self.patience.attempts or (again.after or 0) > _LONGEST_WAIT:
            raise again.error from again
        if self.cancelled.wait(self.patience.wait(failures, again.after)):
            raise Cancelled("cancelled")

    def _pages(self, path: str, repository: str, key: str, what: str) -> Iterator[str]:
        for _ in range(_PAGES):
            response, body = self._patiently(lambda at=path: self._page(at, repository, what))  # type: ignore[misc]
            yield from _strings(body, key, self.host)
            link = response.links.get("next", {}).get("url", "")
            if not link:
                return
            path = urljoin(response.url, link)
            if origin(path) != origin(self._wire.base):
                raise RegistryError(f"registry {self.host} continues its list on another host")

    def _page(self, path: str, repository: str, what: str) -> tuple[requests.Response, bytes]:
        with self._get(path, repository, {"Accept": "application/json"}) as response:
            self._check(response, what)
            return response, self._body(response, LIST_LIMIT, "list")

    def _explained(self, error: ManifestUnknown, path: str, name: str) -> ManifestUnknown:
        """Say which half of the reference is wrong, if the registry can tell."""
        shown = familiar(f"{self.host}/{path}")
        try:
            tags = self.tags(path)
        except ManifestUnknown:
            return ManifestUnknown(error.message, f"{self.host} has no repository {shown}")
        except EngineError:
            return error
        if is_digest(name):
            return ManifestUnknown(error.message, f"{shown} is there, but holds no such digest")
        listed = ", ".join(tags[-8:]) or "no tags at all"
        return ManifestUnknown(error.message, f"{shown} has: {listed}")


class Stream:
    """The bytes of a blob on their way; use it as a context manager."""

    def __init__(self, response: requests.Response, wire: Wire, start: int) -> None:
        self._response = response
        self._wire = wire
        self.start = start
        """Offset of the first byte; 0 when the registry did not honour the range."""

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()

    def read(self) -> bytes:
        """The next bytes, b"" at the end. Raises Again when the connection breaks."""
        with self._wire.translated():
            chunk: bytes = self._response.raw.read(CHUNK, decode_content=False)
        if self._wire.cancelled.is_set():
            raise Cancelled("cancelled")
        return chunk

    def up_to(self, limit: int) -> Iterator[bytes]:
        """All of it, if it is at most `limit` bytes. Raises SizeMismatch."""
        left = limit
        while chunk := self.read():
            left -= len(chunk)
            if left < 0:
                raise SizeMismatch(f"registry {self._wire.host} sent more than {limit} bytes")
            yield chunk


def refuse(response: requests.Response, body: bytes, what: str, host: str) -> None:
    """Raise the error that a status stands for."""
    code, text = reason(body)
    status = response.status_code
    said = f": {text}" if text else ""
    if status == 429:
        error = RateLimited(
            f"registry {host} asks to slow down: toomanyrequests{said}",
            "wait a while, or log in: registries give known users more",
        )
        raise Again(error, retry_after(response.headers.get("Retry-After", "")))
    if status in (408, 500, 502, 503, 504):
        error_ = Unreachable(
            f"registry {host} is out of order (HTTP {status}){said}", "try again later"
        )
        raise Again(error_, retry_after(response.headers.get("Retry-After", "")))
    if status in (401, 403) or code in ("UNAUTHORIZED", "DENIED"):
        raise AuthenticationRequired(
            f"pull access denied for {what}: repository does not exist or may require"
            f" 'docker login'{said}",
            "check the name; credentials are read from ~/.docker/config.json",
        )
    if status == 404:
        raise ManifestUnknown(f"{what} not found: {(text or 'manifest unknown').lower()}")
    raise RegistryError(f"registry {host} answered HTTP {status} for {what}{said}")


def reason(body: bytes) -> tuple[str, str]:
    """Code and message of the first error in a registry's answer, empty where it has none."""
    try:
        first = json.loads(body)["errors"][0]
        return clean(str(first.get("code", ""))), clean(str(first.get("message", "")))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return "", ""


def clean(text: str) -> str:
    """What a stranger wrote, safe for a terminal: no control or bidi characters, not long."""
    return "".join(c if c.isprintable() else " " for c in text[:200]).strip()


def retry_after(value: str) -> float | None:
    """Seconds to wait, from a number or a date (RFC 9110); None when it says nothing."""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _start(response: requests.Response, offset: int) -> int | None:
    """Where a body begins that was asked for from `offset` on; None: useless."""
    if response.status_code == 200:
        return 0
    if response.status_code == 206:
        found = re.match(r"bytes (\d{1,18})-\d+/", response.headers.get("Content-Range", ""))
        return offset if found and int(found[1]) == offset else None
    return None if response.status_code == 416 else offset


def _document(response: requests.Response, body: bytes, name: str) -> Document:
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    promised = name if is_digest(name) else response.headers.get("Docker-Content-Digest", digest)
    if promised.startswith("sha256:") and promised != digest:
        raise DigestMismatch(f"manifest verification failed for digest {clean(promised)}")
    return Document(response.headers.get("Content-Type", ""), body, digest)


def _strings(body: bytes, key: str, host: str) -> list[str]:
    try:
        found = json.loads(body)[key] or []
        return [each for each in found if isinstance(each, str)]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RegistryError(f"registry {host} sent a list that is none") from error
