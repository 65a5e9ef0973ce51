"""Manifests, indexes, configs: what is read, and what is refused."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.registry_fixture import make_image, make_index
from tuidock.engine.errors import BadManifest, InvalidInput, ManifestUnknown
from tuidock.engine.images.manifest import (
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Index,
    Manifest,
    as_oci,
    parse,
    parse_config,
    timestamp,
)
from tuidock.engine.images.platforms import choose, fit, offered, parse_platform
from tuidock.engine.types import Platform

CONFIG = b'{"architecture":"amd64","os":"linux"}'
Change = Callable[[dict[str, object]], object]


def manifest(family: str = "oci") -> dict[str, object]:
    return dict(json.loads(make_image([b"layer"], CONFIG, family).manifest))


def test_both_families() -> None:
    for family, media_type in (("oci", OCI_MANIFEST), ("docker", DOCKER_MANIFEST)):
        made = make_image([b"one", b"two"], CONFIG, family)
        for announced in (media_type, f"{media_type}; charset=utf-8", "application/json", ""):
            parsed = parse(made.manifest, announced)
            assert isinstance(parsed, Manifest)
            assert parsed.media_type == media_type
            assert [layer.size for layer in parsed.layers] == [len(b) for b in made.layers]
        assert parse_config(made.config).diff_ids


def _without(key: str) -> Change:
    return lambda document: document.pop(key)


def _with(**fields: object) -> Change:
    return lambda document: document.update(fields)


def _layer(**fields: object) -> Change:
    return lambda document: document["layers"][0].update(fields)  # type: ignore[index]


BROKEN: list[tuple[str, Change]] = [
    ("both `layers` and `manifests`", _with(manifests=[])),
    ("unsupported manifest type", _without("mediaType")),
    ("but came as", _with(mediaType=DOCKER_MANIFEST)),
    ("but came as", _with(mediaType=OCI_INDEX)),
    ("schema version", _with(schemaVersion=1)),
    ("schema version", _without("schemaVersion")),
    ("no valid config", _without("config")),
    ("no valid config", _with(config=[])),
    ("no list `layers`", _without("layers")),
    ("no list `layers`", _with(layers={})),
    ("no valid layer", _with(layers=["x"])),
    ("invalid digest", _layer(digest="sha256:../../x")),
    ("invalid digest", _layer(digest=5)),
    ("invalid size", _layer(size=-1)),
    ("invalid size", _layer(size=True)),
    ("invalid size", _layer(size="5")),
    ("invalid size", _layer(size=1 << 60)),
    ("unsupported layer type", _layer(mediaType="application/vnd.helm.chart")),
    ("no media type", _layer(mediaType=None)),
]


@pytest.mark.parametrize(("why", "change"), BROKEN)
def test_what_is_refused(why: str, change: Change) -> None:
    """CVE-2021-41190 is the first: fails when a document can be read as two things."""
    document = manifest()
    change(document)
    announced = OCI_MANIFEST if "came as" in why else ""
    with pytest.raises(BadManifest, match=why):
        parse(json.dumps(document).encode(), announced)


def test_schema_1_is_named() -> None:
    with pytest.raises(BadManifest, match="schema 1"):
        parse(b"{}", "application/vnd.docker.distribution.manifest.v1+prettyjws")


@given(st.binary())
def test_any_bytes_are_survived(body: bytes) -> None:
    for read in (parse, parse_config):
        with contextlib.suppress(BadManifest):
            read(body)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(st.sampled_from(["schemaVersion", "mediaType", "config", "layers", "manifests"]), _JSON)
def test_any_field_is_survived(key: str, value: object) -> None:
    for document in (manifest(), dict(json.loads(make_index([])))):
        with contextlib.suppress(BadManifest):
            parse(json.dumps({**document, key: value}).encode())


@given(_JSON, _JSON)
def test_any_config_is_survived(config: object, rootfs: object) -> None:
    body = json.dumps({"config": config, "rootfs": rootfs, "created": rootfs, "os": config})
    with contextlib.suppress(BadManifest):
        parse_config(body.encode())


def test_a_deep_document_is_survived() -> None:
    with pytest.raises(BadManifest):
        parse(b"[" * 100_000)


def test_times() -> None:
    assert timestamp("1970-01-01T00:00:01Z") == 1
    assert timestamp("1970-01-01T00:00:01.123456789Z") == 1.123456
    assert timestamp("1970-01-01T01:00:01.5+01:00") == 1.5
    for nonsense in (None, 5, "", "yesterday", "9" * 50, "0001-01-01T00:00:00.1+23:59"):
        assert timestamp(nonsense) <= 0


def test_a_docker_manifest_in_ocis_words() -> None:
    for compression in ("gzip", "none"):
        made = make_image([b"one"], CONFIG, "docker", compression)
        ours, theirs = parse(made.manifest), parse(as_oci(made.manifest))
        assert isinstance(ours, Manifest)
        assert isinstance(theirs, Manifest)
        assert theirs.media_type == OCI_MANIFEST
        twin = parse(make_image([b"one"], CONFIG, "oci", compression).manifest)
        assert theirs == twin
        assert [each.digest for each in theirs.layers] == [each.digest for each in ours.layers]
    oci = make_image([b"one"], CONFIG).manifest
    assert as_oci(oci) == oci


# --- platforms ----------------------------------------------------------------------------------

ARM = [Platform("linux", "arm", v) for v in ("v5", "v6", "v7")]


def index_of(*platforms: Platform) -> Index:
    offers = []
    for number, platform in enumerate(platforms):
        made = make_image([b"%d" % number], CONFIG)
        offers.append((made, {k: v for k, v in platform._asdict().items() if v}))
    parsed = parse(make_index(offers))
    assert isinstance(parsed, Index)
    return parsed


@pytest.mark.parametrize(
    ("offers", "wanted", "best"),
    [
        ([Platform("linux", "arm64", "v8"), Platform("linux", "amd64")], "linux/amd64", 1),
        ([Platform("linux", "amd64"), Platform("linux", "arm64", "v8")], "linux/arm64", 1),
        ([Platform("linux", "amd64"), Platform("linux", "arm64")], "linux/arm64/v8", 1),
        ([Platform("linux", "amd64", "v3"), Platform("linux", "amd64")], "linux/amd64", 1),
        ([Platform("windows", "amd64"), Platform("linux", "amd64")], "amd64", 1),
        (ARM, "linux/arm/v6", 1),
        (ARM, "linux/arm", 2),
        (ARM[:2], "linux/arm/v7", 1),
        ([Platform("unknown", "unknown"), Platform("linux", "amd64")], "x86_64", 1),
    ],
)
def test_the_best_platform(offers: list[Platform], wanted: str, best: int) -> None:
    index = index_of(*offers)
    assert choose(index, parse_platform(wanted), "x") == index.manifests[best]


def test_no_platform_fits() -> None:
    index = index_of(*ARM[1:], Platform("unknown", "unknown"))
    for wanted in ("linux/amd64", "linux/arm/v5"):
        with pytest.raises(ManifestUnknown, match=f"no matching manifest for {wanted}"):
            choose(index, parse_platform(wanted), "x")
    assert list(offered(index)) == ARM[1:]
    assert fit(Platform("linux", "amd64", "v3"), Platform("linux", "amd64")) == 0
    assert fit(None, Platform("linux", "amd64")) == 0


@pytest.mark.parametrize("text", ["linux/", "/", "a/b/c/d", "linux/../x", "linux/amd64\n", "é?"])
def test_what_is_no_platform(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_platform(text)
