"""A real registry for tests: Debian's docker-registry on a free loopback port.

    with DebianRegistry() as registry:
        registry.push("busybox", "latest", make_image([busybox.layer()], busybox.config()))
        ... pull f"{registry.address}/busybox"

Images are made here of tar archives and pushed with plain HTTP, without a line of tuidock.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from typing import NamedTuple

import zstandard

from tests import machine

OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker"
_LAYER_TYPES = {
    ("oci", "gzip"): f"{OCI}.layer.v1.tar+gzip",
    ("oci", "zstd"): f"{OCI}.layer.v1.tar+zstd",
    ("oci", "none"): f"{OCI}.layer.v1.tar",
    ("docker", "gzip"): f"{DOCKER}.image.rootfs.diff.tar.gzip",
    ("docker", "none"): f"{DOCKER}.image.rootfs.diff.tar",
}
_CONFIG = {"oci": f"{OCI}.config.v1+json", "docker": f"{DOCKER}.container.image.v1+json"}
_MANIFEST = {"oci": f"{OCI}.manifest.v1+json", "docker": f"{DOCKER}.distribution.manifest.v2+json"}
_INDEX = {
    "oci": f"{OCI}.index.v1+json",
    "docker": f"{DOCKER}.distribution.manifest.list.v2+json",
}


class MadeImage(NamedTuple):
    """An image as a registry takes it."""

    media_type: str
    manifest: bytes
    config: bytes
    layers: tuple[bytes, ...]
    """Compressed, lowest first."""

    @property
    def digest(self) -> str:
        return digest(self.manifest)

    @property
    def blobs(self) -> dict[str, bytes]:
        return {digest(body): body for body in (self.config, *self.layers)}


def make_image(
    layers: Sequence[bytes], config: bytes, family: str = "oci", compression: str = "gzip"
) -> MadeImage:
    """An image of uncompressed tar archives; `family` is oci or docker."""
    document = json.loads(config)
    document["rootfs"] = {"type": "layers", "diff_ids": [digest(layer) for layer in layers]}
    packed = tuple(_packed(layer, compression) for layer in layers)
    body = json.dumps(document).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST[family],
        "config": descriptor(_CONFIG[family], body),
        "layers": [descriptor(_LAYER_TYPES[family, compression], layer) for layer in packed],
    }
    return MadeImage(_MANIFEST[family], json.dumps(manifest).encode(), body, packed)


def make_index(images: Sequence[tuple[MadeImage, dict[str, str]]], family: str = "oci") -> bytes:
    """An index of images with their platforms (`os`, `architecture`, `variant`)."""
    entries = [
        {**descriptor(image.media_type, image.manifest), "platform": platform}
        for image, platform in images
    ]
    return json.dumps(
        {"schemaVersion": 2, "mediaType": _INDEX[family], "manifests": entries}
    ).encode()


def descriptor(media_type: str, body: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest(body), "size": len(body)}


def digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _packed(layer: bytes, compression: str) -> bytes:
    if compression == "gzip":
        return gzip.compress(layer, 1, mtime=0)
    return zstandard.compress(layer) if compression == "zstd" else layer


class DebianRegistry:
    """The registry of the package docker-registry, with a store of its own."""

    def __init__(self) -> None:
        self.address = ""
        """`127.0.0.1:PORT`, once started."""
        self._directory = ""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> DebianRegistry:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when it answers; on the same port with the same images after a `stop(keep)`."""
        self._directory = self._directory or _temporary()
        self.address = self.address or f"127.0.0.1:{_free_port()}"
        config = f"{self._directory}/config.yml"
        with open(config, "w") as file:
            file.write(_SETTINGS.format(directory=self._directory, address=self.address))
        self._process = subprocess.Popen(
            ["docker-registry", "serve", config],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()

    def stop(self, keep: str = "") -> None:
        """End it; with `keep="images"` it can be started again as it was."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if keep != "images" and self._directory:
            shutil.rmtree(self._directory)
            self._directory = ""

    def push(self, repository: str, tag: str, image: MadeImage) -> str:
        """Upload an image; the digest of its manifest."""
        for name, body in image.blobs.items():
            self._push_blob(repository, name, body)
        return self.push_manifest(repository, tag, image.media_type, image.manifest)

    def push_index(
        self,
        repository: str,
        tag: str,
        images: Sequence[tuple[MadeImage, dict[str, str]]],
        family: str = "oci",
    ) -> str:
        """Upload images and an index of them; the digest of the index."""
        for image, _ in images:
            self.push(repository, image.digest, image)
        return self.push_manifest(repository, tag, _INDEX[family], make_index(images, family))

    def push_manifest(self, repository: str, name: str, media_type: str, body: bytes) -> str:
        path = f"/v2/{repository}/manifests/{name}"
        self._call("PUT", path, body, {"Content-Type": media_type})
        return digest(body)

    def _push_blob(self, repository: str, name: str, body: bytes) -> None:
        location = self._call("POST", f"/v2/{repository}/blobs/uploads/", b"", {})
        joint = "&" if "?" in location else "?"
        headers = {"Content-Type": "application/octet-stream"}
        self._call("PUT", f"{location}{joint}digest={name}", body, headers)

    def _call(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> str:
        """The Location of the answer."""
        with contextlib.closing(http.client.HTTPConnection(self.address, timeout=30)) as connection:
            connection.request(method, path.removeprefix(f"http://{self.address}"), body, headers)
            response = connection.getresponse()
            assert response.status < 300, (method, path, response.status, response.read())
            return response.headers.get("Location", "")

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, "docker-registry ended at once"
            with contextlib.suppress(OSError):
                socket.create_connection(_split(self.address), 1).close()
                return
            time.sleep(0.02)
        raise AssertionError("docker-registry does not answer")


_SETTINGS = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {directory}/store}}
  delete: {{enabled: true}}
http: {{addr: {address}}}
"""


def _temporary() -> str:
    return tempfile.mkdtemp(prefix=os.path.basename(machine.TEMPORARY), dir="/tmp")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)
