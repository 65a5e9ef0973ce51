"""HTTP to one registry: redirects, authorisation, deadlines and the sentence for each failure.

`requests` is known here and nowhere else. Invariants: plain HTTP goes to this machine only;
an Authorization header never follows a redirect to another origin; whatever a thread is
waiting for on a socket, `cut()` ends it.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, NoReturn
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.poolmanager import PoolManager

from tuidock import __version__
from tuidock.engine.errors import Cancelled, EngineError, RegistryError, Unreachable
from tuidock.engine.images.auth import (
    Answer,
    Authorisation,
    Credentials,
    Request,
    origin,
    stored_credentials,
)
from tuidock.engine.images.reference import DOCKER_HUB, is_loopback

MAXIMUM_REDIRECTS = 5
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_TOKEN_LIMIT = 64 * 1024


class Deadlines(NamedTuple):
    """Seconds a registry may take to accept a connection, and to send its next bytes."""

    connect: float = 10.0
    silence: float = 30.0


DEADLINES = Deadlines()


class Again(Exception):
    """Worth another attempt; `error` is what to raise when attempts have run out."""

    def __init__(
        self, error: EngineError, after: float | None = None, *, nobody_there: bool = False
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.nobody_there = nobody_there
        self.after = after
        """Seconds the registry asked us to wait, None when it did not say."""


class Wire:
    """One client's connections to one registry, for use by several threads."""

    def __init__(
        self,
        host: str,
        cancelled: threading.Event,
        deadlines: Deadlines = DEADLINES,
        credentials: Credentials | None = None,
    ) -> None:
        self.host = host
        self.base = base_url(host)
        self.cancelled = cancelled
        self.deadlines = deadlines
        self._auth = Authorisation(self.base, credentials or stored_credentials(host))
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._session = self._open_session()

    def get(self, path: str, scope: str, headers: dict[str, str]) -> requests.Response:
        """GET a path or URL of this registry; the body is not read yet.

        Raises Again when another attempt may help, RegistryError when not, Cancelled.
        """
        request = Request("GET", urljoin(self.base, path), headers)
        steps = self._auth.steps(request, scope)
        outgoing = next(steps)
        while True:
            response = self._follow(outgoing)
            try:
                outgoing = steps.send(self._answer(response, outgoing.url != request.url))
            except StopIteration:
                return response
            response.close()

    def cut(self) -> None:
        """End every transfer at once, from whichever thread."""
        for sock in list(self._sockets):
            try:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                continue  # already gone

    def close(self) -> None:
        self._session.close()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what requests and urllib3 raise into Again, RegistryError or Cancelled."""
        try:
            yield
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            if self.cancelled.is_set():
                raise Cancelled("cancelled") from error
            _refuse(self.host, error)

    def _follow(self, request: Request) -> requests.Response:
        for _ in range(MAXIMUM_REDIRECTS + 1):
            response = self._send(request)
            target = response.headers.get("Location", "")
            if response.status_code not in (301, 302, 303, 307, 308) or not target:
                return response
            response.close()
            request = redirected(request, target)
        raise RegistryError(f"registry {self.host} redirects in circles")

    def _send(self, request: Request) -> requests.Response:
        if self.cancelled.is_set():
            raise Cancelled("cancelled")
        headers = {"User-Agent": f"tuidock/{__version__}", "Accept-Encoding": "identity"}
        with self.translated():
            return self._session.request(
                request.method,
                request.url,
                headers={**headers, **request.headers},
                stream=True,
                allow_redirects=False,
                timeout=(self.deadlines.connect, self.deadlines.silence),
                proxies=_proxies(request.url),
            )

    def _answer(self, response: requests.Response, for_token: object) -> Answer:
        """What the dialogue sees; the body only of a token server's answer."""
        body = b""
        if for_token:
            with self.translated():
                body = response.raw.read(_TOKEN_LIMIT, decode_content=True)
        return Answer(response.status_code, response.url, response.headers, body)

    def _open_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False  # ~/.netrc is not ours to send; proxies are looked up by hand
        session.verify = _authorities()
        adapter = _Adapter(self._sockets)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        return session


