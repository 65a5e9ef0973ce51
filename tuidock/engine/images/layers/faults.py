"""Which of the engine's errors a failed system call on a layer is."""

from __future__ import annotations

import errno

from tuidock.engine.errors import ContentError, EngineError, HostError, StorageFull, UnsafeLayer

_ARCHIVE_FAULTS = frozenset(
    {
        errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EINVAL,
        errno.ENAMETOOLONG, errno.EFBIG, errno.EMLINK, errno.EILSEQ, errno.ENOTEMPTY,
    }
)  # fmt: skip
"""What a name or value in an archive can cause; anything else is the machine's fault."""


def translated(error: BaseException) -> EngineError:
    """What went wrong, in the engine's words."""
    if isinstance(error, EngineError):
        return error
    if isinstance(error, MemoryError):
        return UnsafeLayer("the layer needs too much memory to unpack")
    if isinstance(error, OSError):
        text = f"cannot unpack a layer: {error.strerror or error}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StorageFull(text, "make room, or choose another --root")
        if error.errno in _ARCHIVE_FAULTS:
            return ContentError(text)
        return HostError(text)
    return HostError(f"cannot unpack a layer: {type(error).__name__}: {error}")
