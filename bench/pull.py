"""Cold pulls with extraction, from a registry on this machine."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.measure import Failed, Row, command, say, timed
from bench.peers import Engine

MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json,"
    "application/vnd.oci.image.manifest.v1+json"
)
RUNS = {"busybox": 5, "debian": 3, "big": 2}


def measure(directory: Path, registry: str, peers: Sequence[Engine]) -> Iterator[Row]:
    """One discipline for each image that the registry has."""
    for name, runs in RUNS.items():
        manifest = _manifest(registry, name)
        if not manifest:
            say(f"left out: {registry} has no {name}")
            continue
        megabytes = sum(layer["size"] for layer in manifest["layers"]) / 1e6
        discipline = f"pull {name}, {megabytes:.0f} MB compressed"
        reference = f"{registry}/{name}:latest"
        yield Row(discipline, "tuidock", _own(directory, reference, runs))
        for peer in peers:
            try:
                taken = timed(lambda p=peer, r=reference: p.pull(r), runs, after=peer.forget)
            except Failed as error:
                say(f"left out: {discipline}: {error}")
                continue
            yield Row(discipline, peer.name, taken)
        yield _tar(directory, registry, name, manifest, discipline, runs)


def _own(directory: Path, reference: str, runs: int) -> tuple[float, ...]:
    store = directory / "pull"
    env = dict(os.environ, TUIDOCK_ROOT=f"{store}/root", TUIDOCK_RUNROOT=f"{store}/run")
    words = (sys.executable, "-m", "tuidock", "pull", "-q", reference)

    def forget() -> None:
        shutil.rmtree(store, ignore_errors=True)

    return timed(lambda: command(*words, env=env), runs, before=forget, after=forget)


def _tar(
    directory: Path, registry: str, name: str, manifest: dict, discipline: str, runs: int
) -> Row:  # type: ignore[type-arg]
    """GNU tar on blobs already on disk: no download, no digests, one layer after another."""
    blobs = []
    for number, layer in enumerate(manifest["layers"]):
        blobs.append(directory / f"blob{number}")
        blobs[-1].write_bytes(_get(registry, f"/v2/{name}/blobs/{layer['digest']}"))
    target = directory / "untarred"

    def before() -> None:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()

    def once() -> None:
        for number, blob in enumerate(blobs):
            (target / str(number)).mkdir()
            command("tar", "-xzf", str(blob), "-C", f"{target}/{number}", "--xattrs")

    row = Row(
        discipline, "tar -xz", timed(once, runs, before), note="extraction alone, no download"
    )
    shutil.rmtree(target)
    for blob in blobs:
        blob.unlink()
    return row


def _manifest(registry: str, name: str) -> dict | None:  # type: ignore[type-arg]
    try:
        return json.loads(_get(registry, f"/v2/{name}/manifests/latest"))
    except (OSError, Failed):
        return None


def _get(registry: str, path: str) -> bytes:
    connection = http.client.HTTPConnection(registry, timeout=60)
    connection.request("GET", path, headers={"Accept": MANIFESTS})
    with connection.getresponse() as answer:
        if answer.status != 200:
            raise Failed(f"{path}: {answer.status}")
        return answer.read()
