"""Netlink messages that pyroute2 encoded once, with holes for what differs between containers.

Loading pyroute2 costs more than all of `tuidock run` may. But the engine sends only a dozen kinds
of messages, and from one container to the next only fixed-size fields change: addresses,
indices, ports. So each message is encoded once with a marker in each such field, cut at the
markers, and kept in the run directory (gone at the next boot, and made again for a changed
program). Invariant: filling a stencil gives the very bytes that pyroute2 would.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping

from tuidock.engine.named import NamedTuple

ADDRESS = bytes((251, 23, 199, 87))
"""Of the class E block, so never a real one. It also is the tail of the MAC address."""
MARKERS: dict[str, bytes] = {
    "address": ADDRESS,
    "veth": b"td~~~~~~~~v~~~~",
    "master": b"\x1b\x2a\x3f\x4e",
    "netns": b"\x4d\x5c\x6b\x7a",
    "mtu": b"\x6f\x3b\x21\x45",
    "index": b"\x5e\x41\x37\x29",
    "bound": b"\xd1\xa3\x11\x7e\xd2\xa4\x12\x7f\xd3\xa5\x13\x6e",
    "any": b"\xc1\xb3\x21\x5e\xc2\xb4\x22\x5f",
    "target": b"\xe1\x93\x31\x3e\xe2\x94\x32\x3f",
}


class Hole(NamedTuple):
    """A place to fill in."""

    name: str


Stencil = tuple[bytes | Hole, ...]
Stencils = dict[str, Stencil]


def marker_number(name: str) -> int:
    """A 32 bit marker as the number that encodes to it on this machine."""
    return int.from_bytes(MARKERS[name], sys.byteorder)


def number(value: int) -> bytes:
    """A 32 bit field in the machine's byte order."""
    return value.to_bytes(4, sys.byteorder)


def cut(message: bytes) -> Stencil:
    """Split a message at its markers."""
    pieces: list[bytes | Hole] = [message]
    for name, marker in MARKERS.items():
        cut_pieces: list[bytes | Hole] = []
        for piece in pieces:
            cut_pieces += [piece] if isinstance(piece, Hole) else _split(piece, name, marker)
        pieces = cut_pieces
    return tuple(pieces)


def _split(piece: bytes, name: str, marker: bytes) -> list[bytes | Hole]:
    parts: list[bytes | Hole] = []
    for part in piece.split(marker):
        parts += [part, Hole(name)]
    return parts[:-1]


def fill(stencil: Stencil, values: Mapping[str, bytes]) -> bytes:
    """The message with every hole filled. Raises KeyError, ValueError: a programming error."""
    return b"".join(
        piece if isinstance(piece, bytes) else _checked(piece.name, values[piece.name])
        for piece in stencil
    )


def _checked(name: str, value: bytes) -> bytes:
    if len(value) != len(MARKERS[name]):
        raise ValueError(f"{name} takes {len(MARKERS[name])} bytes, not {len(value)}")
    return value


# --- on disk ------------------------------------------------------------------------------


def load(path: str, key: str, encode: Callable[[], Mapping[str, bytes]]) -> Stencils:
    """The stencils kept at `path` under `key`; made by `encode` and kept when they are not there.

    A file that cannot be read as such is replaced; one that cannot be written costs only time.
    """
    try:
        with open(path, encoding="ascii") as file:
            kept = json.load(file)
        if kept["key"] == key:
            return {name: _parse(pieces) for name, pieces in kept["stencils"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # not there yet, of another version, or torn by a full disk
    made = {name: cut(message) for name, message in encode().items()}
    _keep(path, key, made)
    return made


def _keep(path: str, key: str, stencils: Stencils) -> None:
    text = {name: [_spell(piece) for piece in pieces] for name, pieces in stencils.items()}
    temporary = f"{path}.{os.getpid()}"
    try:
        with open(temporary, "w", encoding="ascii") as file:
            json.dump({"key": key, "stencils": text}, file)
        os.replace(temporary, path)
    except OSError:
        return


def _spell(piece: bytes | Hole) -> str:
    return f"<{piece.name}>" if isinstance(piece, Hole) else piece.hex()


def _parse(pieces: list[str]) -> Stencil:
    return tuple(
        Hole(piece[1:-1]) if piece.startswith("<") else bytes.fromhex(piece) for piece in pieces
    )
