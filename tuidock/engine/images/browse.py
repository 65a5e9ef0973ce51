"""Registries, read without pulling: their repositories, tags, and what a tag holds."""

from __future__ import annotations

from contextlib import closing

from tuidock.engine.errors import BadReference
from tuidock.engine.images.blobs import Blobs
from tuidock.engine.images.reference import parse, parse_repository
from tuidock.engine.images.registry import Registry
from tuidock.engine.images.remote import find
from tuidock.engine.layout import Layout
from tuidock.engine.types import RemoteImage, RemoteLayer


def catalog(host: str) -> list[str]:
    """Repositories of a registry, sorted. Raises BadReference, RegistryError."""
    reference = parse_repository(f"{host}/x")
    if reference.path not in ("x", "library/x"):
        raise BadReference(f"not a registry: {host[:100]!r}", "write it as host:port")
    with closing(Registry(reference.host)) as registry:
        return registry.catalog()


def tags(repository: str) -> list[str]:
    """Tags of a repository, in the registry's order. Raises BadReference, RegistryError."""
    reference = parse_repository(repository)
    with closing(Registry(reference.host)) as registry:
        return registry.tags(reference.path)


def describe(layout: Layout, reference: str, platform: str) -> RemoteImage:
    """What a pull would fetch. Raises BadReference, RegistryError, ContentError."""
    parsed, blobs = parse(reference), Blobs(layout)
    with closing(Registry(parsed.host)) as registry:
        target = find(registry, parsed, platform, blobs)
    layers = target.manifest.layers
    return RemoteImage(
        str(parsed),
        target.named.digest,
        target.config.platform,
        target.platforms,
        tuple(RemoteLayer(each.digest, each.size, blobs.has(each.digest)) for each in layers),
        target.config.created,
        target.config.document,
    )
