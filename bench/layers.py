"""Unpacks one gzip layer with tuidock, GNU tar and Python's tarfile, side by side.

`python -m bench.layers [BLOB]`: without a blob a layer of 60,000 files and 1 GB is made. Each
contestant runs to the same point, the file system synced; TMPDIR=/dev/shm leaves the disk out.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from io import BytesIO

from bench.measure import Row, say, table
from tuidock.engine.images.layers import LayerStore
from tuidock.engine.layout import Layout
from tuidock.engine.linux.files import syncfs
from tuidock.engine.store import connect

FILES, BYTES, ROUNDS = 60_000, 1 << 30, 3
GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"


def made(path: str) -> str:
    """A layer like those of real images: many small files, some large, compressible by half."""
    chance = random.Random(60_000)
    noise = chance.randbytes(1 << 20)
    words = b" ".join(b"%x" % chance.getrandbits(40) for _ in range(1 << 15))
    plain = path + ".tar"
    with tarfile.open(plain, "w", format=tarfile.GNU_FORMAT) as tar:
        for number in range(FILES):
            if number % 12 == 0:
                tar.addfile(_entry(f"usr/share/d{number // 12}", tarfile.DIRTYPE, 0o755, 0))
            size = int(BYTES / FILES * chance.expovariate(1))
            start = chance.randrange(len(noise))
            head = noise[start : start + size // 8]
            data = head + words[start // 4 :][: size - len(head)]
            name = f"usr/share/d{number // 12}/file{number}"
            tar.addfile(_entry(name, tarfile.REGTYPE, 0o644, len(data)), BytesIO(data))
    subprocess.run(["gzip", "-1", plain], check=True)
    return plain + ".gz"


def _entry(name: str, kind: bytes, mode: int, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.mtime = kind, mode, size, 1_600_000_000
    return info


def with_tuidock(blob: str, directory: str) -> None:
    layout = Layout(directory, f"{directory}/run")
    layout.make()
    db = connect(layout)
    layers = LayerStore(layout, db)
    with layers.begin(GZIP) as unpacking, open(blob, "rb") as file:
        while data := file.read(1 << 18):
            unpacking.write(data)
        layers.settle([unpacking.finish()])
    db.close()


def with_tar(blob: str, directory: str) -> None:
    subprocess.run(["tar", "-xzf", blob, "-C", directory], check=True)


def with_tarfile(blob: str, directory: str) -> None:
    with tarfile.open(blob) as tar:
        tar.extractall(directory)  # our own archive


def timed(unpack: Callable[[str, str], None], blob: str) -> float:
    """Seconds until everything is on disk; the tree is removed afterwards."""
    directory = tempfile.mkdtemp(prefix="tuidock-bench-")
    where = os.open(directory, os.O_RDONLY)
    try:
        syncfs(where)
        start = time.perf_counter()
        unpack(blob, directory)
        syncfs(where)
        return time.perf_counter() - start
    finally:
        os.close(where)
        shutil.rmtree(directory)


CONTESTANTS = {"tuidock": with_tuidock, "tar -xzf": with_tar, "tarfile": with_tarfile}


def rows(blob: str) -> list[Row]:
    """Each contestant in turn, `ROUNDS` times."""
    times: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for _ in range(ROUNDS):
        for name, unpack in CONTESTANTS.items():
            times[name].append(timed(unpack, blob))
            say(f"{name}: {times[name][-1]:.2f} s")
    return [Row("layer", name, tuple(each)) for name, each in times.items()]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="tuidock-bench-") as scratch:
        blob = sys.argv[1] if len(sys.argv) > 1 else made(f"{scratch}/layer")
        print(table(rows(blob)))


if __name__ == "__main__":
    main()
