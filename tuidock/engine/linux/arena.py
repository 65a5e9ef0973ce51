"""Memory in which one process writes down system calls that another one is to make.

A batch is a row of calls in the layout of `machine`, and the strings and structures that their
arguments point to. While one is being made, the next can be written down behind it. Invariant:
everything that a call points to lies in the arena, and stays there until all was answered.
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
_LAST_CALL = _FIRST_DATA - CALL
_RESULT = 80
_NUMBER = struct.Struct("=q")
_END = _NUMBER.pack(-1)


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

    __slots__ = ("answer", "arguments", "context", "name", "path", "step")

    def __init__(
        self,
        name: str,
        arguments: tuple[Argument, ...],
        path: str,
        step: str,
        answer: Answer,
        context: Answer | None,
    ) -> None:
        self.name = name
        self.arguments = arguments
        """As they were written down: for the ledger."""
        self.path = path
        self.step = step
        self.answer = answer
        self.context = context


class Batch:
    """Calls that were given to a process: the address of the first, and all of them."""

    __slots__ = ("address", "arena", "calls")

    def __init__(self, arena: Arena, address: int, calls: list[Call]) -> None:
        self.arena = arena
        self.address = address
        self.calls = calls


class Arena:
    """The memory, and the batch that is being written down in it."""

    def __init__(self, *, shared: bool, size: int = _SIZE) -> None:
        """`shared`: also with a process that has a memory of its own. `size` in bytes."""
        kind = mmap.MAP_SHARED if shared else mmap.MAP_PRIVATE
        flags = kind | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0x4000)
        self.memory = mmap.mmap(-1, size, flags=flags)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.calls: list[Call] = []
        self._first = self._next = _FIRST_CALL
        """Where the batch begins, and where its next call goes."""
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

    @property
    def waiting(self) -> int:
        """How many calls there is no room for any more, because others are there."""
        return (self._next - _FIRST_CALL) // CALL

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
        at = self._next
        if at >= _LAST_CALL:
            raise OSError(errno.E2BIG, "too many system calls in a batch")
        values, mask = self._values(arguments)
        fine = how.get("fine")
        errnos = int.from_bytes(bytes(fine), "little") if fine else 0
        skip, tries = how.get("skip", 0) * CALL, how.get("tries", 0)
        LAYOUT.pack_into(
            self.memory, at, NUMBER[name], *values, mask, errnos, skip, NEVER, child, tries
        )
        self._next = at + CALL
        answer = Answer(self.base + at + _RESULT)
        path, context = how.get("path", ""), how.get("context")
        self.calls.append(Call(name, arguments, path, step, answer, context))
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
        if end >= len(self.memory):
            raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
        self.memory[at:end] = content
        self.memory[end] = 0
        self._data = (end + 8) & ~7
        return self.base + at

    def put_list(self, items: Iterable[bytes | str]) -> int:
        """The address of an array of strings that a null pointer ends, as execve(2) takes it."""
        addresses = [*map(self.put, items), 0]
        return self.put(struct.pack(f"={len(addresses)}q", *addresses))

    def variable(self) -> Answer:
        """An argument whose value is `set` later, but before its batch is made."""
        return Answer(self.put(bytes(8)))

    def set(self, variable: Answer, value: int) -> None:
        """What the calls that were given this argument will find."""
        _NUMBER.pack_into(self.memory, variable.address - self.base, value)

    def read(self, address: int, size: int) -> bytes:
        """What a call left at an address that `put` gave; before the next batch."""
        return self.memory[address - self.base : address - self.base + size]

    def close_batch(self) -> Batch:
        """Mark the end of the batch. What is written down from now on belongs to the next one."""
        at = self._next
        self.memory[at : at + 8] = _END
        batch = Batch(self, self.base + self._first, self.calls)
        self.calls = []
        self._first = self._next = at + CALL
        return batch

    def open_batch(self, batch: Batch, stopped: int) -> Call | None:
        """Take the results of a batch that ended at the address `stopped`.

        The call that failed, its errno as result; None when all were made.
        """
        made = (stopped - batch.address) // CALL
        first = batch.address - self.base + _RESULT
        for index, each in enumerate(batch.calls[: made + 1]):
            (each.answer.value,) = _NUMBER.unpack_from(self.memory, first + CALL * index)
        if not self.calls:
            self._first = self._next = _FIRST_CALL
            self._data = _FIRST_DATA
        return batch.calls[made] if made < len(batch.calls) else None


class Scribe:
    """Whoever writes calls down; `step` is what they are for."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self.step = ""

    def add(self, name: str, *arguments: Argument, **how: Unpack[How]) -> Answer:
        """Write a call down; see `Arena.add`."""
        return self.arena.add(name, arguments, step=self.step, **how)

    @property
    def waiting(self) -> int:
        """How many calls are written down, and since the last `run`."""
        return self.arena.waiting


NEVER = -1 << 40
"""The result of a call that was left out: no descriptor, and no errno."""
