"""Seccomp filters as the kernel holds them: taken from a live process, and run on paper."""

from __future__ import annotations

import ctypes
import os
import struct

_SEIZE, _INTERRUPT, _DETACH, _GET_FILTER = 0x4206, 0x4207, 17, 0x420C
_WALL = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long] * 4
_libc.ptrace.restype = ctypes.c_long


def of_process(pid: int) -> bytes:
    """The filter that was loaded last. Needs CAP_SYS_ADMIN."""
    _trace(_SEIZE, pid)
    _trace(_INTERRUPT, pid)
    os.waitpid(pid, _WALL)
    try:
        size = _trace(_GET_FILTER, pid)
        program = ctypes.create_string_buffer(8 * size)
        _trace(_GET_FILTER, pid, ctypes.addressof(program))
    finally:
        _trace(_DETACH, pid)
    return program.raw


def _trace(request: int, pid: int, data: int = 0) -> int:
    done: int = _libc.ptrace(request, pid, 0, data)
    if done < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), f"ptrace {request:#x}")
    return done


def run(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """What the kernel would answer; fails when the program runs off its end or jumps back."""
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("=IIQ6Q", number, architecture, 0, *padded)
    code = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator = position = 0
    while True:
        operation, true, false, constant = code[position]
        position += 1
        match operation:
            case 0x20:
                accumulator = struct.unpack_from("=I", data, constant)[0]
            case 0x54:
                accumulator &= constant
            case 0x05:
                position += constant
            case 0x15:
                position += true if accumulator == constant else false
            case 0x25:
                position += true if accumulator > constant else false
            case 0x35:
                position += true if accumulator >= constant else false
            case 0x06:
                return int(constant)
            case _:
                raise AssertionError(f"unknown instruction {operation:#x}")
