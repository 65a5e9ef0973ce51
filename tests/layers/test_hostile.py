"""Layers that were made to do harm; the rows are those of the checklist they come from."""

from __future__ import annotations

import gzip
import os
import stat
import struct
import tarfile
from collections.abc import Callable

import pytest
import zstandard

from tests import root_only
from tests.layers import archives
from tests.layers.archives import END, directory, file, hardlink, header, opaque, padded, symlink
from tests.layers.conftest import Merge, Unpack, content, feed
from tuidock.engine.errors import ContentError, UnsafeLayer
from tuidock.engine.images.layers import LayerStore, Unpacking
from tuidock.engine.layout import Layout

REACHING = ["../out", "a/../../out", "./../../../../out", "/../out"]


@pytest.mark.parametrize("name", REACHING)
def test_name_that_leaves(unpack: Unpack, layout: Layout, name: str) -> None:
    """Row 1. Seen to fail with `clean` that dropped `..` without counting."""
    with pytest.raises(UnsafeLayer, match="leaves the layer"):
        unpack(file(name, b"x"))
    assert os.listdir(layout.ingest) == []


def test_absolute_names_count_from_the_root(unpack: Unpack) -> None:
    layer = unpack(directory("/etc"), file("//etc//passwd", b"mine"), file("a/../etc/b/./c"))
    assert content(f"{layer.directory}/etc/passwd") == b"mine"
    assert os.path.exists(f"{layer.directory}/etc/b/c")


@pytest.mark.parametrize("target", ["/etc", "../../../../../../../etc", "/proc/self/root/etc"])
def test_write_through_an_earlier_link(unpack: Unpack, target: str) -> None:
    """Row 2: the way leads on inside the layer, whatever the host has there.

    Seen to fail with directories opened without O_NOFOLLOW.
    """
    layer = unpack(symlink("link", target), file("link/tuidock-test", b"x"))
    assert not os.path.exists("/etc/tuidock-test")
    inside = "proc/self/root/etc" if "proc" in target else "etc"
    assert content(f"{layer.directory}/{inside}/tuidock-test") == b"x"


def test_write_through_a_link_of_a_lower_layer(unpack: Unpack, merge: Merge) -> None:
    """Row 2, with two layers: settling resolves inside the merged tree.

    Seen to fail with `resolve` returning its path as it is.
    """
    lower = unpack(symlink("link", "../../../../../../etc"))
    with merge([lower, unpack(file("link/tuidock-test", b"x"))]) as root:
        assert content(f"{root}/etc/tuidock-test") == b"x"
    assert not os.path.exists("/etc/tuidock-test")


def test_file_does_not_follow_a_link_of_its_name(unpack: Unpack) -> None:
    """Row 2. Seen to fail with open(2) without O_EXCL and O_NOFOLLOW."""
    layer = unpack(file("victim", b"old"), symlink("f", "victim"), file("f", b"new"))
    assert content(f"{layer.directory}/victim") == b"old"
    assert not os.path.islink(f"{layer.directory}/f")


def test_loops_of_links(unpack: Unpack, layers: LayerStore) -> None:
    """Row 2: a loop is an error, in one layer and between two."""
    with pytest.raises(UnsafeLayer, match="symbolic links"):
        unpack(symlink("a", "b"), symlink("b", "a"), file("a/f"))
    with pytest.raises(ContentError, match="symbolic links"):
        layers.settle([unpack(symlink("a", "b"), symlink("b", "a")), unpack(file("a/f"))])


def test_chain_of_links_as_long_as_a_path(unpack: Unpack) -> None:
    """Row 2: the shape of CVE-2025-4517, a path that outgrows PATH_MAX while it is resolved."""
    members = []
    deep = ""
    for letter in "abcdefghijklmnop":
        name = letter * 247
        members += [directory(deep + name), symlink(deep + letter, name)]
        deep += letter + "/"
    members += [
        symlink(deep + "l" * 254, "../" * 16),
        symlink("escape", deep + "l" * 254 + "/../.."),
    ]
    layer = unpack(*members, file("escape/out", b"x"))
    assert content(f"{layer.directory}/out") == b"x"


@pytest.mark.parametrize("name", [".", "./", "/", "a/.."])
def test_root_that_is_something_else(unpack: Unpack, name: str) -> None:
    """Row 3. Seen to fail when the empty path was unpacked like any other."""
    for made in (symlink(name, "/etc"), file(name), hardlink(name, "x")):
        with pytest.raises(UnsafeLayer, match="root of the layer"):
            unpack(made)


