"""A FUSE file system that never answers: whoever looks a name up there sleeps in the kernel.

The request is read and forgotten, so that not even SIGKILL ends the wait (`wait it out`, in
fs/fuse/dev.c); an end of the server does. See fuse(4) and linux/fuse.h.
"""

from __future__ import annotations

import ctypes
import os
import struct
import threading

_GETATTR, _INIT = 3, 26
_HEADER = struct.Struct("IIQQIIII")
"""len, opcode, unique, nodeid, uid, gid, pid, padding."""
_MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


class Hanging:
    """`with Hanging(directory):` mounted there; at the end everybody gets an error."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.asked = threading.Event()
        """Somebody sleeps."""

    def __enter__(self) -> Hanging:
        self._device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self._device},rootmode=40000,user_id=0,group_id=0,allow_other"
        words = (b"hanging", self.directory.encode(), b"fuse", 0, options.encode())
        if _libc.mount(*words):
            raise OSError(ctypes.get_errno(), "mount", self.directory)
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.answer()

    def answer(self) -> None:
        """Let everybody go, with ECONNABORTED."""
        _libc.umount2(self.directory.encode(), 1 | _MNT_DETACH)  # MNT_FORCE aborts

    def _serve(self) -> None:
        while True:
            try:
                request = os.read(self._device, 1 << 17)
            except OSError:  # unmounted
                os.close(self._device)
                return
            _, opcode, unique, *_rest = _HEADER.unpack_from(request)
            if opcode == _INIT:
                self._reply(
                    unique, struct.pack("IIIIHHIIHHI28x", 7, 31, 0, 0, 0, 0, 4096, 1, 0, 0, 0)
                )
            elif opcode == _GETATTR:
                self._reply(unique, _directory())
            else:
                self.asked.set()

    def _reply(self, unique: int, body: bytes) -> None:
        os.write(self._device, struct.pack("IiQ", 16 + len(body), 0, unique) + body)


def _directory() -> bytes:
    """`fuse_attr_out` of an empty directory of root, good for an hour."""
    times = (0,) * 3
    return struct.pack("QII", 3600, 0, 0) + struct.pack(
        "6Q3I7I", 1, 0, 0, *times, *times, 0o40755, 2, 0, 0, 0, 4096, 0
    )
