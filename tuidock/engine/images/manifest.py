"""Manifests, indexes and configs: OCI image-spec 1.1 and Docker schema 2, parsed strictly.

Everything that leaves here was checked: digests are digests, sizes are sizes, a document is
either an index or a manifest and says so (no document can be read as both, CVE-2021-41190).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from tuidock.engine.errors import BadManifest
from tuidock.engine.images.reference import is_digest
from tuidock.engine.named import NamedTuple
from tuidock.engine.types import Platform

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"

INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
ACCEPTED = (OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST)
LAYER_TYPES = frozenset(
    [OCI_LAYER + suffix for suffix in ("", "+gzip", "+zstd")]
    + [
        f"application/vnd.oci.image.layer.nondistributable.v1.tar{suffix}"
        for suffix in ("", "+gzip", "+zstd")
    ]
    + [
        f"application/vnd.docker.image.rootfs.{kind}.tar{suffix}"
        for kind in ("diff", "foreign.diff")
        for suffix in ("", ".gzip", ".zstd")
    ]
)

_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"
_OLDEST_ENGINE_HINT = "ask whoever publishes it for an OCI image"

Json = Mapping[str, object]


class Descriptor(NamedTuple):
    """A pointer to a blob."""

    media_type: str
    digest: str
    size: int
    platform: Platform | None = None


class Index(NamedTuple):
    """One image for several platforms."""

    media_type: str
    manifests: tuple[Descriptor, ...]


class Manifest(NamedTuple):
    """One image: a config and layers, lowest first."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]


class Config(NamedTuple):
    """What an image config says about the image itself; `document` is all of it."""

    platform: Platform
    created: float
    """Seconds since the epoch, 0.0 when the image does not say."""
    diff_ids: tuple[str, ...]
    document: dict[str, object]


def parse(body: bytes, media_type: str = "") -> Index | Manifest:
    """Read an index or manifest; `media_type` is what it was announced as.

    Raises BadManifest.
    """
    document = load(body, "manifest")
    kind = _media_type(document, media_type)
    if "layers" in document and "manifests" in document:
        raise BadManifest("manifest has both `layers` and `manifests`")
    if document.get("schemaVersion") != 2:
        raise BadManifest("manifest is not of schema version 2", _OLDEST_ENGINE_HINT)
    if kind in INDEX_TYPES:
        return Index(kind, tuple(_entry(e) for e in _array(document, "manifests")))
    config = _descriptor(document.get("config"), "config")
    if config.media_type not in (OCI_CONFIG, DOCKER_CONFIG):
        raise BadManifest(f"not a container image: its config is {_shown(config.media_type)}")
    return Manifest(kind, config, tuple(_layer(e) for e in _array(document, "layers")))


def parse_manifest(body: bytes, media_type: str = "") -> Manifest:
    """Read a manifest where an index would be wrong. Raises BadManifest."""
    parsed = parse(body, media_type)
    if isinstance(parsed, Index):
        raise BadManifest("an index inside an index is not supported")
    return parsed


def as_oci(body: bytes) -> bytes:
    """A Docker manifest in OCI's words, pointing at the same blobs; an OCI one as it is.

    Equal manifests give equal bytes. Raises BadManifest.
    """
    document = load(body, "manifest")
    if document.get("mediaType") != DOCKER_MANIFEST:
        return body
    config, *layers = [
        {"mediaType": media_type, "digest": each.digest, "size": each.size}
        for each, media_type in _translated(parse_manifest(body))
    ]
    translated = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config,
        "layers": layers,
    }
    return json.dumps(translated, separators=(",", ":")).encode()


def _translated(manifest: Manifest) -> Iterator[tuple[Descriptor, str]]:
    yield manifest.config, OCI_CONFIG
    for layer in manifest.layers:
        compression = layer.media_type.rpartition(".tar")[2].replace(".", "+")
        yield layer, OCI_LAYER + compression