def test_hard_link_out(unpack: Unpack, layers: LayerStore) -> None:
    """Row 4. Seen to fail with targets that were not made clean."""
    with pytest.raises(UnsafeLayer):
        unpack(hardlink("l", "../../etc/shadow"))
    with pytest.raises(ContentError, match="does not exist"):
        layers.settle([unpack(hardlink("l", "/etc/shadow"))])
    with pytest.raises(ContentError, match="does not exist"):
        layers.settle([unpack(symlink("e", "/etc"), hardlink("l", "e/shadow"))])


def test_hard_link_does_not_follow(unpack: Unpack) -> None:
    """Row 4: a hard link to a symbolic link is that link. Seen to fail with a link by path."""
    layer = unpack(symlink("s", "/etc/shadow"), hardlink("l", "s"))
    assert os.readlink(f"{layer.directory}/l") == "/etc/shadow"


def test_hard_link_to_a_directory(unpack: Unpack, layers: LayerStore) -> None:
    with pytest.raises(ContentError, match="to a directory"):
        unpack(directory("d"), hardlink("l", "d"))
    with pytest.raises(ContentError, match="to a directory"):
        layers.settle([unpack(directory("d")), unpack(hardlink("l", "d"))])


def test_hard_link_to_itself(unpack: Unpack) -> None:
    """Seen to lose the file when the name was cleared before it was linked."""
    layer = unpack(file("f", b"x"), hardlink("f", "./f"))
    assert content(f"{layer.directory}/f") == b"x"


@pytest.mark.parametrize("name", [".wh.", ".wh..", ".wh...", "d/.wh..", "d/.wh...", ".wh.d/f"])
def test_whiteout_of_what_is_no_name(unpack: Unpack, name: str) -> None:
    """Row 5. Seen to fail without the look at what follows the prefix."""
    with pytest.raises(UnsafeLayer, match="whiteout"):
        unpack(directory("d"), file(name))


def test_opaque_then_added_again(unpack: Unpack, merge: Merge) -> None:
    """Row 5. Seen to fail with `hide` doing nothing."""
    low = unpack(directory("d"), file("d/a"), file("d/b"))
    high = unpack(directory("d"), file("d/a", b"new"), opaque("d"))
    with merge([low, high]) as root:
        assert os.listdir(f"{root}/d") == ["a"]
        assert content(f"{root}/d/a") == b"new"


XATTRS = {
    "SCHILY.xattr.user.overlay.opaque": "y",
    "SCHILY.xattr.user.overlay.redirect": "/lower",
    "SCHILY.xattr.user.overlay.whiteout": "",
    "SCHILY.xattr.trusted.overlay.opaque": "y",
    "SCHILY.xattr.trusted.overlay.redirect": "/lower",
    "SCHILY.xattr.user.tuidock.listed": "",
    "SCHILY.xattr.security.selinux": "label",
    "SCHILY.xattr.user.fine": "kept",
}


def test_overlay_attributes_never_act(unpack: Unpack, merge: Merge) -> None:
    """Row 6. Seen to fail with the prefixes left out of `kept_xattrs`."""
    lower = unpack(directory("d"), file("d/seen"))
    made = [directory("d", pax_headers=XATTRS), file("f", pax_headers=XATTRS)]
    upper = unpack(*made)
    for name in ("d", "f"):
        assert os.listxattr(f"{upper.directory}/{name}") == ["user.fine"]
    with merge([lower, upper]) as root:
        assert os.listdir(f"{root}/d") == ["seen"]


def test_device_zero_zero_is_a_whiteout_of_lower_layers_only(unpack: Unpack, merge: Merge) -> None:
    """Row 6: overlayfs takes such a device for a whiteout; it must not undo its own layer.

    Seen to fail when it was made like any other device.
    """
    device = archives.member("f", tarfile.CHRTYPE, 0o600)
    with merge([unpack(file("f", b"old")), unpack(file("f", b"new"), device)]) as root:
        assert content(f"{root}/f") == b"new"


@pytest.mark.root(root_only.DEVICES)
def test_special_files(unpack: Unpack) -> None:
    """Row 7: kept as they are; the root is closed to others, and mounts are `nodev`."""
    capability = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)
    record = b"SCHILY.xattr.security.capability=" + capability + b"\n"
    record = b"%d " % (len(record) + 3) + record
    data = header(b"x", b"x", len(record)) + padded(record) + header(b"ping", mode=b"0000755\0")
    node = archives.archive(
        [archives.member("mem", tarfile.CHRTYPE, 0o640, devmajor=1, devminor=1)]
    )
    layer = unpack(data=data + header(b"su", mode=b"0006755\0", uid=b"0000005\0") + node)
    assert os.getxattr(f"{layer.directory}/ping", "security.capability") == capability
    assert os.stat(f"{layer.directory}/su").st_mode & 0o7777 == 0o6755
    status = os.stat(f"{layer.directory}/mem")
    assert stat.S_ISCHR(status.st_mode)
    assert status.st_rdev == os.makedev(1, 1)


