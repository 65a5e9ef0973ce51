"""The one door to the C library: every system call that Python lacks goes through `syscall`.

A failed call raises OSError with errno, the name of the call and the path; nothing above this
package sees a return code, an encoded string or a ctypes object.
"""

from __future__ import annotations

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
_syscall = libc.syscall
_syscall.restype = ctypes.c_long


def check(result: int, name: str, path: str = "") -> int:
    """Pass a result through, or raise OSError(errno, "name: reason", path)."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}", path or None)
    return result


def syscall(number: int, name: str, *arguments: object, path: str = "") -> int:
    """Call by number; integers are passed as 64 bit, the rest as ctypes converts it."""
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return check(_syscall(ctypes.c_long(number), *converted), name, path)
