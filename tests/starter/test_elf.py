"""The ELF reader, on files of this machine and on files made by hand."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tuidock.engine.images.elf import Elf, Loader, NotElf, read, read_cache


def make_elf(path: Path, *, needed: tuple[str, ...] = (), runpath: str = "") -> Path:
    """A 64-bit library for this machine that holds nothing but a dynamic section."""
    strings = b"\0"
    dynamic = b""
    for tag, text in [(1, name) for name in needed] + [(29, runpath)] * bool(runpath):
        dynamic += struct.pack("<qQ", tag, len(strings))
        strings += text.encode() + b"\0"
    at = 64 + 2 * 56
    dynamic += struct.pack("<qQ", 5, at) + struct.pack("<qQ", 0, 0)
    size = at + len(strings) + len(dynamic)
    machine = read(sys.executable).machine
    header = b"\x7fELF" + bytes([*machine[:2], 1]) + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 3, machine[2], 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0, size, size, 4096)
    table = at + len(strings)
    dyn = struct.pack("<IIQQQQQQ", 2, 4, table, table, table, len(dynamic), len(dynamic), 8)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(header + load + dyn + strings + dynamic)
    return path


@pytest.mark.parametrize("tool", ["sh", "ls", "python3", "ps"])
def test_finds_what_the_dynamic_linker_loads(tool: str) -> None:
    """Our closure and `ldd` agree on every library."""
    path = sys.executable if tool == "python3" else shutil.which(tool)
    assert path
    listing = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
    loaded = {line.split()[0] for line in listing.splitlines() if " => " in line}
    found = {name for name in Loader().closure(path) if not name.startswith("ld-")}
    assert found == loaded


def test_reads_the_interpreter() -> None:
    interpreter = read(sys.executable).interpreter
    assert Path(interpreter).exists()
    assert "ld" in interpreter


def test_a_runpath_is_searched_first_with_origin_replaced(tmp_path: Path) -> None:
    """Fails when $ORIGIN stays as it is: libc.so.6 is then found elsewhere."""
    user = make_elf(tmp_path / "bin/user", needed=("libc.so.6",), runpath="$ORIGIN/../lib")
    own = make_elf(tmp_path / "lib/libc.so.6")
    found = Loader().closure(str(user))
    assert Path(found["libc.so.6"]).resolve() == own


def test_needs_are_followed_through_needs(tmp_path: Path) -> None:
    make_elf(tmp_path / "libc.so")
    make_elf(tmp_path / "libb.so", needed=("libc.so", "liba.so"))  # a circle is no trap
    make_elf(tmp_path / "liba.so", needed=("libb.so",))
    top = make_elf(tmp_path / "top", needed=("liba.so",))
    assert set(Loader().closure(str(top))) == {"liba.so", "libb.so", "libc.so"}


def test_a_library_of_another_machine_is_passed_over(tmp_path: Path) -> None:
    """Fails when only the name counts: the first hit is a file for another processor."""
    user = make_elf(tmp_path / "user", needed=("libx.so",), runpath=f"{tmp_path}/a:{tmp_path}/b")
    foreign = make_elf(tmp_path / "a/libx.so")
    content = bytearray(foreign.read_bytes())
    content[18:20] = struct.pack("<H", 0xFFFE)
    foreign.write_bytes(content)
    make_elf(tmp_path / "b/libx.so")
    assert Loader().closure(str(user)) == {"libx.so": f"{tmp_path}/b/libx.so"}


def test_a_missing_library_is_named(tmp_path: Path) -> None:
    user = make_elf(tmp_path / "user", needed=("libnowhere.so.7",))
    with pytest.raises(FileNotFoundError, match=r"libnowhere\.so\.7"):
        Loader().closure(str(user))


def test_what_is_no_elf_is_refused(tmp_path: Path) -> None:
    good = make_elf(tmp_path / "good", needed=("liba.so",)).read_bytes()
    for content in (b"", b"#!/bin/sh\n", good[:70], good[:-40], good[:64] + b"\xff" * 200):
        (tmp_path / "bad").write_bytes(content)
        try:
            assert isinstance(read(str(tmp_path / "bad")), Elf)  # cut behind what is read
        except NotElf:
            continue
        assert content[:4] == b"\x7fELF"


def test_without_a_cache_the_directories_serve(tmp_path: Path) -> None:
    assert read_cache(str(tmp_path / "none")) == {}
    assert "libc.so.6" in Loader(cache=str(tmp_path / "none")).closure(str(shutil.which("ls")))