def parse_config(body: bytes) -> Config:
    """Read an image config. Raises BadManifest."""
    document = load(body, "image config")
    rootfs = document.get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(diff_ids, list) or not all(
        isinstance(d, str) and is_digest(d) for d in diff_ids
    ):
        raise BadManifest("image config has no valid `rootfs.diff_ids`")
    if not isinstance(document.get("config") or {}, dict):
        raise BadManifest("`config` of the image config is not an object")
    platform = _platform(document) or Platform("linux", "")
    return Config(platform, timestamp(document.get("created")), tuple(diff_ids), document)


def load(body: bytes, what: str) -> dict[str, object]:
    """Parse JSON that must be an object. Raises BadManifest."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadManifest(f"{what} is not JSON") from error
    if not isinstance(document, dict):
        raise BadManifest(f"{what} is not a JSON object")
    return document


def timestamp(value: object) -> float:
    """Seconds since the epoch of an RFC 3339 string; 0.0 for anything else."""
    from datetime import datetime

    if not isinstance(value, str):
        return 0.0
    try:
        whole, dot, rest = value.partition(".")
        digits = len(rest) - len(rest.lstrip("0123456789"))
        # fromisoformat takes at most microseconds; builders write nanoseconds
        text = f"{whole}.{rest[:digits][:6]}{rest[digits:]}" if dot and digits else value
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _media_type(document: Json, announced: str) -> str:
    """The one type that both the document and whoever announced it agree on."""
    announced = announced.partition(";")[0].strip().lower()
    if announced.startswith(_SCHEMA_1):
        raise BadManifest("Docker schema 1 images are not supported", _OLDEST_ENGINE_HINT)
    own = document.get("mediaType") or ""
    if not isinstance(own, str):
        raise BadManifest("`mediaType` of the manifest is not a string")
    known = MANIFEST_TYPES | INDEX_TYPES
    if announced in known and own and own != announced:
        raise BadManifest(f"manifest says it is {_shown(own)}, but came as {_shown(announced)}")
    kind = own or announced
    if kind not in known:
        raise BadManifest(f"unsupported manifest type {_shown(kind or 'without a name')}")
    return kind


def _array(document: Json, key: str) -> list[object]:
    value = document.get(key)
    if not isinstance(value, list):
        raise BadManifest(f"manifest has no list `{key}`")
    return value


def _descriptor(value: object, what: str) -> Descriptor:
    if not isinstance(value, dict):
        raise BadManifest(f"manifest has no valid {what}")
    media_type, digest, size = value.get("mediaType"), value.get("digest"), value.get("size")
    if not isinstance(digest, str) or not is_digest(digest):
        raise BadManifest(f"{what} has an invalid digest")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 50:
        raise BadManifest(f"{what} {digest[:19]} has an invalid size")
    if not isinstance(media_type, str):
        raise BadManifest(f"{what} {digest[:19]} has no media type")
    return Descriptor(media_type, digest, size)


def _entry(value: object) -> Descriptor:
    """One manifest of an index."""
    descriptor = _descriptor(value, "manifest of the index")
    platform = value.get("platform") if isinstance(value, dict) else None
    return descriptor._replace(platform=_platform(platform) if isinstance(platform, dict) else None)


def _layer(value: object) -> Descriptor:
    descriptor = _descriptor(value, "layer")
    if descriptor.media_type not in LAYER_TYPES:
        raise BadManifest(f"unsupported layer type {_shown(descriptor.media_type)}")
    return descriptor


def _platform(value: Json) -> Platform | None:
    parts = [value.get(key) or "" for key in ("os", "architecture", "variant")]
    if not all(isinstance(part, str) and len(part) < 64 for part in parts):
        raise BadManifest("invalid platform")
    return Platform(*map(str, parts)) if parts[0] else None


def _shown(value: object) -> str:
    return repr(str(value)[:120])
