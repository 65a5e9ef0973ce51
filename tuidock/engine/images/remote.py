"""What a registry holds under a reference, for one platform: found, verified, agreeing.

Index, manifest and config are small and fetched whole, so that everything that can be refused
is refused before the first layer moves.
"""

from __future__ import annotations

from contextlib import suppress

from tuidock.engine.errors import BadManifest, ManifestUnknown, SizeMismatch
from tuidock.engine.images.blobs import Blobs, DamagedBlob
from tuidock.engine.images.manifest import (
    Config,
    Descriptor,
    Index,
    Manifest,
    parse,
    parse_config,
    parse_manifest,
)
from tuidock.engine.images.platforms import choose, fit, offered, parse_platform
from tuidock.engine.images.reference import Reference
from tuidock.engine.images.registry import CONFIG_LIMIT, Document, Registry
from tuidock.engine.named import NamedTuple
from tuidock.engine.types import Platform


class Target(NamedTuple):
    """An image as a registry offers it; nothing is stored yet."""

    reference: Reference
    named: Document
    """What the reference names: an index, or the manifest itself."""
    document: Document
    manifest: Manifest
    config_body: bytes
    config: Config
    platforms: tuple[Platform, ...]

    @property
    def id(self) -> str:
        return self.manifest.config.digest

    @property
    def bodies(self) -> tuple[bytes, ...]:
        """The small blobs, to be kept as they are."""
        index = () if self.named is self.document else (self.named.body,)
        return (*index, self.document.body, self.config_body)

    @property
    def digests(self) -> set[str]:
        """Everything that must stay in the store for this image: blobs and diff ids."""
        blobs = {self.named.digest, self.document.digest, self.id}
        return blobs | {layer.digest for layer in self.manifest.layers} | set(self.config.diff_ids)


def find(registry: Registry, reference: Reference, platform: str, blobs: Blobs) -> Target:
    """Ask a registry; a config that is here already is not fetched again.

    `platform` as people write it, empty for this host's. Raises InvalidInput, RegistryError,
    ContentError.
    """
    wanted = parse_platform(platform)
    named = registry.manifest(reference.path, reference.name)
    parsed, document = parse(named.body, named.media_type), named
    platforms: tuple[Platform, ...] = ()
    if isinstance(parsed, Index):
        platforms = tuple(offered(parsed))
        document, parsed = _chosen(registry, reference, choose(parsed, wanted, reference.familiar))
    body = _config(registry, reference, parsed.config, blobs)
    config = parse_config(body)
    if platform and not fit(config.platform, wanted):
        raise ManifestUnknown(
            f"image {reference.familiar} was found but does not provide the specified platform"
            f" ({wanted})",
            f"it is there for {config.platform}",
        )
    if len(config.diff_ids) != len(parsed.layers):
        raise BadManifest(
            f"{reference.familiar}: {len(parsed.layers)} layers, {len(config.diff_ids)} diff ids"
        )
    platforms = platforms or (config.platform,)
    return Target(reference, named, document, parsed, body, config, platforms)


def _chosen(
    registry: Registry, reference: Reference, entry: Descriptor
) -> tuple[Document, Manifest]:
    document = registry.manifest(reference.path, entry.digest)
    if len(document.body) != entry.size:
        raise SizeMismatch(f"manifest {entry.digest[:19]} is not as long as its index says")
    return document, parse_manifest(document.body, entry.media_type)


def _config(registry: Registry, reference: Reference, config: Descriptor, blobs: Blobs) -> bytes:
    if config.size > CONFIG_LIMIT:
        raise BadManifest(f"the config of {reference.familiar} is too large")
    if blobs.has(config.digest, config.size):
        with suppress(DamagedBlob):  # the registry has it whole
            return blobs.read(config.digest)
    body = registry.blob(reference.path, config.digest, config.size)
    if len(body) != config.size:
        raise SizeMismatch(
            f"the config of {reference.familiar} is not as long as its manifest says"
        )
    return body
