"""Registries read without pulling: lists in pages, and what a tag holds."""

from __future__ import annotations

import json
import threading

import pytest

from tests import busybox
from tests.images import faulty as faults
from tests.images.faulty import FaultyRegistry
from tests.images.tars import tar_of
from tests.registry_fixture import DebianRegistry, make_image
from tuidock.engine.errors import (
    AuthenticationRequired,
    BadReference,
    ManifestUnknown,
    RegistryError,
    Unreachable,
)
from tuidock.engine.images.service import Images
from tuidock.engine.types import Platform


def pages(faulty: FaultyRegistry, key: str, lists: list[list[str]], link: str) -> faults.Fault:
    """Answers page by page; `link` is what the next page's address begins with."""
    numbers = iter(range(len(lists)))

    def fault(reply: faults.Reply, _: faults.Seen) -> None:
        number = next(numbers)
        reply.status, reply.body = 200, json.dumps({key: lists[number]}).encode()
        if number + 1 < len(lists):
            reply.headers["Link"] = f'<{link}?n=2&last={number}>; rel="next"'

    return fault


@pytest.mark.registry
def test_a_real_registry(registry: DebianRegistry, images: Images) -> None:
    made = make_image([tar_of({"a": b"1"})], busybox.config())
    for tag in ("1", "2", "latest"):
        registry.push("browse/here", tag, made)
    assert "browse/here" in images.catalog(registry.address)
    assert set(images.tags(f"{registry.address}/browse/here")) == {"1", "2", "latest"}
    with pytest.raises(ManifestUnknown, match="not found: repository name not known"):
        images.tags(f"{registry.address}/browse/nowhere")


def test_lists_come_in_pages(faulty: FaultyRegistry, images: Images) -> None:
    """Fails when only the first page is read."""
    faulty.always["tags"] = pages(faulty, "tags", [["b", "a"], ["c"], []], "/v2/x/tags/list")
    assert images.tags(f"{faulty.address}/x") == ["b", "a", "c"]
    full = f"http://{faulty.address}/v2/_catalog"
    faulty.always["catalog"] = pages(faulty, "repositories", [["y"], ["x"]], full)
    assert images.catalog(faulty.address) == ["x", "y"]


def test_the_next_page_is_on_the_same_host(faulty: FaultyRegistry, images: Images) -> None:
    """Fails when a Link header may send us, and our credentials, anywhere."""
    faulty.always["tags"] = pages(faulty, "tags", [["a"], ["b"]], "http://127.0.0.1:1/v2/x")
    with pytest.raises(RegistryError, match="another host"):
        images.tags(f"{faulty.address}/x")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"tags":5}', b'{"other":[]}', b"{" * 10_000])
def test_a_list_that_is_none(faulty: FaultyRegistry, images: Images, body: bytes) -> None:
    def fault(reply: faults.Reply, _: faults.Seen) -> None:
        reply.status, reply.body = 200, body

    faulty.always["tags"] = fault
    with pytest.raises(RegistryError, match="a list that is none"):
        images.tags(f"{faulty.address}/x")


def test_names_are_safe_to_print(faulty: FaultyRegistry, images: Images) -> None:
    lists = [["ok", "\x1b[2J", "evil\u202e", 5]]
    faulty.always["tags"] = pages(faulty, "tags", lists, "")  # type: ignore[arg-type]
    assert images.tags(f"{faulty.address}/x") == ["ok"]
    faulty.always["catalog"] = pages(faulty, "repositories", lists, "")  # type: ignore[arg-type]
    assert all(name.isprintable() for name in images.catalog(faulty.address))


def test_a_registry_that_does_not_tell(faulty: FaultyRegistry, images: Images) -> None:
    for code, kind in ((401, AuthenticationRequired), (404, ManifestUnknown)):
        faulty.always["catalog"] = faults.status(code)
        with pytest.raises(kind, match="does not list its repositories"):
            images.catalog(faulty.address)
    with pytest.raises(Unreachable):
        images.catalog("127.0.0.1:1")


@pytest.mark.parametrize("host", ["", "a b", "x/y/", "http://x", "127.0.0.1:5000/..", "nohost"])
def test_what_is_no_host(images: Images, host: str) -> None:
    with pytest.raises(BadReference):
        images.catalog(host)


def test_what_a_tag_holds(faulty: FaultyRegistry, images: Images) -> None:
    base = tar_of({"base": b"1"})
    reference = faulty.hold("x", "one", make_image([base], busybox.config()))
    made = make_image([base, tar_of({"top": b"2"})], busybox.config(Labels={"a": "b"}))
    other = faulty.hold("x", "two", made)
    images.pull(reference, "", lambda _: None, threading.Event())
    shown = images.describe(other)
    assert shown.reference == other
    assert shown.digest == made.digest
    assert [layer.present for layer in shown.layers] == [True, False]
    assert [layer.size for layer in shown.layers] == [len(layer) for layer in made.layers]
    assert shown.config["config"]["Labels"] == {"a": "b"}  # type: ignore[index]
    assert len(images.list()) == 1


@pytest.mark.registry
def test_the_platforms_of_a_tag(registry: DebianRegistry, images: Images) -> None:
    offers = []
    for arch in ("amd64", "arm64"):
        config = json.dumps({"architecture": arch, "os": "linux"}).encode()
        offers.append(
            (make_image([tar_of({arch: b""})], config), {"os": "linux", "architecture": arch})
        )
    digest = registry.push_index("browse/two", "latest", offers)
    shown = images.describe(f"{registry.address}/browse/two", "linux/arm64")
    assert shown.digest == digest
    assert shown.platform == Platform("linux", "arm64")
    assert shown.platforms == (Platform("linux", "amd64"), Platform("linux", "arm64"))


def test_a_platform_that_was_asked_for_is_not_swapped(
    faulty: FaultyRegistry, images: Images
) -> None:
    """Fails when a manifest without an index is taken whatever it is for."""
    config = json.dumps({"architecture": "s390x", "os": "linux"}).encode()
    reference = faulty.hold("x", "latest", make_image([tar_of({"a": b""})], config))
    with pytest.raises(ManifestUnknown, match="does not provide the specified platform"):
        images.describe(reference, "linux/amd64")
    assert images.describe(reference).platform.architecture == "s390x"
