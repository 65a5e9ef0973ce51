"""Layers whose content is decided by what lies beneath: fitted, and never shared by diff id."""

from __future__ import annotations

import os

import pytest

from tests.layers.archives import directory, file, hardlink, opaque, symlink, whiteout
from tests.layers.conftest import Merge, Unpack, content, look
from tuidock.engine.errors import ContentError
from tuidock.engine.images.layers import LayerStore
from tuidock.engine.images.layers.store import chain_ids


def test_implied_parent_keeps_lower_attributes(unpack: Unpack, merge: Merge) -> None:
    """Seen to fail while implied directories were left as mkdir made them."""
    lower = unpack(
        directory("d", 0o2750, uid=5, gid=6, mtime=1_500_000_000.25),
        directory("d/e", 0o1777, uid=8, pax_headers={"SCHILY.xattr.user.note": "low"}),
        file("d/e/old"),
    )
    upper = unpack(file("d/e/new"))
    assert upper.dependent
    with merge([lower, upper]) as root:
        tree = look(root)
    assert (tree["d"].mode, tree["d"].owner) == (0o2750, (5, 6))
    assert tree["d"].mtime == 1_500_000_000_250_000_000
    assert (tree["d/e"].mode, tree["d/e"].owner) == (0o1777, (8, 0))
    assert tree["d/e"].xattrs == (("user.note", b"low"),)
    assert tree["d/e"].mtime == 1_600_000_000_000_000_000
    assert {"d/e/old", "d/e/new"} <= tree.keys()


def test_path_below_a_lower_link_lands_where_it_points(unpack: Unpack, merge: Merge) -> None:
    """usr-merge: a package of an older world in a layer over a newer one."""
    lower = unpack(
        directory("usr", 0o711), directory("usr/bin", 0o755, uid=3), symlink("bin", "usr/bin")
    )
    upper = unpack(file("bin/tool", b"x", 0o755), file("bin/deep/er/tool", b"y"))
    with merge([lower, upper]) as root:
        assert os.readlink(f"{root}/bin") == "usr/bin"
        assert content(f"{root}/usr/bin/tool") == b"x"
        assert content(f"{root}/bin/deep/er/tool") == b"y"
        assert os.stat(f"{root}/usr").st_mode & 0o777 == 0o711
        assert os.stat(f"{root}/usr/bin").st_uid == 3


@pytest.mark.parametrize("target", ["/usr/bin", "../../../usr/bin", "hop", "./usr/../usr/bin/"])
def test_every_kind_of_lower_link(unpack: Unpack, merge: Merge, target: str) -> None:
    lower = unpack(directory("usr"), directory("usr/bin"), symlink("bin", target))
    hop = unpack(symlink("hop", "/usr/bin"))
    with merge([lower, hop, unpack(file("bin/tool", b"x"))]) as root:
        assert os.path.islink(f"{root}/bin")
        assert content(f"{root}/usr/bin/tool") == b"x"


def test_listed_directory_replaces_a_lower_link(unpack: Unpack, merge: Merge) -> None:
    """As every engine does: only an implied directory follows."""
    lower = unpack(directory("usr"), file("usr/old"), symlink("bin", "usr"))
    upper = unpack(directory("bin"), file("bin/tool"))
    assert not upper.dependent
    with merge([lower, upper]) as root:
        assert not os.path.islink(f"{root}/bin")
        assert os.listdir(f"{root}/bin") == ["tool"]


def test_whiteout_and_opaque_through_a_lower_link(unpack: Unpack, merge: Merge) -> None:
    lower = unpack(
        *(directory("real"), file("real/a"), file("real/b"), symlink("one", "real")),
        *(directory("full"), file("full/old"), symlink("two", "full")),
    )
    with merge([lower, unpack(whiteout("one/a"), opaque("two"), file("two/new"))]) as root:
        assert os.listdir(f"{root}/real") == ["b"]
        assert os.listdir(f"{root}/full") == ["new"]


def test_content_moved_onto_what_the_layer_lists_there(unpack: Unpack, merge: Merge) -> None:
    lower = unpack(directory("usr"), directory("usr/lib", uid=1), symlink("lib", "usr/lib"))
    upper = unpack(
        directory("usr", 0o700, mtime=77),
        directory("usr/lib", 0o701, mtime=78),
        directory("usr/lib/x", 0o702, mtime=79),
        file("usr/lib/x/1"),
        file("lib/x/2"),
        file("lib/3"),
        whiteout("lib/x"),
    )
    with merge([lower, upper]) as root:
        tree = look(root)
    assert {path for path in tree if tree[path].kind == "-"} == {
        "usr/lib/x/1",
        "usr/lib/x/2",
        "usr/lib/3",
    }
    for path, mode, mtime in [("usr", 0o700, 77), ("usr/lib", 0o701, 78), ("usr/lib/x", 0o702, 79)]:
        assert (tree[path].mode, tree[path].mtime) == (mode, mtime * 10**9)


