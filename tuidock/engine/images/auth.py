"""Who we are to a registry: the authorisation dialogue as a generator, without any I/O.

Invariant: a credential leaves only towards the origin it was given for, or towards the token
server (realm) that this origin itself named over a connection nobody could bend: https, or
loopback. A 401 from anywhere else, such as the target of a redirect, is not listened to
(CVE-2020-15157). Follows the distribution token specification and RFC 7235.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Generator, Mapping
from urllib.parse import urlencode, urlsplit

from tuidock.engine.errors import AuthenticationRequired
from tuidock.engine.images.reference import DOCKER_HUB, is_loopback
from tuidock.engine.named import NamedTuple

_PARAMETER = re.compile(r'([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.){0,2000})"|([^\s,"]{1,2000}))')
_SCHEME = re.compile(r"(?:^|,)\s*(Bearer|Basic)(?=\s|$)", re.IGNORECASE)


class Request(NamedTuple):
    """One HTTP request, before anything was sent."""

    method: str
    url: str
    headers: dict[str, str]


class Answer(NamedTuple):
    """What the dialogue must know of a response."""

    status: int
    url: str
    """Where it really came from, after redirects."""
    headers: Mapping[str, str]
    body: bytes = b""
    """Read for token servers only."""


class Credentials(NamedTuple):
    """A user and a password, or a token as password."""

    user: str
    password: str

    @property
    def basic(self) -> str:
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def __repr__(self) -> str:
        return f"Credentials({self.user!r}, ***)"


class Challenge(NamedTuple):
    """One scheme of a WWW-Authenticate header."""

    scheme: str
    parameters: dict[str, str]


Steps = Generator[Request, Answer, None]


class Authorisation:
    """The state of one client towards one registry: its credentials and the tokens it got."""

    def __init__(self, base: str, credentials: Credentials | None) -> None:
        self.base = base
        self.credentials = credentials
        self._headers: dict[str, str] = {}
        """Scope -> value of the Authorization header."""

    def steps(self, request: Request, scope: str) -> Steps:
        """Yield requests, receive answers, until the last answer is the one to use.

        At most three: as we are, for a token, and again with it. Raises
        AuthenticationRequired when the challenge is one that must not be answered.
        """
        answer = yield self._signed(request, scope)
        if answer.status != 401 or origin(answer.url) != origin(self.base):
            return
        challenge = strongest(answer.headers.get("WWW-Authenticate", ""))
        if challenge is None:
            return
        if challenge.scheme == "basic":
            if self.credentials is None or self._headers.get(scope) == self.credentials.basic:
                return
            self._headers[scope] = self.credentials.basic
        else:
            token = yield self._token_request(challenge, scope)
            self._headers[scope] = f"Bearer {read_token(token)}"
        yield self._signed(request, scope)

    def _signed(self, request: Request, scope: str) -> Request:
        value = self._headers.get(scope)
        if value is None or origin(request.url) != origin(self.base):
            return request
        return request._replace(headers={**request.headers, "Authorization": value})

    def _token_request(self, challenge: Challenge, scope: str) -> Request:
        """Ask for what we need ourselves: the scope the registry proposes could ask for more."""
        realm = challenge.parameters.get("realm", "")
        self._check_realm(realm)
        query = {"scope": scope}
        if "service" in challenge.parameters:
            query["service"] = challenge.parameters["service"]
        headers = {"Accept": "application/json"}
        if self.credentials is not None:
            query["account"] = self.credentials.user
            headers["Authorization"] = self.credentials.basic
        joint = "&" if urlsplit(realm).query else "?"
        return Request("GET", f"{realm}{joint}{urlencode(query)}", headers)

    def _check_realm(self, realm: str) -> None:
        """https, or this machine; and whoever speaks plain HTTP names nobody but itself."""
        try:
            target = urlsplit(realm)
            local = is_loopback(target.netloc)
            plain = urlsplit(self.base).scheme == "http"
            allowed = local and plain if target.scheme == "http" else target.scheme == "https"
            foreign = plain and not local
        except ValueError:
            allowed, foreign = False, True
        if not allowed or foreign or "@" in target.netloc or not target.netloc:
            raise AuthenticationRequired(
                f"registry {urlsplit(self.base).netloc} names an unsafe token server",
                "nothing was sent to it; only https servers may hand out tokens",
            )


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what a browser would call the same origin."""
    parts = urlsplit(url)
    return (
        parts.scheme,
        parts.hostname or "",
        parts.port or (443 if parts.scheme == "https" else 80),
    )


def strongest(header: str) -> Challenge | None:
    """The challenge to answer: bearer before basic, None when there is neither."""
    found = {challenge.scheme: challenge for challenge in challenges(header)}
    return found.get("bearer") or found.get("basic")


def challenges(header: str) -> list[Challenge]:
    """Take a WWW-Authenticate header apart; what is not understood is left out."""
    header = header[:8192]
    starts = list(_SCHEME.finditer(header))
    ends = [match.start() for match in starts[1:]] + [len(header)]
    return [
        Challenge(start[1].lower(), _parameters(header[start.end() : end]))
        for start, end in zip(starts, ends, strict=False)  # no start still has an end
    ]


def _parameters(text: str) -> dict[str, str]:
    return {
        match[1].lower(): re.sub(r"\\(.)", r"\1", match[2] or match[3] or "")
        for match in _PARAMETER.finditer(text)
    }


def read_token(answer: Answer) -> str:
    """The token in a token server's answer. Raises AuthenticationRequired."""
    host = urlsplit(answer.url).netloc
    if answer.status in (400, 401, 403):
        raise AuthenticationRequired(
            f"{host} refused the login: incorrect username or password",
            "check the credentials in ~/.docker/config.json",
        )
    try:
        document = json.loads(answer.body) if answer.status == 200 else {}
        token = document.get("token") or document.get("access_token")
    except (ValueError, AttributeError, RecursionError):
        token = None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise AuthenticationRequired(f"token server {host} gave no token (HTTP {answer.status})")
    return token


def stored_credentials(host: str, path: str = "") -> Credentials | None:
    """What docker's config file holds for a registry; a file that cannot be read holds nothing."""
    place = path or os.path.join(
        os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker"), "config.json"
    )
    try:
        with open(place, "rb") as file:
            document = json.load(file)
        entries = document["auths"]
        found = [entries[key] for key in entries if _names(key, host)]
        return _credentials(found[0]) if found else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _names(key: str, host: str) -> bool:
    """Docker writes `host`, `https://host`, `https://host/v1/`; the Hub under its first name."""
    bare = key.removeprefix("https://").removeprefix("http://").partition("/")[0]
    if host == DOCKER_HUB:
        return bare in ("docker.io", "index.docker.io", "registry-1.docker.io")
    return bare == host


def _credentials(entry: Mapping[str, str]) -> Credentials | None:
    if entry.get("auth"):
        user, colon, password = base64.b64decode(entry["auth"]).decode().partition(":")
        return Credentials(user, password.rstrip("\0")) if colon else None
    if entry.get("username") and entry.get("password"):
        return Credentials(entry["username"], entry["password"])
    return None
