"""What is left of a removed container: its log, bounded in number, size and age."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tuidock.engine.containers import remains
from tuidock.engine.containers.records import Record
from tuidock.engine.containers.remains import keep, log, removed, sweep
from tuidock.engine.layout import Layout
from tuidock.engine.types import ContainerSpec


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(f"{tmp_path}/root", f"{tmp_path}/run")


def gone(layout: Layout, name: str, size: int = 10) -> str:
    """The id of a container that said something, and was removed."""
    container_id = name * 8
    os.makedirs(layout.container(container_id))
    for file in ("log", "log.1"):
        with open(f"{layout.container(container_id)}/{file}", "wb") as written:
            written.write(b"x" * size)
    spec = ContainerSpec("busybox")
    keep(layout, Record(container_id, name, "busybox", "", 0.0, (), spec, (), 0))
    return container_id


def test_the_last_removed_is_the_first(layout: Layout) -> None:
    ids = [gone(layout, name) for name in ("web", "api")]
    assert [it.name for it in removed(layout)] == ["api", "web"]
    assert removed(layout)[0].code is None
    assert sorted(os.listdir(os.path.dirname(log(layout, ids[0])))) == [
        "about.json",
        "log",
        "log.1",
    ]
    assert log(layout, "nobody") == log(layout, "..") == ""


def test_one_that_said_nothing_leaves_nothing(layout: Layout) -> None:
    gone(layout, "mute", size=0)
    assert removed(layout) == []
    assert not os.path.exists(layout.remains("mute" * 8))


def test_only_some_are_kept(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without `KEPT`: whoever runs a thousand with --rm would fill the directory."""
    monkeypatch.setattr(remains, "KEPT", 2)
    ids = [gone(layout, name) for name in ("a", "b", "c")]
    assert [it.name for it in removed(layout)] == ["c", "b"]
    assert not os.path.exists(layout.remains(ids[0]))


def test_only_so_much_is_kept(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without `BYTES`: large logs would fill the disk that `rm` was to free."""
    monkeypatch.setattr(remains, "BYTES", 5000)
    for name in ("a", "b", "c"):
        gone(layout, name, size=1000)
    assert [it.name for it in removed(layout)] == ["c", "b"]
    gone(layout, "huge", size=3000)
    assert "huge" not in [it.name for it in removed(layout)]


def test_nothing_is_kept_for_long(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without `AGE`: what was removed would be there for ever."""
    old = gone(layout, "old")
    monkeypatch.setattr(remains, "AGE", -1.0)
    assert removed(layout) == []
    sweep(layout)
    assert not os.path.exists(layout.remains(old))


def test_a_removal_does_not_fail_for_what_it_leaves(layout: Layout) -> None:
    """Fails when a file in the way, as a full disk would, comes up as an error."""
    os.makedirs(layout.root)
    with open(f"{layout.root}/removed", "wb"):
        pass
    container_id = gone(layout, "web")
    assert os.path.exists(f"{layout.container(container_id)}/log"), "the rest erases it"


def test_a_note_of_another_version_is_swept(layout: Layout) -> None:
    """Fails when it is taken for ours: no container could be removed any more."""
    old = gone(layout, "old")
    with open(f"{layout.remains(old)}/about.json", "w", encoding="utf-8") as file:
        file.write('{"at": 1e12}')
    gone(layout, "new")
    assert [it.name for it in removed(layout)] == ["new"]
    assert not os.path.exists(layout.remains(old))