def test_hard_link_to_a_lower_file(unpack: Unpack, merge: Merge) -> None:
    """The target is copied up, so that the names are one file, as in any other engine."""
    lower = unpack(
        directory("d", 0o711, uid=4),
        file("d/f", b"content", 0o4755, uid=9, pax_headers={"SCHILY.xattr.user.note": "hi"}),
    )
    upper = unpack(hardlink("one", "d/f"), hardlink("e/two", "/d/f"))
    with merge([lower, upper]) as root:
        tree = look(root)
    assert tree["d/f"].names == tree["one"].names == ("d/f", "e/two", "one")
    assert (tree["one"].content, tree["one"].mode, tree["one"].owner) == (
        b"content",
        0o4755,
        (9, 0),
    )
    assert tree["one"].xattrs == (("user.note", b"hi"),)
    assert tree["one"].mtime == 1_600_000_000_000_000_000
    assert (tree["d"].mode, tree["d"].owner) == (0o711, (4, 0))


def test_hard_link_to_a_lower_symbolic_link(unpack: Unpack, merge: Merge) -> None:
    with merge([unpack(symlink("l", "/nowhere")), unpack(hardlink("m", "l"))]) as root:
        assert os.readlink(f"{root}/m") == "/nowhere"


def test_hard_link_through_a_lower_link(unpack: Unpack, merge: Merge) -> None:
    lower = unpack(directory("usr"), file("usr/f", b"x"), symlink("s", "usr"))
    with merge([lower, unpack(hardlink("s/g", "s/f"))]) as root:
        assert look(root)["usr/g"].names == ("usr/f", "usr/g")


def test_hard_link_to_nothing(unpack: Unpack, layers: LayerStore) -> None:
    with pytest.raises(ContentError, match="does not exist"):
        layers.settle([unpack(file("x")), unpack(hardlink("a", "missing"))])


def test_dependent_layer_belongs_to_its_chain(unpack: Unpack, layers: LayerStore) -> None:
    """One diff id over two bases: two directories, and the shared ones stay as they were."""
    bases = [unpack(directory("d", mode), file("x", b"%o" % mode)) for mode in (0o700, 0o711)]
    chains = [(base.diff_id, layers.settle([base, unpack(file("d/f"))])) for base in bases]
    diff_id = unpack(file("d/f")).diff_id
    assert not layers.known(diff_id)
    keys = [keys for _, keys in chains]
    assert keys[0][1] != keys[1][1]
    for (base_id, got), mode in zip(chains, (0o700, 0o711), strict=True):
        assert layers.keys([base_id, diff_id]) == got
        assert got[1] == chain_ids([base_id, diff_id])[1].removeprefix("sha256:")
        assert os.stat(f"{layers.directory(got[1])}/d").st_mode & 0o777 == mode


def test_lower_layers_are_never_changed(unpack: Unpack, layers: LayerStore) -> None:
    lower = unpack(directory("usr"), file("usr/f", b"x"), symlink("s", "usr"), directory("d"))
    (key,) = layers.settle([lower])
    before = look(layers.directory(key))
    upper = unpack(file("s/new"), hardlink("link", "usr/f"), file("d/x"))
    assert layers.settle([lower.diff_id, upper])[0] == key
    assert look(layers.directory(key)) == before


def test_independent_layer_is_shared(unpack: Unpack, layers: LayerStore) -> None:
    top = unpack(directory("d"), file("d/f"))
    one = layers.settle([unpack(file("one")), top])
    assert layers.known(top.diff_id)
    two = layers.settle([unpack(file("two")), top.diff_id])
    assert one[1] == two[1] == top.diff_id.removeprefix("sha256:")


def test_same_layer_twice_in_a_chain(unpack: Unpack, merge: Merge) -> None:
    """Overlayfs refuses a directory that comes twice; the upper one is what counts."""
    first = unpack(file("f", b"1"))
    with merge([first, unpack(file("f", b"2")), first.diff_id]) as root:
        assert content(f"{root}/f") == b"1"


def test_missing_layers(unpack: Unpack, layers: LayerStore) -> None:
    here, nowhere = unpack(file("f")), "sha256:" + "0" * 64
    layers.settle([here])
    assert layers.keys([here.diff_id]) == [here.diff_id[7:]]
    assert layers.keys([here.diff_id, nowhere]) is None
    assert not layers.known(nowhere)
