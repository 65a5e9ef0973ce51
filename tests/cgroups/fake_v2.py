"""A v2 tree for machines without one: directories whose files obey the kernel's main rules.

It is a fake, and knows only: which files a cgroup has by its controllers, that a controller
must come down from every ancestor, that a cgroup with processes (but the root) passes none
down but those of threads, and how processes move. Limits do not limit here. The file names are
those of a Debian 12 kernel; the rules are those of Documentation/admin-guide/cgroup-v2.rst.
`test_cgroup.py` runs against the kernel itself, on v2 where a machine has it (and did, on
Debian 12 with Linux 6.1).
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

CORE = {"cgroup.procs": "", "cgroup.subtree_control": "", "cgroup.freeze": "0", "cgroup.kill": ""}
FILES = {
    "cpu": {"cpu.max": "max 100000", "cpu.weight": "100"},
    "cpuset": {"cpuset.cpus": "", "cpuset.mems": ""},
    "io": {"io.weight": "default 100", "io.stat": ""},
    "memory": {
        "memory.max": "max",
        "memory.swap.max": "max",
        "memory.low": "0",
        "memory.peak": "0",
        "memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0",
    },
    "pids": {"pids.max": "max", "pids.current": "0"},
}

THREADED = {"cpu", "cpuset", "pids"}
"""Enabled beside processes too, in a cgroup that then is a thread root."""


class Kernel:
    """Stands for the kernel below `root`; takes over mkdir, rmdir and our writes."""

    def __init__(self, root: Path, controllers: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = str(root)
        self.written: list[tuple[str, str]] = []
        self.refused: dict[str, int] = {}
        self._mkdir, self._rmdir = os.mkdir, os.rmdir
        self._fill(self.root, controllers)
        for module in ("files", "group", "v1", "v2"):
            monkeypatch.setattr(f"tuidock.engine.cgroups.{module}.write", self.write)
        monkeypatch.setattr(os, "mkdir", self.mkdir)
        monkeypatch.setattr(os, "rmdir", self.rmdir)

    def _fill(self, directory: str, controllers: str) -> None:
        files = {**CORE, "cgroup.controllers": controllers}
        if directory != self.root:
            files["cgroup.events"] = "populated 0\nfrozen 0"
            for name in controllers.split():
                files.update(FILES.get(name, {}))
        for name, content in files.items():
            Path(directory, name).write_text(content + "\n")

    def mkdir(self, path: str, mode: int = 0o777, **options: int) -> None:
        self._mkdir(path, mode, **options)
        if path.startswith(f"{self.root}/"):
            self._fill(path, self.get(os.path.dirname(path), "cgroup.subtree_control"))

    def rmdir(self, path: str, **options: int) -> None:
        if path.startswith(f"{self.root}/"):
            if self.get(path, "cgroup.procs") or any(e.is_dir() for e in os.scandir(path)):
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)
            for entry in os.scandir(path):
                os.unlink(entry.path)
        self._rmdir(path, **options)

    def get(self, directory: str, name: str) -> str:
        return Path(directory, name).read_text().strip()

    def write(self, path: str, value: str) -> None:
        directory, name = os.path.split(path)
        self.written.append((os.path.relpath(path, self.root), value))
        code = self.refused.get(name, 0)
        if name == "cgroup.subtree_control":
            code = self._enable(directory, value[1:])
        elif name == "cgroup.procs":
            self._move(directory, value)
        elif not os.path.exists(path):
            code = errno.ENOENT
        elif not code:
            Path(path).write_text(value + "\n")
        if code:
            raise OSError(code, os.strerror(code), path)

    def _enable(self, directory: str, controller: str) -> int:
        if controller not in self.get(directory, "cgroup.controllers").split():
            return errno.ENOENT
        enabled = self.get(directory, "cgroup.subtree_control")
        inhabited = directory != self.root and self.get(directory, "cgroup.procs")
        if inhabited and controller not in THREADED:
            return errno.EOPNOTSUPP if THREADED & set(enabled.split()) else errno.EBUSY
        Path(directory, "cgroup.subtree_control").write_text(f"{enabled} {controller}\n")
        for child in (entry.path for entry in os.scandir(directory) if entry.is_dir()):
            known = self.get(child, "cgroup.controllers")
            Path(child, "cgroup.controllers").write_text(f"{known} {controller}\n")
            for name, content in FILES.get(controller, {}).items():
                Path(child, name).write_text(content + "\n")
        return 0

    def _move(self, directory: str, pid: str) -> None:
        for procs in Path(self.root).rglob("cgroup.procs"):
            left = [each for each in procs.read_text().split() if each != pid]
            procs.write_text("".join(f"{each}\n" for each in left))
        with open(f"{directory}/cgroup.procs", "a") as file:
            file.write(f"{pid}\n")
