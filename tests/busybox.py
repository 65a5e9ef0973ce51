"""A small real image: Debian's static busybox, its applets as symlinks, three users."""

from __future__ import annotations

import functools
import io
import json
import os
import subprocess
import tarfile

BUSYBOX = "/bin/busybox"
REFERENCE = "docker.io/library/busybox:latest"
_PASSWD = (
    "root:x:0:0:root:/root:/bin/sh\n"
    "daemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
    "app:x:1234:1235:app:/home/app:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/:/bin/false\n"
)
_GROUP = "root:x:0:\ndaemon:x:1:\naudio:x:29:app\napp:x:1235:\nnobody:x:65534:\n"
_DIRECTORIES = "bin dev etc home/app proc root sys tmp usr/bin var/log www".split()


@functools.cache
def layer() -> bytes:
    """An uncompressed tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in _DIRECTORIES:
            tar.addfile(_entry(name, tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755))
        with open(BUSYBOX, "rb") as file:
            entry = _entry("bin/busybox", tarfile.REGTYPE, 0o755)
            entry.size = os.fstat(file.fileno()).st_size
            tar.addfile(entry, file)
        for applet in _applets():
            entry = _entry(f"bin/{applet}", tarfile.SYMTYPE, 0o777)
            entry.linkname = "busybox"
            tar.addfile(entry)
        for name, text in (
            ("etc/passwd", _PASSWD),
            ("etc/group", _GROUP),
            ("etc/nsswitch.conf", "hosts: files dns\n"),  # without it names are asked for first
            ("www/index.html", "hello\n"),
        ):
            entry = _entry(name, tarfile.REGTYPE, 0o644)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def config(**fields: object) -> bytes:
    """An OCI image config without `rootfs`, which whoever adds the image fills in."""
    process = {"Env": ["PATH=/usr/bin:/bin"], "Cmd": ["sh"], **fields}
    return json.dumps({"architecture": _architecture(), "os": "linux", "config": process}).encode()


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.mtime = kind, mode, 1_700_000_000
    return entry


def _applets() -> list[str]:
    listed = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split() if name != "busybox"]


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
