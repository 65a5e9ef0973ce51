"""A program that is nothing but machine code and a page of data, for any machine."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

_PAGE = 4096
DATA = 0x500000
"""Where the page of data is; zeros follow it."""
_QEMU = "qemu-aarch64"
RUNNERS: dict[str, tuple[str, ...]] = {
    os.uname().machine: (),
    **({"aarch64": (_QEMU,)} if shutil.which(_QEMU) else {}),
}
"""How a machine's programs run here; without an emulator only our own."""


def program(name: str, code: bytes, data: bytes) -> bytes:
    """An ELF file, begun at the first instruction of `code`."""
    ident = b"\x7fELF" + bytes((2, 1, 1)).ljust(12, b"\0")
    kind = (2, {"x86_64": 62, "aarch64": 183}[name], 1)
    header = ident + struct.pack("<HHIQQQIHHHHHH", *kind, 0x4000B0, 64, 0, 0, 64, 56, 2, 64, 0, 0)
    size = 0xB0 + len(code)
    text = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0, size, size, _PAGE)
    place = struct.pack("<IIQQQQQQ", 1, 6, _PAGE, DATA, 0, len(data), 0x10000, _PAGE)
    return (header + text + place + code).ljust(_PAGE, b"\0") + data


def run(
    name: str, code: bytes, data: bytes, folder: Path, given: bytes, said: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run it with a file as its input, and a pipe or a file for what it says."""
    path = folder / "program"
    path.write_bytes(program(name, code, data))
    path.chmod(0o700)
    (folder / "input").write_bytes(given)
    words = (*RUNNERS[name], str(path))
    with (folder / "input").open("rb") as file:
        if said is None:
            return subprocess.run(words, stdin=file, capture_output=True, check=False)
        with said.open("w+b") as out:
            return subprocess.run(words, stdin=file, stdout=out, check=False)
