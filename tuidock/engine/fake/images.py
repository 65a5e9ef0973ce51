"""Images and registries of the fake engine.

`Offer` is what a registry holds under one name; pulling one copies its image into the store,
layer by layer, at the clock's pace. References are normalised as docker does.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Callable, Sequence

from tuidock.engine.errors import (
    BadReference,
    EngineError,
    ImageNotFound,
    InUse,
    ManifestUnknown,
    Unreachable,
)
from tuidock.engine.events import Event, LayerProgress, Pulled, PullEvent, Resolved
from tuidock.engine.fake.clock import Clock
from tuidock.engine.images.reference import familiar
from tuidock.engine.named import NamedTuple
from tuidock.engine.types import Image, Layer, Platform, RemoteImage, RemoteLayer

STEPS = 8
"""Progress events of one downloading layer."""

_REFERENCE = re.compile(
    r"[a-z0-9]+(?:[._:-][a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
    r"(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)


def digest(text: str) -> str:
    """A digest that stands for `text`."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def full(reference: str) -> str:
    """`debian` as `docker.io/library/debian:latest`. Raises BadReference."""
    if not _REFERENCE.fullmatch(reference):
        raise BadReference(f"invalid reference format: {reference}", "names are lower case")
    first, slash, rest = reference.partition("/")
    if not slash or not (set(first) & {".", ":"} or first == "localhost"):
        rest = reference if slash else f"library/{reference}"
        first = "docker.io"
    tagged = "@" in rest or ":" in rest.rpartition("/")[2]
    return f"{first}/{rest}" if tagged else f"{first}/{rest}:latest"


class Offer(NamedTuple):
    """What a registry has under one reference."""

    image: Image
    platforms: tuple[Platform, ...]

    @property
    def digest(self) -> str:
        return digest("manifest " + self.image.id)


class FakeRegistry:
    """Registries in memory: full reference to offer."""

    def __init__(self, store: FakeImages) -> None:
        self._store = store
        self.offers: dict[str, Offer] = {}

    def offer(self, reference: str, image: Image, *others: Platform) -> None:
        """Put an image into its registry."""
        self.offers[full(reference)] = Offer(image, (image.platform, *others))

    async def catalog(self, host: str) -> list[str]:
        names = {_repository(key) for key in self.offers}
        found = sorted(name.partition("/")[2] for name in names if name.startswith(host + "/"))
        if not found:
            raise Unreachable(f"{host}: connection refused", "is the registry running?")
        return found

    async def tags(self, repository: str) -> list[str]:
        wanted = _repository(full(repository))
        found = [key[len(wanted) + 1 :] for key in self.offers if _repository(key) == wanted]
        if not found:
            raise ManifestUnknown(f"{repository}: repository name not known to registry")
        return found

    async def describe(self, reference: str, platform: str = "") -> RemoteImage:
        offer = self.find(reference)
        chosen = next((p for p in offer.platforms if str(p) == platform), offer.image.platform)
        image = offer.image
        return RemoteImage(
            reference=full(reference),
            digest=offer.digest,
            platform=chosen,
            platforms=offer.platforms,
            layers=tuple(
                RemoteLayer(it.digest, it.size, self._store.has_layer(it.digest))
                for it in image.layers
            ),
            created=image.created,
            config={"Cmd": list(image.command), "Labels": image.labels},
        )

    def find(self, reference: str) -> Offer:
        """Raises ManifestUnknown, Unreachable."""
        name = full(reference)
        if name in self.offers:
            return self.offers[name]
        host = name.partition("/")[0]
        if not any(key.startswith(host + "/") for key in self.offers):
            raise Unreachable(f"{host}: connection refused", "is the registry running?")
        raise ManifestUnknown(f"manifest unknown: {name}", "look at its tags in the registry pane")


