"""Registries that fail, lie and stall: what is mended, and the one sentence for what is not."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable

import pytest

from tests import busybox
from tests.images import faulty as faults
from tests.images.conftest import Pull
from tests.images.faulty import FaultyRegistry
from tests.images.tars import tar_of
from tests.registry_fixture import MadeImage, descriptor, make_image
from tuidock.engine.errors import (
    AuthenticationRequired,
    BadManifest,
    Cancelled,
    DigestMismatch,
    ManifestUnknown,
    RateLimited,
    RegistryError,
    SizeMismatch,
    Unreachable,
)
from tuidock.engine.events import LayerProgress, PullEvent
from tuidock.engine.images.pull import Puller
from tuidock.engine.images.service import Images
from tuidock.engine.layout import Layout

NOISE = random.Random(7).randbytes(900_000)
"""Does not compress, so that a layer has several chunks."""


def image() -> MadeImage:
    return make_image([tar_of({"noise": NOISE})], busybox.config())


def layer_path(faulty: FaultyRegistry, made: MadeImage) -> str:
    [path] = [p for p, (_, body) in faulty.contents.items() if body == made.layers[0]]
    return path


def of_layer(fault: faults.Fault, made: MadeImage) -> faults.Fault:
    """Only for the layer's blob, not for the config's."""

    def only(reply: faults.Reply, seen: faults.Seen) -> None:
        if len(reply.body) > 100_000 or seen.headers.get("Range"):
            fault(reply, seen)

    return only


def clean(layout: Layout) -> bool:
    """Nothing half-made is left."""
    return os.listdir(layout.ingest) in ([], [".lock"]) and os.listdir(layout.layers) == []


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("kind", ["manifest", "blob"])
def test_a_busy_registry_is_asked_again(
    faulty: FaultyRegistry, pull: Pull, code: int, kind: str
) -> None:
    """Fails without retries."""
    reference = faulty.hold("x", "latest", image())
    faulty.faults[kind] = [faults.status(code), faults.status(code, Retry_After="0")]
    assert pull(reference).new


def test_retry_after_is_obeyed(faulty: FaultyRegistry, pull: Pull) -> None:
    """Fails when our own, shorter, patience is taken instead."""
    reference = faulty.hold("x", "latest", image())
    faulty.faults["manifest"] = [faults.status(503, Retry_After="1")]
    began = time.monotonic()
    pull(reference)
    assert time.monotonic() - began >= 1


def test_a_rate_limit_for_hours_is_not_waited_for(faulty: FaultyRegistry, pull: Pull) -> None:
    reference = faulty.hold("x", "latest", image())
    faulty.faults["manifest"] = [faults.status(429, Retry_After="7200")]
    with pytest.raises(RateLimited, match="toomanyrequests") as caught:
        pull(reference)
    assert "log in" in caught.value.hint
    assert len(faulty.seen) == 1


def test_patience_ends(faulty: FaultyRegistry, pull: Pull, layout: Layout) -> None:
    reference = faulty.hold("x", "latest", image())
    faulty.always["manifest"] = faults.status(503)
    with pytest.raises(Unreachable, match="out of order"):
        pull(reference)
    assert len(faulty.seen) == 4
    assert clean(layout)


def test_a_cut_download_goes_on_where_it_was(faulty: FaultyRegistry, pull: Pull) -> None:
    """Fails when a retry begins at 0, or when a cut connection is taken for the end."""
    made = image()
    reference = faulty.hold("x", "latest", made)
    faulty.always["blob"] = _cut_each(made, 300_000)
    events: list[PullEvent] = []
    pull(reference, events=events)
    offsets = [seen.headers.get("Range", "") for seen in faulty.requests("blob")][1:]
    assert offsets[0] == ""
    starts = [int(text.removeprefix("bytes=").rstrip("-")) for text in offsets[1:]]
    assert starts
    assert starts == sorted(set(starts))
    assert min(starts) >= 128 * 1024
    assert any(isinstance(e, LayerProgress) and e.phase == "retrying" for e in events)


def _cut_each(made: MadeImage, after: int) -> faults.Fault:
    return of_layer(faults.cut(after), made)


def test_a_later_pull_resumes_and_reads_what_was_kept(
    faulty: FaultyRegistry, pull: Pull, layout: Layout
) -> None:
    """Fails when a broken pull keeps nothing, or when kept bytes are not hashed again."""
    made = image()
    reference = faulty.hold("x", "latest", made)
    faulty.faults["blob"] = [lambda *_: None, faults.cut(400_000), *[faults.status(404)] * 9]
    with pytest.raises(ManifestUnknown):
        pull(reference)
    [kept] = [name for name in os.listdir(layout.ingest) if name.startswith("blob-")]
    size = os.path.getsize(f"{layout.ingest}/{kept}")
    assert 0 < size <= 400_000
    faulty.faults.clear()
    faulty.seen.clear()
    assert pull(reference).new
    assert faulty.requests("blob")[1].headers["Range"] == f"bytes={size}-"
    assert os.listdir(layout.ingest) == [".lock"]


def test_damage_in_the_kept_part_costs_a_second_download_only(
    faulty: FaultyRegistry, pull: Pull, layout: Layout
) -> None:
    """Fails when the kept bytes are trusted, or when their damage is final."""
    made = image()
    reference = faulty.hold("x", "latest", made)
    kept = f"{layout.ingest}/blob-{faulty.hold('x', 'latest', made) and _hex(made)}"
    with open(kept, "wb") as file:
        file.write(b"\0" * 200_000)
    assert pull(reference).new
    asked = [seen.headers.get("Range") for seen in faulty.requests("blob")][1:]
    assert asked == ["bytes=200000-", None]


def _hex(made: MadeImage) -> str:
    return next(name for name, body in made.blobs.items() if body == made.layers[0])[7:]


@pytest.mark.parametrize("lie", ["whole", "shifted", "416"])
def test_a_range_that_is_none(faulty: FaultyRegistry, pull: Pull, layout: Layout, lie: str) -> None:
    """Fails when the offset of an answer is not compared with the one asked for."""
    made = image()
    reference = faulty.hold("x", "latest", made)
    answer: dict[str, Callable[[], faults.Fault]] = {
        "whole": lambda: faults.whole(made.layers[0]),
        "shifted": lambda: faults.shifted(-1000, made.layers[0]),
        "416": lambda: faults.status(416),
    }
    faulty.faults["blob"] = [lambda *_: None, faults.cut(300_000), answer[lie]()]
    assert pull(reference).new
    assert len(faulty.requests("blob")) >= 3


def test_a_stalled_registry_is_left(faulty: FaultyRegistry, pull: Pull) -> None:
    """Fails (by hanging) without a deadline for silence."""
    made = image()
    reference = faulty.hold("x", "latest", made)
    faulty.faults["blob"] = [lambda *_: None, faults.stall(10_000, faulty.over)]
    assert pull(reference).new


@pytest.mark.parametrize("at", [10, 450_000])
def test_a_flipped_bit_is_found(
    faulty: FaultyRegistry, pull: Pull, layout: Layout, images: Images, at: int
) -> None:
    """Fails when the blob is not hashed. Near its begin the archive is broken too."""
    made = image()
    reference = faulty.hold("x", "latest", made)
    faulty.always["blob"] = of_layer(faults.flip(at), made)
    with pytest.raises(DigestMismatch):
        pull(reference)
    assert clean(layout)
    assert images.list() == []


def test_a_flipped_bit_in_the_manifest_is_found(faulty: FaultyRegistry, pull: Pull) -> None:
    """Fails when the digest header is not compared: the tag alone promises nothing."""
    made = image()
    reference = faulty.hold("x", "latest", made)
    faulty.always["manifest"] = faults.flip(len(made.manifest) - 100)
    with pytest.raises(DigestMismatch, match="manifest verification failed"):
        pull(reference)


def test_a_wrong_manifest_for_a_digest_is_found(faulty: FaultyRegistry, pull: Pull) -> None:
    made, other = image(), make_image([tar_of({"a": b""})], busybox.config())
    faulty.hold("x", "latest", made)
    path = f"/v2/x/manifests/{made.digest}"
    faulty.contents[path] = (other.media_type, other.manifest)
    with pytest.raises(DigestMismatch):
        pull(f"{faulty.address}/x@{made.digest}")


def test_a_config_that_is_another_is_found(faulty: FaultyRegistry, pull: Pull) -> None:
    made = image()
    reference = faulty.hold("x", "latest", made)
    faulty.faults["blob"] = [faults.flip(5)]
    with pytest.raises(DigestMismatch):
        pull(reference)


def test_bytes_behind_the_end_are_refused(
    faulty: FaultyRegistry, pull: Pull, layout: Layout
) -> None:
    """Fails when more is read than the manifest promised."""
    made = image()
    reference = faulty.hold("x", "latest", made)
    faulty.always["blob"] = of_layer(faults.append(b"x" * 10), made)
    with pytest.raises(SizeMismatch):
        pull(reference)
    assert clean(layout)


def test_a_config_that_names_other_content_is_found(
    faulty: FaultyRegistry, pull: Pull, layout: Layout, images: Images
) -> None:
    """Fails when the diff id is not compared: every blob is what it claims to be."""
    honest = image()
    claims = make_image([tar_of({"other": b""})], busybox.config())
    mixed = _with_config(honest, claims.config)
    with pytest.raises(DigestMismatch, match="other content than the image config says"):
        pull(faulty.hold("x", "latest", mixed))
    assert images.list() == []
    assert clean(layout)


def _with_config(made: MadeImage, config: bytes) -> MadeImage:
    document = json.loads(made.manifest)
    document["config"] = descriptor(document["config"]["mediaType"], config)
    return made._replace(manifest=json.dumps(document).encode(), config=config)


def test_a_giant_manifest_is_refused_early(faulty: FaultyRegistry, pull: Pull) -> None:
    """Fails without a limit: the body is valid JSON behind 8 MiB of spaces."""
    made = image()
    reference = faulty.hold("x", "latest", made)
    faulty.always["manifest"] = faults.append(b" " * (8 << 20))
    with pytest.raises(BadManifest, match="larger than 4 MiB"):
        pull(reference)


def test_what_a_registry_says_is_safe_to_print(faulty: FaultyRegistry, pull: Pull) -> None:
    """Fails when control characters (here: clear screen, title, right-to-left) pass."""
    evil = '{"errors":[{"code":"X","message":"\\u001b[2Jboo\\u001b]0;x\\u0007\\u202e"}]}'

    def fault(reply: faults.Reply, _: faults.Seen) -> None:
        reply.status, reply.body = 418, evil.encode()

    faulty.always["manifest"] = fault
    with pytest.raises(RegistryError) as caught:
        pull(f"{faulty.address}/x")
    assert "boo" in caught.value.message
    assert caught.value.message.isprintable()


def test_a_registry_that_redirects_in_circles(faulty: FaultyRegistry, pull: Pull) -> None:
    faulty.always["manifest"] = faults.redirect("/v2/x/manifests/latest")
    with pytest.raises(RegistryError, match="circles"):
        pull(f"{faulty.address}/x")


@pytest.mark.parametrize("target", ["http://192.0.2.1/x", "file:///etc/passwd", "ftp://127.0.0.1/"])
def test_an_unsafe_redirect_is_refused(faulty: FaultyRegistry, pull: Pull, target: str) -> None:
    """Fails when plain HTTP may leave this machine; 192.0.2.1 would time out instead."""
    faulty.always["manifest"] = faults.redirect(target)
    with pytest.raises(RegistryError, match="not safe"):
        pull(f"{faulty.address}/x")


def test_access_denied(faulty: FaultyRegistry, pull: Pull) -> None:
    faulty.always["manifest"] = faults.status(403)
    with pytest.raises(AuthenticationRequired, match="pull access denied for "):
        pull(f"{faulty.address}/x")


def test_a_pull_is_cancelled_within_a_second(
    faulty: FaultyRegistry, layout: Layout, db: sqlite3.Connection
) -> None:
    """Fails when nobody cuts the connection that a thread waits on: the deadline is 30 s."""
    made = image()
    reference = faulty.hold("x", "latest", made)
    reached, cancelled = threading.Event(), threading.Event()

    def fault(reply: faults.Reply, _: faults.Seen) -> None:
        reply.send = 300_000
        reply.before_end = lambda: (reached.set(), faulty.over.wait())

    faulty.faults["blob"] = [lambda *_: None, fault]
    times: list[float] = []

    def cancel() -> None:
        reached.wait(60)
        times.append(time.monotonic())
        cancelled.set()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(Cancelled):
        Puller(layout, db).pull(reference, "", lambda _: None, cancelled)
    assert time.monotonic() - times[0] < 1
    canceller.join()
    left = [name for name in os.listdir(layout.ingest) if name != ".lock"]
    assert [name.partition("-")[0] for name in left] == ["blob"]


def test_a_pull_is_cancelled_while_the_registry_says_nothing_at_all(
    faulty: FaultyRegistry, layout: Layout, db: sqlite3.Connection
) -> None:
    cancelled = threading.Event()
    reference = faulty.hold("x", "latest", image())

    def silence(_: faults.Reply, __: faults.Seen) -> None:
        cancelled.set()
        faulty.over.wait()

    faulty.faults["manifest"] = [silence]
    began = time.monotonic()
    with pytest.raises(Cancelled):
        Puller(layout, db).pull(reference, "", lambda _: None, cancelled)
    assert time.monotonic() - began < 1.5