def base_url(host: str) -> str:
    """Where a registry answers: TLS, but for this machine; the Hub has another name."""
    if host == DOCKER_HUB:
        return "https://registry-1.docker.io"
    return f"http://{host}" if is_loopback(host) else f"https://{host}"


def redirected(request: Request, location: str) -> Request:
    """The request to the place a redirect names, without our name when it is another origin.

    Raises RegistryError for a place no credentials-free request should go to either.
    """
    url = urljoin(request.url, location)
    before, after = urlsplit(request.url), urlsplit(url)
    secure = after.scheme == "https" or (
        after.scheme == before.scheme == "http" and is_loopback(after.netloc)
    )
    if not secure or "@" in after.netloc:
        raise RegistryError(f"registry {before.netloc} redirects to a place that is not safe")
    headers = dict(request.headers)
    if origin(url) != origin(request.url):
        headers.pop("Authorization", None)
    return Request(request.method, url, headers)


def _authorities() -> str | bool:
    """Whom to trust: what the environment says, else the system, else requests' own list."""
    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
    return named or (_AUTHORITIES if os.path.exists(_AUTHORITIES) else True)


def _proxies(url: str) -> dict[str, str]:
    if is_loopback(urlsplit(url).netloc):
        return {}
    return requests.utils.get_environ_proxies(url)


def _refuse(host: str, error: Exception) -> NoReturn:
    """One sentence for what a transport raised."""
    cause, nobody_there = _deepest(error), False
    if isinstance(cause, ssl.SSLCertVerificationError):
        raise Unreachable(
            f"registry {host} shows a certificate that is not trusted: {cause.verify_message}",
            "add its authority to the system's, or name a bundle in REQUESTS_CA_BUNDLE",
        ) from error
    if isinstance(cause, socket.gaierror):
        why, hint = "no such host", "check the name of the registry, and the network"
        nobody_there = True
    elif isinstance(cause, TimeoutError) or "timed out" in str(error):
        why, hint = "timed out", "check the network, or try again later"
    elif isinstance(cause, OSError) and cause.errno:
        why, hint = os.strerror(cause.errno).lower(), "is it running, and on this port?"
        nobody_there = isinstance(cause, ConnectionRefusedError)
    else:
        why, hint = "connection broken", "try again"
    unreachable = Unreachable(f"registry {host} cannot be reached: {why}", hint)
    raise Again(unreachable, nobody_there=nobody_there) from error


def _deepest(error: BaseException) -> BaseException:
    """The innermost reason that is an OSError of the system, else the error itself."""
    found, seen, queue = error, set[int](), [error]
    while queue:
        here = queue.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        if isinstance(here, OSError) and not isinstance(here, requests.RequestException):
            found = here
        inner = [here.__cause__, here.__context__, getattr(here, "reason", None), *here.args]
        queue += [each for each in inner if isinstance(each, BaseException)]
    return found


class _Adapter(HTTPAdapter):
    """Keeps an eye on every socket that its pools open."""

    def __init__(self, sockets: weakref.WeakSet[socket.socket]) -> None:
        self._pools = _watched_pools(sockets)
        super().__init__(pool_maxsize=8)

    def init_poolmanager(self, *args: object, **kwargs: object) -> None:
        super().init_poolmanager(*args, **kwargs)  # type: ignore[arg-type]
        self._watch(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: object) -> PoolManager:
        return self._watch(super().proxy_manager_for(proxy, **kwargs))

    def _watch(self, manager: PoolManager) -> PoolManager:
        manager.pool_classes_by_scheme = self._pools
        return manager


def _watched_pools(
    sockets: weakref.WeakSet[socket.socket],
) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            sockets.add(self.sock)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            sockets.add(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
