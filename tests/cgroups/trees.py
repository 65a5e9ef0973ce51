"""Two v2 trees that the same tests are put to: the kernel's, and one for machines without it.

The fake one is of directories whose files obey the kernel's main rules: which files a cgroup has
by its controllers, that a controller must come down from every ancestor, that a cgroup with
processes (but the root) passes none down but those of threads, and how processes move. Limits do
not limit there. What is asked of both, `make test-cgroup2` asks of the kernel.
"""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from tuidock.engine.cgroups.files import write as kernels_write

CORE = {"cgroup.procs": "", "cgroup.subtree_control": "", "cgroup.freeze": "0", "cgroup.kill": ""}
FILES = {
    "cpu": {"cpu.max": "max 100000", "cpu.weight": "100"},
    "cpuset": {"cpuset.cpus": "", "cpuset.mems": ""},
    "io": {"io.weight": "default 100", "io.stat": ""},
    "memory": {
        "memory.max": "max",
        "memory.swap.max": "max",
        "memory.low": "0",
        "memory.high": "max",
        "memory.peak": "0",
        "memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0",
    },
    "pids": {"pids.max": "max", "pids.current": "0"},
}

THREADED = {"cpu", "cpuset", "pids"}
"""Enabled beside processes too, in a cgroup that then is a thread root."""


class Tree:
    """The kernel's own, below `root`; sees our writes and can refuse them."""

    def __init__(self, root: Path, controllers: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = str(root)
        self.written: list[tuple[str, str]] = []
        self.refused: dict[tuple[str, str], int] = {}
        """Errors by file and value that is written."""
        self.mkdir, self.rmdir = os.mkdir, os.rmdir
        self._processes: list[subprocess.Popen[bytes]] = []
        for module in ("files", "group", "v2"):
            monkeypatch.setattr(f"tuidock.engine.cgroups.{module}.write", self.write)

    def get(self, directory: str, name: str) -> str:
        return Path(directory, name).read_text().strip()

    def write(self, path: str, value: str) -> None:
        self.written.append((os.path.relpath(path, self.root), value))
        if code := self.refused.get((os.path.basename(path), value), 0):
            raise OSError(code, os.strerror(code), path)
        self._write(path, value)

    def _write(self, path: str, value: str) -> None:
        kernels_write(path, value)

    def inhabit(self, directory: str) -> str:
        """The pid of a process there."""
        self._processes.append(subprocess.Popen(["sleep", "1000"]))
        pid = str(self._processes[-1].pid)
        self._write(f"{directory}/cgroup.procs", pid)
        return pid

    def leave(self) -> None:
        """End the processes, and remove what is below the root."""
        for process in self._processes:
            process.kill()
            process.wait()
        for path, _, _ in os.walk(self.root, topdown=False):
            if path != self.root:
                os.rmdir(path)


class Fake(Tree):
    """Stands for the kernel below `root`; takes over mkdir, rmdir and our writes."""

    def __init__(self, root: Path, controllers: str, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(root, controllers, monkeypatch)
        self._pid = 99
        self._mkdir, self._rmdir = os.mkdir, os.rmdir
        self._fill(self.root, controllers)
        monkeypatch.setattr(os, "mkdir", self.make)
        monkeypatch.setattr(os, "rmdir", self.unmake)
        self.mkdir, self.rmdir = self.make, self.unmake

    def _fill(self, directory: str, controllers: str) -> None:
        files = {**CORE, "cgroup.controllers": controllers}
        if directory != self.root:
            files["cgroup.events"] = "populated 0\nfrozen 0"
            for name in controllers.split():
                files.update(FILES.get(name, {}))
        for name, content in files.items():
            Path(directory, name).write_text(content + "\n")

    def make(self, path: str, mode: int = 0o777, **options: int) -> None:
        self._mkdir(path, mode, **options)
        if path.startswith(f"{self.root}/"):
            self._fill(path, self.get(os.path.dirname(path), "cgroup.subtree_control"))

    def unmake(self, path: str, **options: int) -> None:
        if path.startswith(f"{self.root}/"):
            if self.get(path, "cgroup.procs") or any(e.is_dir() for e in os.scandir(path)):
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)
            for entry in os.scandir(path):
                os.unlink(entry.path)
        self._rmdir(path, **options)

    def _write(self, path: str, value: str) -> None:
        directory, name = os.path.split(path)
        code = 0
        if name == "cgroup.subtree_control":
            code = self._enable(directory, value[1:])
        elif name == "cgroup.procs":
            self._move(directory, value)
        elif not os.path.exists(path):
            code = errno.ENOENT
        else:
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

    def inhabit(self, directory: str) -> str:
        self._pid += 1
        self._write(f"{directory}/cgroup.procs", str(self._pid))
        return str(self._pid)

    def leave(self) -> None:
        """The directory is a temporary one."""
