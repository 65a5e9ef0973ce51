"""What an ELF file needs to run: its interpreter and its libraries, found as ld.so finds them.

Invariant: a file is read, never executed; a file that is not ELF is nothing's requirement.
The words are those of the System V ABI and of ld.so(8).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

from tuidock.engine.named import NamedTuple

PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NULL, DT_NEEDED, DT_STRTAB, DT_RPATH, DT_RUNPATH = 0, 1, 5, 15, 29
CACHE = "/etc/ld.so.cache"
CACHE_MAGIC = b"glibc-ld.so.cache1.1"
DEFAULT_DIRECTORIES = ("/lib", "/usr/lib", "/lib64", "/usr/lib64")


class NotElf(ValueError):
    """The file is no ELF file, or a broken one."""


class Segment(NamedTuple):
    """A program header."""

    kind: int
    offset: int
    address: int
    size: int


class Elf(NamedTuple):
    """The part of an ELF file that the loader acts on."""

    path: str
    machine: tuple[int, int, int]
    """Class, byte order and e_machine: equal for files that can share a process."""
    interpreter: str
    """PT_INTERP, empty for a library or a static program."""
    needed: tuple[str, ...]
    """DT_NEEDED: sonames in the order in which they are searched."""
    search: tuple[str, ...]
    """DT_RUNPATH, or DT_RPATH without one, with $ORIGIN replaced."""


def read(path: str) -> Elf:
    """Read the headers of a file. Raises NotElf, OSError."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:4] != b"\x7fELF":
        raise NotElf(path)
    try:
        return _parse(path, data)
    except (struct.error, IndexError, ValueError) as error:
        raise NotElf(f"{path}: {error}") from error


def _parse(path: str, data: bytes) -> Elf:
    wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
    segments = list(_segments(data, wide, order))
    dynamic = list(_dynamic(data, segments, wide, order))
    strings = next((value for tag, value in dynamic if tag == DT_STRTAB), 0)
    origin = os.path.dirname(os.path.realpath(path))

    def text(offset: int) -> str:
        return _string(data, _file_offset(segments, strings) + offset)

    def texts(wanted: int) -> list[str]:
        return [text(value) for tag, value in dynamic if tag == wanted]

    paths = ":".join(texts(DT_RUNPATH) or texts(DT_RPATH))
    return Elf(
        path=path,
        machine=(data[4], data[5], struct.unpack_from(f"{order}H", data, 18)[0]),
        interpreter=next((_string(data, s.offset) for s in segments if s.kind == PT_INTERP), ""),
        needed=tuple(texts(DT_NEEDED)),
        search=tuple(_expand(part, origin) for part in paths.split(":") if part),
    )


def _segments(data: bytes, wide: bool, order: str) -> Iterator[Segment]:
    table = struct.unpack_from(order + ("Q" if wide else "I"), data, 32 if wide else 28)[0]
    size, count = struct.unpack_from(f"{order}HH", data, 54 if wide else 42)
    for at in range(table, table + size * count, size):
        if wide:
            kind, _, offset, address, _, length = struct.unpack_from(f"{order}IIQQQQ", data, at)
        else:
            kind, offset, address, _, length = struct.unpack_from(f"{order}IIIII", data, at)
        yield Segment(kind, offset, address, length)


def _dynamic(
    data: bytes, segments: list[Segment], wide: bool, order: str
) -> Iterator[tuple[int, int]]:
    pair = struct.Struct(order + ("qQ" if wide else "iI"))
    for segment in segments:
        if segment.kind == PT_DYNAMIC:
            table = data[segment.offset : segment.offset + segment.size // pair.size * pair.size]
            for tag, value in pair.iter_unpack(table):
                if tag == DT_NULL:
                    break
                yield tag, value


def _file_offset(segments: list[Segment], address: int) -> int:
    for segment in segments:
        if segment.kind == PT_LOAD and segment.address <= address < segment.address + segment.size:
            return address - segment.address + segment.offset
    raise ValueError(f"address {address:#x} is in no segment")


def _string(data: bytes, offset: int) -> str:
    return data[offset : data.index(b"\0", offset)].decode()


def _expand(path: str, origin: str) -> str:
    return path.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)


# --- searching ------------------------------------------------------------------------------


class Loader:
    """Finds libraries as the dynamic linker of this machine would, environment aside."""

    def __init__(self, cache: str = CACHE) -> None:
        self.cache = read_cache(cache)

    def find(self, name: str, by: Elf) -> str | None:
        """Path of the library that `by` calls `name`, of the same machine; None without one."""
        # The last two stand for the multiarch directory that ld.so has built in.
        own = os.path.dirname(os.path.realpath(by.interpreter)) if by.interpreter else ""
        directories = (*by.search, *DEFAULT_DIRECTORIES, os.path.dirname(by.path), own)
        candidates = [f"{directory}/{name}" for directory in directories if directory]
        candidates[len(by.search) : len(by.search)] = self.cache.get(name, [])
        return next((path for path in candidates if _fits(path, by)), None)

    def closure(self, path: str) -> dict[str, str]:
        """Every library that a program or library needs, its needs included: name to path.

        Raises NotElf for the first file, FileNotFoundError for a library that is nowhere.
        """
        found: dict[str, str] = {}
        waiting = [read(path)]
        while waiting:
            user = waiting.pop()
            for name in user.needed:
                if name not in found:
                    found[name] = self._require(name, user)
                    waiting.append(read(found[name]))
        return found

    def _require(self, name: str, by: Elf) -> str:
        if path := self.find(name, by):
            return path
        raise FileNotFoundError(2, f"library {name} not found for {by.path}", name)


def _fits(path: str, by: Elf) -> bool:
    try:
        return read(path).machine == by.machine
    except (OSError, NotElf):
        return False


def read_cache(path: str) -> dict[str, list[str]]:
    """Library names to paths, as ldconfig(8) wrote them; empty where there is no such cache."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return {}
    start = data.find(CACHE_MAGIC)  # an old-format cache may stand before it
    if start < 0:
        return {}
    libraries: dict[str, list[str]] = {}
    (count,) = struct.unpack_from("=I", data, start + len(CACHE_MAGIC))
    for entry in range(count):
        _, key, value = struct.unpack_from("=iII", data, start + 48 + 24 * entry)
        libraries.setdefault(_string(data, start + key), []).append(_string(data, start + value))
    return libraries
