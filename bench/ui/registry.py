"""A registry of one image, 1 GB compressed, on this machine: something to pull meanwhile.

A process of its own, so that serving does not slow down who measures. Layers are gzip members
of tar archives whose files nothing can compress.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LAYERS, FILES, FILE = 4, 250, 1_000_000
OCI = "application/vnd.oci.image"


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """The reference of the image. Nothing is served any more after the block."""
    directory.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "bench.ui.registry", str(directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            yield f"127.0.0.1:{server.stdout.readline().strip()}/gigabyte:latest"
        finally:
            server.kill()


def main(directory: str) -> None:
    """Make the image, say the port, serve."""
    place = Path(directory)
    (place / "v2/gigabyte/blobs").mkdir(parents=True)
    (place / "v2/gigabyte/manifests").mkdir()
    _write_image(place / "v2/gigabyte")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Answer, directory=directory))
    print(server.server_port, flush=True)
    server.serve_forever()


def _write_image(place: Path) -> None:
    layers = [_layer() for _ in range(LAYERS)]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [plain for plain, _ in layers]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": _keep(place, f"{OCI}.config.v1+json", json.dumps(config).encode()),
        "layers": [_keep(place, f"{OCI}.layer.v1.tar+gzip", packed) for _, packed in layers],
    }
    (place / "manifests/latest").write_text(json.dumps(manifest))


def _layer() -> tuple[str, bytes]:
    """Digest of the archive, and the archive compressed."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for number in range(FILES):
            entry = tarfile.TarInfo(f"data/{os.urandom(4).hex()}-{number}")
            entry.size = FILE
            archive.addfile(entry, io.BytesIO(os.urandom(FILE)))
    return _digest(plain.getvalue()), gzip.compress(plain.getvalue(), 1)


def _keep(place: Path, media_type: str, body: bytes) -> dict[str, object]:
    (place / "blobs" / _digest(body)).write_bytes(body)
    return {"mediaType": media_type, "digest": _digest(body), "size": len(body)}


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


class _Answer(SimpleHTTPRequestHandler):
    def guess_type(self, path: str | os.PathLike[str]) -> str:
        return (
            f"{OCI}.manifest.v1+json" if "/manifests/" in str(path) else "application/octet-stream"
        )

    def do_GET(self) -> None:
        if self.path == "/v2/":
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            super().do_GET()


if __name__ == "__main__":
    main(sys.argv[1])
