"""`-v`, `--mount` and `--tmpfs` as mounts."""

from __future__ import annotations

from argparse import Namespace

import pytest

from tuidock.cli.mounts import mounts
from tuidock.engine.errors import BadSpec
from tuidock.engine.types import Mount


def read(volume: str = "", mount: str = "", tmpfs: str = "") -> Mount:
    lists = {"volume": volume, "mount": mount, "tmpfs": tmpfs}
    (found,) = mounts(Namespace(**{key: [text] * bool(text) for key, text in lists.items()}))
    return found


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("type=bind,src=/a,dst=/b", Mount("bind", "/a", "/b")),
        ("type=bind,source=/a,target=/b,readonly", Mount("bind", "/a", "/b", readonly=True)),
        ("type=bind,src=/a,destination=/b,ro=true", Mount("bind", "/a", "/b", readonly=True)),
        ("type=bind,src=/a,dst=/b,readonly=false", Mount("bind", "/a", "/b")),
        ("type=bind,src=/a,dst=/b,idmap", Mount("bind", "/a", "/b", options=("idmap",))),
        (
            "type=bind,src=/a,dst=/b,bind-propagation=rshared",
            Mount("bind", "/a", "/b", options=("rshared",)),
        ),
        (
            "type=tmpfs,dst=/b,tmpfs-size=1m,tmpfs-mode=0700",
            Mount("tmpfs", "", "/b", options=("size=1048576", "mode=0700")),
        ),
    ],
)
def test_mount(text: str, wanted: Mount) -> None:
    assert read(mount=text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "type=bind,dst=/b",
        "type=bind,src=/a,dst=b",
        "type=bind,src=/a,dst=/b,readnoly",
        "type=bind,src=/a,dst=/b,readonly=maybe",
        "type=bind,src=/a,dst=/b,tmpfs-size=1m",
        "type=tmpfs,src=/a,dst=/b",
        "type=tmpfs,dst=/b,tmpfs-size=much",
        "type=tmpfs,dst=/b,tmpfs-mode=rwx",
        "type=nosuch,dst=/b",
    ],
)
def test_what_is_no_mount(text: str) -> None:
    """Fails when a key that is not known is passed over: `readnoly` would be writable."""
    with pytest.raises(BadSpec):
        read(mount=text)


def test_volume_and_tmpfs() -> None:
    assert read("/a:/b:ro") == Mount("bind", "/a", "/b", True, ("ro",))
    assert read("/a/../c:/b:idmap,z") == Mount("bind", "/c", "/b", False, ("idmap", "z"))
    assert read(tmpfs="/b:ro,size=1m") == Mount("tmpfs", "", "/b", True, ("ro", "size=1m"))


@pytest.mark.parametrize("text", ["/a", "/a:b", ":/b", "/a:/b:ro:rw", "name:/b"])
def test_what_is_no_volume(text: str) -> None:
    """Fails when what follows the third colon is passed over."""
    with pytest.raises(BadSpec):
        read(text)
