"""Who a command runs as: docker's USER strings against /etc/passwd and /etc/group of the image.

Invariant: numbers are strict and fit the kernel, files are read below the given root only,
at most a few MiB of them, and no name service of the host is ever asked.
"""

from __future__ import annotations

from tuidock.engine.errors import StartFailed
from tuidock.engine.linux.openat2 import read_small
from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Reader = Callable[[str], bytes]
    """The content of a regular file below the root, at most MAX_FILE; raises OSError."""

MAX_FILE = 4 * 1024 * 1024
"""Bytes of /etc/passwd or /etc/group that are read; a longer file is refused."""
MAX_ID = 2**32 - 2
"""2**32 - 1 means `unchanged` to the kernel."""
MAX_GROUPS = 65536


class User(NamedTuple):
    """A resolved user."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    """Supplementary groups, among them `gid`, as at a login: a program that is setgid could
    otherwise shed the group that bars its user from a file (CVE-2022-36109)."""
    home: str


def below(root: int) -> Reader:
    """Reads below the directory open as `root`, in this process."""
    return lambda path: read_small(root, path, MAX_FILE)


def resolve(read: Reader, text: str, added: tuple[str, ...] = ()) -> User:
    """Resolve `user[:group]`, names or numbers, by the files that `read` reads.

    A number need not be in the files. A group in `text` leaves no supplementary groups but
    itself and those `added`, as docker does. Raises StartFailed.
    """
    name, colon, group = text.partition(":")
    if colon and not group:
        raise StartFailed(f"invalid user {text!r}")
    entry = _find_user(read, name or "0")
    groups = _group_lines(read) if group or entry[0] or added else []
    gid = _find_group(groups, group) if group else entry[2]
    members = set() if group else {g for _, g, who in groups if entry[0] and entry[0] in who}
    members |= {_find_group(groups, each) for each in added}
    members.add(gid)
    return User(entry[1], gid, tuple(sorted(members))[:MAX_GROUPS], entry[3])


def _find_user(read: Reader, wanted: str) -> tuple[str, int, int, str]:
    """(name, uid, gid, home); the name is empty for a number that the file does not know."""
    uid = _number(wanted)
    for line in _lines(read, "/etc/passwd"):
        fields = line.split(":")
        if len(fields) < 7 or (known := _number(fields[2])) is None:
            continue
        if fields[0] == wanted or known == uid:
            return fields[0], known, _number(fields[3]) or 0, fields[5] or "/"
    if uid is None:
        raise StartFailed(
            f"unable to find user {wanted}: no matching entries in passwd file",
            "name a user of the image, or a number",
        )
    return "", uid, 0, "/root" if uid == 0 else "/"


def _group_lines(read: Reader) -> list[tuple[str, int, list[str]]]:
    found = []
    for line in _lines(read, "/etc/group"):
        fields = line.split(":")
        if len(fields) >= 4 and (gid := _number(fields[2])) is not None:
            found.append((fields[0], gid, fields[3].split(",")))
    return found


def _find_group(groups: list[tuple[str, int, list[str]]], wanted: str) -> int:
    gid = _number(wanted)
    for name, known, _ in groups:
        if name == wanted:
            return known
    if gid is None:
        raise StartFailed(f"unable to find group {wanted}: no matching entries in group file")
    return gid


def _number(text: str) -> int | None:
    """Decimal digits only; None for a name. Raises StartFailed for what no id can be."""
    if not (text.isascii() and text.isdigit()):
        return None
    if len(text) > 10 or int(text) > MAX_ID:
        raise StartFailed(f"user or group id {text[:20]} is out of range")
    return int(text)


def _lines(read: Reader, path: str) -> list[str]:
    try:
        content = read(path)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StartFailed(f"cannot read {path} of the image: {error.strerror}") from error
    return content.decode("utf-8", "surrogateescape").splitlines()
