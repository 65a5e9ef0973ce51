"""Memory in which one process writes down system calls that another one is to make.

A batch is a row of calls in the layout of `machine`, and the strings and structures that their
arguments point to. Invariant: everything that a call points to lies in the arena, and stays there
until the batch was answered.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import struct

from tuidock.engine.linux.calls import NUMBER
from tuidock.engine.linux.machine import CALL, LAYOUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias, TypedDict, Unpack

    Argument: TypeAlias = "int | bytes | str | Answer | None"

    class How(TypedDict, total=False):
        """What more there is to say of a call."""

        fine: tuple[int, ...]
        """Errnos that do not end the batch."""
        skip: int
        """The number of calls that are left out after one of these."""
        tries: int
        """How often EAGAIN is tried again."""
        path: str
        """What an error is about."""
        context: Answer | None
        """The fsopen(2) whose messages explain an error."""


_SIZE = 8 << 20
"""Bytes of address space; memory is only what was written."""
_CONTROL = 32
_CONTROLS = 8
_MOST_CALLS = 1000
_FIRST_CALL = _CONTROL * _CONTROLS
_FIRST_DATA = _FIRST_CALL + CALL * (_MOST_CALLS + 1)
_RESULT = 80
_END = struct.pack("=q", -1)


class Answer:
    """What a call returns: known (`value`) once its batch was made, before that an address."""

    __slots__ = ("address", "value")

    def __init__(self, address: int) -> None:
        self.address = address
        self.value: int | None = None

    @property
    def known(self) -> int:
        """The result, or minus errno if that was said to be fine."""
        assert self.value is not None, "its batch has not been made"
        return self.value


class Call:
    """A call that was written down: how to speak of it, and who wants the result."""

    __slots__ = ("answer", "context", "name", "path", "step")

    def __init__(
        self, name: str, path: str, step: str, answer: Answer, context: Answer | None
    ) -> None:
        self.name = name
        self.path = path
        self.step = step
        self.answer = answer
        self.context = context


class Arena:
    """The memory, and the batch in it."""

    def __init__(self, *, shared: bool) -> None:
        """`shared`: also with a process that has a memory of its own."""
        kind = mmap.MAP_SHARED if shared else mmap.MAP_PRIVATE
        flags = kind | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0x4000)
        self.memory = mmap.mmap(-1, _SIZE, flags=flags)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.calls: list[Call] = []
        self._data = _FIRST_DATA
        self._controls = 0

    # --- control blocks -----------------------------------------------------------------------

    def control(self, line: int, starter: int) -> int:
        """The address of a new control block: a stub's end of its line, the starter's pidfd."""
        assert self._controls < _CONTROLS
        at = self._controls * _CONTROL
        self._controls += 1
        readable = 1  # POLLIN
        struct.pack_into(
            "=ihhihhqq", self.memory, at, line, readable, 0, starter, readable, 0, 0, 0
        )
        return self.base + at

    # --- the batch ----------------------------------------------------------------------------

    def add(
        self,
        name: str,
        arguments: tuple[Argument, ...],
        *,
        step: str,
        child: int = 0,
        **how: Unpack[How],
    ) -> Answer:
        """Write a call down. Raises OSError E2BIG when there is no more room.

        `child` is the control block of the process that it makes, if it is a clone.
        """
        if len(self.calls) == _MOST_CALLS:
            raise OSError(errno.E2BIG, "too many system calls in a batch")
        values, mask = self._values(arguments)
        errnos = int.from_bytes(bytes(how.get("fine", ())), "little")
        skip, tries = how.get("skip", 0) * CALL, how.get("tries", 0)
        at = _FIRST_CALL + CALL * len(self.calls)
        LAYOUT.pack_into(
            self.memory, at, NUMBER[name], *values, mask, errnos, skip, NEVER, child, tries
        )
        answer = Answer(self.base + at + _RESULT)
        self.calls.append(Call(name, how.get("path", ""), step, answer, how.get("context")))
        return answer

    def _values(self, arguments: tuple[Argument, ...]) -> tuple[list[int], int]:
        values, mask = [0] * 6, 0
        for index, argument in enumerate(arguments):
            if isinstance(argument, int):
                values[index] = argument
            elif isinstance(argument, Answer):
                if argument.value is None:
                    mask |= 1 << index
                    values[index] = argument.address
                else:
                    values[index] = argument.value
            elif argument is not None:
                values[index] = self.put(argument)
        return values, mask

    def put(self, data: bytes | str) -> int:
        """The address of a copy that ends in a NUL. Raises OSError E2BIG."""
        content = os.fsencode(data) if isinstance(data, str) else data
        at, end = self._data, self._data + len(content)
        if end >= _SIZE:
            raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
        self.memory[at:end] = content
        self.memory[end] = 0
        self._data = (end + 8) & ~7
        return self.base + at

    def put_list(self, items: Iterable[bytes | str]) -> int:
        """The address of an array of strings that a null pointer ends, as execve(2) takes it."""
        addresses = [*map(self.put, items), 0]
        return self.put(struct.pack(f"={len(addresses)}q", *addresses))

    def read(self, address: int, size: int) -> bytes:
        """What a call left at an address that `put` gave; before the next batch."""
        return self.memory[address - self.base : address - self.base + size]

    def close_batch(self) -> int:
        """Mark the end of the batch; the address of its first call."""
        at = _FIRST_CALL + CALL * len(self.calls)
        self.memory[at : at + 8] = _END
        return self.base + _FIRST_CALL

    def open_batch(self, stopped: int) -> Call | None:
        """Take the results of a batch that ended at the address `stopped`, and begin a new one.

        The call that failed, its errno as result; None when all were made.
        """
        made = (stopped - self.base - _FIRST_CALL) // CALL
        calls, self.calls, self._data = self.calls, [], _FIRST_DATA
        for index, each in enumerate(calls[: made + 1]):
            at = _FIRST_CALL + CALL * index + _RESULT
            (each.answer.value,) = struct.unpack_from("=q", self.memory, at)
        return calls[made] if made < len(calls) else None


NEVER = -1 << 40
"""The result of a call that was left out: no descriptor, and no errno."""