def test_ingest_is_closed_to_others(unpack: Unpack, layout: Layout) -> None:
    """Row 7: setuid files lie there as they will run. Seen to fail with mkdir's usual mode."""
    layer = unpack(file("su", b"", 0o4755))
    for path in (layout.root, layout.ingest, layout.layers, os.path.dirname(layer.directory)):
        assert os.stat(path).st_mode & 0o077 == 0


# --- bombs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_decompression_bomb(layers: LayerStore, compress: Callable[[bytes], bytes]) -> None:
    """Row 8: far beyond the ratio; stopped after about 1 GiB, long before the end.

    Seen to fail (by writing everything) without `_count`.
    """
    start, part = compress(header(b"zeros", length=7 << 30)), compress(bytes(64 << 20))
    with pytest.raises(UnsafeLayer, match="times its size"):
        feed(layers, start + part * (7 << 4))


def test_sparse_bomb(unpack: Unpack) -> None:
    """Row 8: a file of 4 EiB in a kilobyte. Seen to fail without the look at `apparent`."""
    records = {"GNU.sparse.size": str(1 << 62), "GNU.sparse.map": "0,0"}
    with pytest.raises(UnsafeLayer, match="a file of"):
        unpack(file("f", pax_headers=records))


@pytest.mark.parametrize("flag", [b"x", b"g", b"L", b"K"])
def test_huge_extended_header(unpack: Unpack, flag: bytes) -> None:
    """Row 8: refused by its size field, before a byte of it is read.

    Seen to fail (by the end of the stream) without the look at the size.
    """
    with pytest.raises(UnsafeLayer, match="extended header"):
        unpack(data=header(b"x", flag, 1 << 30))


def test_too_many_global_headers(unpack: Unpack) -> None:
    """Row 8: each of them small, together without end. Seen to fail without the sum in `merge`."""
    blocks = []
    for number in range(3):
        record = b"user%d=" % number + b"x" * 500_000 + b"\n"
        record = b"%d " % (len(record) + 7) + record
        blocks += [header(b"g", b"g", len(record)), padded(record)]
    with pytest.raises(UnsafeLayer, match="global"):
        unpack(data=b"".join(blocks) + END)


def test_endless_sparse_map(unpack: Unpack) -> None:
    """Row 8: an old GNU map whose every block says that another follows.

    Seen to fail (by the end of the stream) without `_bounded`.
    """
    block = (b"00000000000\0" * 42).ljust(504, b"\0") + b"\1" + bytes(7)
    first = header(b"f", b"S", prefix=bytes(137) + b"\1", magic=b"ustar  \0")
    with pytest.raises(UnsafeLayer, match="too long"):
        unpack(data=first + block * 9000)


def test_path_too_long_or_too_deep(unpack: Unpack) -> None:
    for name in ("x" * 5000, "d/" * 1500 + "f", "y" * 300):
        with pytest.raises(ContentError):
            unpack(file(name))


def test_deep_directories_come_and_go(unpack: Unpack) -> None:
    """A thousand levels: no recursion, no descriptor for each."""
    layer = unpack(file("d/" * 1000 + "f"), file("d"), file("d2/" * 1000 + "f"))
    assert os.listdir(layer.directory) == ["d", "d2"] or os.listdir(layer.directory) == ["d2", "d"]
    layer.discard()
    assert not os.path.exists(layer.directory)


def test_path_below_a_file(unpack: Unpack) -> None:
    with pytest.raises(ContentError, match="not a directory"):
        unpack(file("f"), file("f/g"))


# --- the cage -----------------------------------------------------------------------------------


def test_feeding_goes_on_no_longer_than_the_child(layers: LayerStore) -> None:
    """`write` raises what the child found as soon as the pipe breaks."""
    unpacking = layers.begin(archives.PLAIN)
    with pytest.raises(ContentError, match="not a number"):
        _write_on(unpacking)


def _write_on(unpacking: Unpacking) -> None:
    for _ in range(1000):
        unpacking.write(b"x" * (1 << 16))
