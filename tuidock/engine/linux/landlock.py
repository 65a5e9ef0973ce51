"""landlock(7): a process that gives up all files but those beneath one directory."""

from __future__ import annotations

import errno
import os
import struct

from tuidock.engine.linux.libc import check, libc, syscall

_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_PR_SET_NO_NEW_PRIVS = 38


def landlock_version() -> int:
    """ABI version of landlock, 0 where the kernel has none or does not use it."""
    try:
        return syscall(_LANDLOCK_CREATE_RULESET, "landlock_create_ruleset", 0, 0, 1)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP):
            return 0
        raise


_WRITE_RIGHTS = {1: 0x1FF2, 2: 0x3FF2, 3: 0x7FF2, 5: 0xFFF2}
"""Everything but executing and reading, by ABI version (linux/landlock.h)."""


def landlock(directory: int) -> bool:
    """Let this thread and its future children touch files only beneath `directory`.

    Reading and executing are restricted too. False where landlock is missing or too old to
    allow links between directories (ABI 1). Raises OSError.
    """
    version = landlock_version()
    if version < 2:
        return False
    rights = _WRITE_RIGHTS[max(known for known in _WRITE_RIGHTS if known <= version)] | 0xD
    attribute = struct.pack("Q", rights)
    size = len(attribute)
    ruleset = syscall(_LANDLOCK_CREATE_RULESET, "landlock_create_ruleset", attribute, size, 0)
    try:
        rule = struct.pack("=Qi", rights, directory)
        syscall(_LANDLOCK_ADD_RULE, "landlock_add_rule", ruleset, 1, rule, 0)
        check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)")
        syscall(_LANDLOCK_RESTRICT_SELF, "landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)
    return True
