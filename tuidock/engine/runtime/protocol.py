"""The words between client, launcher, monitor and container: one byte, then the rest.

`{`: a JSON object. `0`: bytes for standard input, none meaning its end. `1`, `2`: bytes from
standard output and error. Each is one SOCK_SEQPACKET message.
"""

from __future__ import annotations

import json

from tuidock.engine.errors import MonitorGone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tuidock.engine.linux.sockets import Packets

STDIN, STDOUT, STDERR = b"0", b"1", b"2"
CHUNK = 64 * 1024
"""Bytes of output or input in one message, at most."""
GATE = "wait for the network"
"""The step of a start in which its client has the word."""


_JSON = json.JSONEncoder(separators=(",", ":"))


def encode(message: dict[str, Any]) -> bytes:
    """JSON starts with its own brace, so it needs no other mark."""
    return _JSON.encode(message).encode()


def tell(line: Packets, message: dict[str, Any]) -> None:
    """Send to somebody who need not be there any more."""
    try:
        line.send(encode(message))
    except OSError:
        return


def decode(message: bytes) -> dict[str, Any]:
    """{} for the end of the line. Raises MonitorGone for anything that is no object."""
    if not message:
        return {}
    try:
        found = json.loads(message)
    except ValueError as error:
        raise MonitorGone("unexpected answer of the monitor") from error
    if not isinstance(found, dict):
        raise MonitorGone("unexpected answer of the monitor")
    return found
