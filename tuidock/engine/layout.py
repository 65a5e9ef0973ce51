"""Where things live on disk: the one place that knows a path of the store.

`root` holds what must survive a reboot, `runroot` what must not. Paths are plain strings:
the monitor and every short verb use them, and `pathlib` costs 5 ms to import.
"""

from __future__ import annotations

import errno
import os

from tuidock.engine.named import NamedTuple


class Layout(NamedTuple):
    """The two directories of one engine; two layouts never see or disturb each other."""

    root: str
    runroot: str

    @property
    def database(self) -> str:
        """SQLite file of names and states."""
        return f"{self.root}/tuidock.db"

    @property
    def oci(self) -> str:
        """OCI image layout: `oci-layout`, `index.json`, `blobs/sha256/`."""
        return f"{self.root}/oci"

    @property
    def ingest(self) -> str:
        """Unfinished downloads and extractions; each is locked by whoever works on it."""
        return f"{self.root}/ingest"

    @property
    def layers(self) -> str:
        """Extracted layers, one directory each, named by layer key (64 hex)."""
        return f"{self.root}/layers"

    @property
    def events(self) -> str:
        """Append-only JSON lines of everything that happened."""
        return f"{self.root}/events.jsonl"

    @property
    def launcher_socket(self) -> str:
        return f"{self.runroot}/launcher.sock"

    def blob(self, digest: str) -> str:
        """Path of a blob; `digest` must have been validated (images.reference.check_digest)."""
        algorithm, _, encoded = digest.partition(":")
        return f"{self.oci}/blobs/{algorithm}/{encoded}"

    def layer(self, key: str) -> str:
        return f"{self.layers}/{key}"

    def container(self, container_id: str) -> str:
        """The bundle: `config.json`, `upper/`, `work/`, `rootfs/`, `log`, `exit.json`."""
        return f"{self.root}/containers/{container_id}"

    def run(self, container_id: str) -> str:
        """Run state: `monitor.sock`, `state.json`, `stdout`, `stderr` (fifos)."""
        return f"{self.runroot}/containers/{container_id}"

    def uplink(self, container_id: str) -> str:
        """While an ordinary user's container has a network: who carries it (`program`)."""
        return f"{self.runroot}/uplinks/{container_id}"

    def intake(self, container_id: str) -> str:
        """What its monitor is just writing to the log."""
        return f"{self.run(container_id)}/intake"

    def log(self, container_id: str) -> str:
        """The current log file; rotated ones carry `.1`, `.2`, ... (higher is older)."""
        return f"{self.container(container_id)}/log"

    def remains(self, container_id: str) -> str:
        """What is left for a while of a container that was removed: its log."""
        return f"{self.root}/removed/{container_id}"

    def samples(self, container_id: str) -> str:
        """Its black box: what it used in the last day."""
        return f"{self.container(container_id)}/samples"

    def exit_file(self, container_id: str) -> str:
        return f"{self.container(container_id)}/exit.json"

    def begun_file(self, container_id: str) -> str:
        """When it was last started; with it an end is known that nobody lived to record."""
        return f"{self.container(container_id)}/begun.json"

    def birth_file(self, container_id: str) -> str:
        """What was done for its last birth, call by call: `runtime.birthrecord`."""
        return f"{self.container(container_id)}/birth.json"

    @property
    def tag(self) -> str:
        """Eight hex digits that tell this root's cgroups, interfaces and rules from another's.

        FNV-1a rather than a digest: hashlib is not worth its import in the monitor.
        """
        value = 0x811C9DC5
        for byte in os.path.abspath(self.root).encode():
            value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
        return f"{value:08x}"

    def make(self) -> None:
        """Create both directories, ours alone: layers hold real setuid files.

        Raises OSError; PermissionError when somebody else owns one.
        """
        for path in (self.root, self.runroot):
            os.makedirs(path, mode=0o700, exist_ok=True)
            found = os.stat(path)
            if found.st_uid != os.geteuid():
                raise PermissionError(errno.EPERM, "belongs to another user", path)
            if found.st_mode & 0o077:
                os.chmod(path, 0o700)
        for path in (f"{self.oci}/blobs/sha256", self.ingest, self.layers):
            os.makedirs(path, mode=0o700, exist_ok=True)
        for path in (f"{self.root}/containers", f"{self.runroot}/containers"):
            os.makedirs(path, mode=0o700, exist_ok=True)
