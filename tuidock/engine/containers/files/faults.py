"""What went wrong in a container's file system, in docker's words where it has some."""

from __future__ import annotations

import errno

from tuidock.engine.errors import EngineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def told(error: BaseException, request: dict[str, Any]) -> dict[str, str]:
    """An answer that `Visit.answer` raises as an EngineError."""
    if isinstance(error, EngineError):
        return answer(type(error).__name__, error.message, error.hint)
    where = f"{request.get('name', '')}:{request.get('path', '')}"
    if isinstance(error, OSError):
        return _system(error, where)
    if isinstance(error, MemoryError):
        return answer("HostError", f"{where}: a directory with too many files")
    return answer("HostError", f"{where}: {type(error).__name__}: {error}")


def answer(kind: str, message: str, hint: str = "") -> dict[str, str]:
    """`kind` is the name of a class of `errors`."""
    return {"error": kind, "message": message, "hint": hint}


def _system(error: OSError, where: str) -> dict[str, str]:
    if error.errno == errno.EROFS:
        text = f"{where}: container rootfs or volume is marked read-only"
        return answer("Conflict", text, "choose a path in a volume that can be written")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return answer("StorageFull", f"{where}: no space left")
    why = error.strerror or str(error)
    return answer("HostError", f"{where}: {why}")