class FakeImages:
    """The local store in memory."""

    def __init__(self, clock: Clock, publish: Callable[[Event], None]) -> None:
        self._clock = clock
        self._publish = publish
        self._images: dict[str, Image] = {}
        self.registry = FakeRegistry(self)
        self.users: Callable[[str], list[str]] = lambda _image_id: []
        """Names of the containers made from an image."""
        self.pace = 0.12
        """Seconds between two progress events of a layer."""

    def add(self, image: Image) -> None:
        """Put an image into the store as if it had been pulled."""
        for other in list(self._images.values()):
            kept = tuple(tag for tag in other.tags if tag not in image.tags)
            self._images[other.id] = other._replace(tags=kept)
        self._images[image.id] = image

    def has_layer(self, blob: str) -> bool:
        return any(blob == layer.digest for it in self._images.values() for layer in it.layers)

    async def list(self) -> Sequence[Image]:
        return sorted(self._images.values(), key=lambda it: it.created, reverse=True)

    async def get(self, reference: str) -> Image:
        return self.find(reference)

    def find(self, reference: str) -> Image:
        """Raises ImageNotFound."""
        bare = reference.removeprefix("sha256:")
        if re.fullmatch(r"[0-9a-f]{4,64}", bare):
            matches = [it for it in self._images.values() if it.id[7:].startswith(bare)]
            if len(matches) == 1:
                return matches[0]
        name = full(reference)
        for image in self._images.values():
            if name in image.tags or name in image.digests:
                return image
        raise ImageNotFound(reference)

    async def pull(self, reference: str, platform: str = "") -> AsyncIterator[PullEvent]:
        offer = self.registry.find(reference)
        name = full(reference)
        layers = offer.image.layers
        yield Resolved(name, offer.digest, tuple((it.digest, it.size) for it in layers))
        for it in layers:
            if self.has_layer(it.digest):
                yield LayerProgress(it.digest, "exists", it.size, it.size)
            else:
                yield LayerProgress(it.digest, "waiting", 0, it.size)
        missing = [it for it in layers if not self.has_layer(it.digest)]
        async for progress in self._download(missing):
            yield progress
        new = offer.image.id not in self._images
        image = self._keep(offer, name)
        self._say("pull", image, name)
        yield Pulled(image, name, offer.digest, new)

    async def _download(self, layers: Sequence[Layer]) -> AsyncIterator[LayerProgress]:
        """All layers move together; one further down in the list lags behind a little."""
        for tick in range(1, STEPS + len(layers) + 2):
            if layers:
                await self._clock.sleep(self.pace)
            for lag, it in enumerate(layers):
                step = tick - lag
                if 1 <= step <= STEPS:
                    done = it.size * step // STEPS
                    yield LayerProgress(it.digest, "downloading", done, it.size)
                elif step == STEPS + 1:
                    yield LayerProgress(it.digest, "extracting", it.size, it.size)
                elif step == STEPS + 2:
                    yield LayerProgress(it.digest, "done", it.size, it.size)

    def _keep(self, offer: Offer, name: str) -> Image:
        known = self._images.get(offer.image.id, offer.image._replace(tags=(), digests=()))
        pinned = f"{_repository(name)}@{offer.digest}"
        digests = known.digests if pinned in known.digests else (*known.digests, pinned)
        tags = known.tags if name in known.tags or "@" in name else (*known.tags, name)
        image = known._replace(tags=tags, digests=digests)
        self.add(image)
        self._images[image.id] = image
        return image

    async def remove(self, reference: str, force: bool = False) -> Sequence[str]:
        image = self.find(reference)
        users = self.users(image.id)
        named = not image.id.removeprefix("sha256:").startswith(reference.removeprefix("sha256:"))
        if named and len(image.tags) > 1:
            return self._untag(image, full(reference))
        if users and not force:
            raise InUse(
                f"conflict: unable to remove repository reference {reference!r}: "
                f"container {users[0]} is using its referenced image {image.id[7:19]}",
                "remove the container first, or force",
            )
        del self._images[image.id]
        self._say("delete", image, reference)
        untagged = [f"Untagged: {familiar(tag)}" for tag in (*image.tags, *image.digests)]
        return [*untagged, f"Deleted: {image.id}"]

    def _untag(self, image: Image, tag: str) -> Sequence[str]:
        kept = tuple(it for it in image.tags if it != tag)
        self._images[image.id] = image._replace(tags=kept)
        self._say("untag", image, tag)
        return [f"Untagged: {familiar(tag)}"]

    async def tag(self, source: str, target: str) -> None:
        image = self.find(source)
        name = full(target)
        self.add(image._replace(tags=(*(it for it in image.tags if it != name), name)))
        self._say("tag", image, name)

    async def inspect(self, reference: str) -> dict[str, object]:
        image = self.find(reference)
        return {
            "Id": image.id,
            "RepoTags": list(image.tags),
            "RepoDigests": list(image.digests),
            "Created": image.created,
            "Architecture": image.platform.architecture,
            "Os": image.platform.os,
            "Size": image.size,
            "Config": {"Cmd": list(image.command), "Labels": image.labels},
            "RootFS": {"Type": "layers", "Layers": [it.diff_id for it in image.layers]},
        }

    def _say(self, action: str, image: Image, name: str) -> None:
        self._publish(Event(self._clock.time(), "image", action, image.id, name))


def _repository(reference: str) -> str:
    bare = reference.partition("@")[0]
    head, colon, tail = bare.rpartition(":")
    return head if colon and "/" not in tail else bare


def guard(failures: dict[str, EngineError], verb: str) -> None:
    """Raise the failure that a test planned for `verb`, once."""
    if verb in failures:
        raise failures.pop(verb)
