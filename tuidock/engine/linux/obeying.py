"""What a stub does, in Python: for machines whose code we do not know or may not execute.

Runs in a fork, in a container's namespaces until the execve. Invariant: it does the same as the
listings in `machine`, and nothing else: no import, no file, no name.
"""

from __future__ import annotations

import ctypes
import os
import select
import struct

from tuidock.engine.linux.libc import libc
from tuidock.engine.linux.machine import CALL, LAYOUT
from tuidock.engine.linux.process import forbid_imports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_EAGAIN = 11


def obey(control: int) -> NoReturn:
    """Take orders by a control block until the end of the line, or of the starter."""
    forbid_imports()
    try:
        while True:
            line, _, _, starter, _, _ = struct.unpack("=ihhihh", ctypes.string_at(control, 16))
            if starter in _readable(line, starter):
                break
            message = os.read(line, 8)
            if len(message) < 8:
                break
            control = _perform(int.from_bytes(message, "little"), control, line)
    finally:
        os._exit(127)


def _readable(*descriptors: int) -> list[int]:
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return [descriptor for descriptor, _ in poll.poll()]


def _perform(call: int, control: int, line: int) -> int:
    """Make the calls of a batch and tell where it ended; who is born by it does not tell."""
    while True:
        number, *arguments, mask, fine, skip, _, child, tries = LAYOUT.unpack(
            ctypes.string_at(call, CALL)
        )
        if number < 0:
            break
        values = [_resolved(value, mask >> index & 1) for index, value in enumerate(arguments)]
        result = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, values))
        code = 0 if result >= 0 else ctypes.get_errno()
        while code == _EAGAIN and tries > 0:
            tries -= 1
            result = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, values))
            code = 0 if result >= 0 else ctypes.get_errno()
        if child and result == 0:
            return int(child)
        _write(call + 80, -code if code else result)
        if code:
            if code not in fine.to_bytes(8, "little"):
                break
            call += skip
        call += CALL
    os.write(line, call.to_bytes(8, "little"))
    return control


def _resolved(value: int, is_address: int) -> int:
    return (
        int.from_bytes(ctypes.string_at(value, 8), "little", signed=True) if is_address else value
    )


def _write(address: int, value: int) -> None:
    ctypes.c_long.from_address(address).value = value
