"""Whiteouts and opaque marks, seen through a real overlay mount."""

from __future__ import annotations

import os

import pytest

from tests.layers.archives import directory, file, hardlink, opaque, whiteout
from tests.layers.conftest import Merge, Unpack, content


def test_whiteout_deletes_what_is_below(unpack: Unpack, merge: Merge) -> None:
    lower = unpack(directory("d"), file("d/gone"), file("d/kept"))
    with merge([lower, unpack(directory("d"), whiteout("d/gone"))]) as root:
        assert os.listdir(f"{root}/d") == ["kept"]


@pytest.mark.parametrize("first", ["whiteout", "file"])
def test_whiteout_spares_its_own_layer(unpack: Unpack, merge: Merge, first: str) -> None:
    """Seen to fail with a whiteout that unlinks whatever has the name."""
    lower = unpack(file("f", b"old"), directory("d"), file("d/old"))
    members = [whiteout("f"), whiteout("d"), file("f", b"new"), directory("d"), file("d/new")]
    upper = unpack(*members if first == "whiteout" else members[2:] + members[:2])
    assert not upper.dependent
    with merge([lower, upper]) as root:
        assert content(f"{root}/f") == b"new"
        assert os.listdir(f"{root}/d") == ["new"]


def test_whiteout_of_a_directory_that_is_only_implied(unpack: Unpack, merge: Merge) -> None:
    lower = unpack(directory("d", 0o700), file("d/old"))
    upper = unpack(whiteout("d"), file("d/new"))
    assert not upper.dependent
    with merge([lower, upper]) as root:
        assert os.listdir(f"{root}/d") == ["new"]
        assert os.stat(f"{root}/d").st_mode & 0o777 == 0o755


@pytest.mark.parametrize("mark_first", [True, False])
def test_opaque_hides_lower_content_only(unpack: Unpack, merge: Merge, mark_first: bool) -> None:
    lower = unpack(directory("d"), file("d/old"), directory("d/sub"), file("d/sub/old"))
    members = [opaque("d"), file("d/new"), directory("d/sub"), file("d/sub/new")]
    with merge([lower, unpack(directory("d"), *members[:: 1 if mark_first else -1])]) as root:
        assert sorted(os.listdir(f"{root}/d")) == ["new", "sub"]
        assert os.listdir(f"{root}/d/sub") == ["new"]


def test_opaque_root_hides_every_lower_layer(unpack: Unpack, merge: Merge) -> None:
    """Overlayfs does not look at the mark there; seen to fail while keys() kept lower layers."""
    with merge([unpack(file("old")), unpack(opaque(), file("new"))]) as root:
        assert os.listdir(root) == ["new"]


def test_whiteout_is_invisible_in_a_directory_of_one_layer(unpack: Unpack, merge: Merge) -> None:
    """Seen to fail without the empty `origin` attribute: readdir then showed `ghost`."""
    with merge([unpack(file("x")), unpack(directory("d"), whiteout("d/ghost"))]) as root:
        assert os.listdir(f"{root}/d") == []


def test_whiteout_in_the_lowest_layer_is_invisible(unpack: Unpack, merge: Merge) -> None:
    with merge([unpack(whiteout("ghost"), directory("d"), whiteout("d/ghost"))]) as root:
        assert os.listdir(root) == ["d"]
        assert os.listdir(f"{root}/d") == []


def test_renamed_by_whiteout_and_hard_link(unpack: Unpack, merge: Merge) -> None:
    """Seen to fail while a hard link took the whiteout for its target."""
    lower = unpack(file("old", b"content", 0o640, uid=7))
    with merge([lower, unpack(whiteout("old"), hardlink("new", "old"))]) as root:
        assert os.listdir(root) == ["new"]
        assert content(f"{root}/new") == b"content"
        assert os.stat(f"{root}/new").st_uid == 7


def test_later_layer_brings_back_what_was_deleted(unpack: Unpack, merge: Merge) -> None:
    base = unpack(directory("d"), file("d/f", b"1"))
    gone = unpack(directory("d"), whiteout("d/f"))
    back = unpack(directory("d"), file("d/f", b"2"))
    with merge([base, gone, back]) as root:
        assert content(f"{root}/d/f") == b"2"


def test_aufs_entries_are_ignored(unpack: Unpack, merge: Merge) -> None:
    odd = [file(".wh..wh.aufs"), directory(".wh..wh.plnk"), file(".wh..wh.plnk/1.2", b"x")]
    with merge([unpack(*odd, file("f"))]) as root:
        assert os.listdir(root) == ["f"]
