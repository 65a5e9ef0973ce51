"""Who may see the interface in a browser: whoever has the address that was printed.

Knows names, tokens and headers, and nothing of sockets. Invariant: a request is let in only if it
names this machine's loopback as its host, comes from no other origin's page, and shows the token
or the cookie that the token was changed for.
"""

from __future__ import annotations

import enum
import hmac
import secrets
from collections.abc import Mapping

LOOPBACK = ("127.0.0.1", "localhost")
"""Hosts that a browser may call us by; with another name a stranger's page could be behind it."""


class Answer(enum.Enum):
    """What becomes of a request."""

    REFUSED = "refused"
    CHANGE = "change"
    """The token was right: give the cookie, and an address without the token."""
    WELCOME = "welcome"


class Guard:
    """One run of the server. Token and cookie are of 256 random bits, and end with it."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)
        self.cookie = secrets.token_urlsafe(32)
        self.cookie_name = f"tuidock-{secrets.token_hex(4)}"
        """Cookies do not know ports: two servers on this machine must not share one."""

    def judge(
        self,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        cookies: Mapping[str, str],
    ) -> Answer:
        """`path` without the query; `headers` in any case that their mapping understands."""
        if not self._from_here(path, headers):
            return Answer.REFUSED
        if path == "/" and "token" in query:
            return Answer.CHANGE if _same(query["token"], self.token) else Answer.REFUSED
        known = _same(cookies.get(self.cookie_name, ""), self.cookie)
        return Answer.WELCOME if known else Answer.REFUSED

    def _from_here(self, path: str, headers: Mapping[str, str]) -> bool:
        """Against DNS rebinding the host, against foreign pages the origin.

        Browsers always name the origin of a websocket, so one without is no browser of ours.
        """
        host = headers.get("Host", "")
        if host.rpartition(":")[0] not in LOOPBACK and host not in LOOPBACK:
            return False
        origin = headers.get("Origin", "" if path == "/ws" else f"http://{host}")
        return origin == f"http://{host}"


def _same(given: str, right: str) -> bool:
    """In a time that tells nothing of how much of it is right."""
    return hmac.compare_digest(given.encode(), right.encode())


HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "font-src 'self' data:; img-src 'self' data:; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
}
"""Of every answer: nothing is kept, told to others, framed, or fetched from elsewhere."""
