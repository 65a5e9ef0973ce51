"""Gauges: numbers in files, read together and written down in a ring file, by machine code.

What this is for must cost next to nothing and need no interpreter: a process that sleeps in
`dozing` does it without waking up. Invariant: a record is written in one piece with a blank one
behind it, so that a reader finds the newest wherever the writer was killed; what cannot be read
is 0, and what cannot be written is tried again the next time.

    block                                          gauge
    +0   descriptor of the ring                    +0   descriptor; -1 ends the list
    +8   offset of the next record                 +8   numbers before ours in the file
    +16  of the first one, +24 of the last         +16  multiplied by, +24 shifted right by
    +40  address of a text, +48 its room           +32  offset in the block of the 32 bits to
    +56  struct timespec                                which it is added
    +72  the record, and a blank one               +40  the next gauge
    +120 the gauges
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
import time

from tuidock.engine.linux.executable import executable
from tuidock.engine.linux.machine import assembled, instructions
from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# One instruction a line, its bytes first, as an assembler makes it of the rest.
_LISTINGS = {
    "x86_64": """
53               push rbx
55               push rbp
4889fb           mov rbx, rdi                ; rbx: the block
488d7338         lea rsi, [rbx+56]
31ff             xor edi, edi                ; CLOCK_REALTIME
b8e4000000       mov eax, 228                ; clock_gettime
0f05             syscall
8b4338           mov eax, [rbx+56]
894348           mov [rbx+72], eax           ; seconds
8b4340           mov eax, [rbx+64]
c1e80e           shr eax, 14
89434c           mov [rbx+76], eax           ; 1/61035 of a second
31c0             xor eax, eax
48894350         mov [rbx+80], rax
48894358         mov [rbx+88], rax
488d6b78         lea rbp, [rbx+120]          ; rbp: the figure at hand
figure:
488b7d00         mov rdi, [rbp]
4885ff           test rdi, rdi
7874             js write                    ; there is no further one
488b7328         mov rsi, [rbx+40]
488b5330         mov rdx, [rbx+48]
4531d2           xor r10d, r10d
b811000000       mov eax, 17                 ; pread64
0f05             syscall
4885c0           test rax, rax
7e57             jle next                    ; gone, or not told
488b7328         mov rsi, [rbx+40]
488d1406         lea rdx, [rsi+rax]          ; rdx: the end of the text
488b7d08         mov rdi, [rbp+8]            ; rdi: numbers before ours
number:
4839d6           cmp rsi, rdx
7346             jae next                    ; it has fewer
0fb606           movzx eax, byte ptr [rsi]
48ffc6           inc rsi
83e830           sub eax, 48
83f809           cmp eax, 9
77ed             ja number
4189c0           mov r8d, eax                ; r8: the number
digit:
4839d6           cmp rsi, rdx
7317             jae whole
0fb606           movzx eax, byte ptr [rsi]
83e830           sub eax, 48
83f809           cmp eax, 9
770c             ja whole
4d6bc00a         imul r8, r8, 10
4901c0           add r8, rax
48ffc6           inc rsi
ebe4             jmp digit
whole:
48ffcf           dec rdi
79c9             jns number
4c0faf4510       imul r8, [rbp+16]
488b4d18         mov rcx, [rbp+24]
49d3e8           shr r8, cl
488b5520         mov rdx, [rbp+32]
44010413         add [rbx+rdx], r8d
next:
4883c528         add rbp, 40
eb83             jmp figure
write:
488b3b           mov rdi, [rbx]
488d7348         lea rsi, [rbx+72]
ba30000000       mov edx, 48                 ; with a blank one behind it
4c8b5308         mov r10, [rbx+8]
b812000000       mov eax, 18                 ; pwrite64
0f05             syscall
4883f830         cmp rax, 48
7515             jne out                     ; the disk is full: once more next time
488b4308         mov rax, [rbx+8]
4883c018         add rax, 24
483b4318         cmp rax, [rbx+24]
480f474310       cmova rax, [rbx+16]         ; behind the last comes the first
48894308         mov [rbx+8], rax
out:
5d               pop rbp
5b               pop rbx
c3               ret
""",
    "aarch64": """
e90300aa     mov x9, x0                  ; x9: the block
000080d2     mov x0, #0                  ; CLOCK_REALTIME
21e10091     add x1, x9, #56
280e80d2     mov x8, #113                ; clock_gettime
010000d4     svc #0
213940b9     ldr w1, [x9, #56]
214900b9     str w1, [x9, #72]           ; seconds
214140b9     ldr w1, [x9, #64]
217c0e53     lsr w1, w1, #14
214d00b9     str w1, [x9, #76]           ; 1/61035 of a second
3f7d05a9     stp xzr, xzr, [x9, #80]
2ae10191     add x10, x9, #120           ; x10: the figure at hand
figure:
400140f9     ldr x0, [x10]
c004f8b7     tbnz x0, #63, write         ; there is no further one
218942a9     ldp x1, x2, [x9, #40]
030080d2     mov x3, #0
680880d2     mov x8, #67                 ; pread64
010000d4     svc #0
1f0000f1     cmp x0, #0
cd030054     b.le next                   ; gone, or not told
211540f9     ldr x1, [x9, #40]
2200008b     add x2, x1, x0              ; x2: the end of the text
430540f9     ldr x3, [x10, #8]           ; x3: numbers before ours
460180d2     mov x6, #10
number:
3f0002eb     cmp x1, x2
02030054     b.cs next                   ; it has fewer
24144038     ldrb w4, [x1], #1
84c00051     sub w4, w4, #48
9f240071     cmp w4, #9
68ffff54     b.hi number
e50304aa     mov x5, x4                  ; x5: the number
digit:
3f0002eb     cmp x1, x2
02010054     b.cs whole
24004039     ldrb w4, [x1]
84c00051     sub w4, w4, #48
9f240071     cmp w4, #9
88000054     b.hi whole
a510069b     madd x5, x5, x6, x4
21040091     add x1, x1, #1
f8ffff17     b digit
whole:
630400f1     subs x3, x3, #1
e5fdff54     b.pl number
441941a9     ldp x4, x6, [x10, #16]
a57c049b     mul x5, x5, x4
a524c69a     lsr x5, x5, x6
441140f9     ldr x4, [x10, #32]
266964b8     ldr w6, [x9, x4]
c600050b     add w6, w6, w5
266924b8     str w6, [x9, x4]
next:
4aa10091     add x10, x10, #40
daffff17     b figure
write:
200140f9     ldr x0, [x9]
21210191     add x1, x9, #72
020680d2     mov x2, #48                 ; with a blank one behind it
230540f9     ldr x3, [x9, #8]
880880d2     mov x8, #68                 ; pwrite64
010000d4     svc #0
1fc000f1     cmp x0, #48
e1000054     b.ne out                    ; the disk is full: once more next time
200540f9     ldr x0, [x9, #8]
00600091     add x0, x0, #24
210941a9     ldp x1, x2, [x9, #16]
1f0002eb     cmp x0, x2
2080809a     csel x0, x1, x0, hi         ; behind the last comes the first
200500f9     str x0, [x9, #8]
out:
c0035fd6     ret
""",
}
RECORD = struct.Struct("=IHHIIII")
"""Seconds since the epoch, 1/61035 of one, and five numbers of 16 and 32 bits: one record."""
_HEAD = struct.Struct("=7q2q48s")
_GAUGE = struct.Struct("=5q")
_BLANK = bytes(RECORD.size)
_NUMBERS, _TEXT = 120, 1024
"""Where in the block the gauges begin, and the room for a file's text."""
_RECORD = 72
_TICKS = 14
"""Bits of a nanosecond that are dropped."""


def listing(machine: str) -> list[tuple[str, str]]:
    """Every instruction for a machine: its bytes in hexadecimal, and its mnemonic."""
    return instructions(_LISTINGS.get(machine, ""))


def code(machine: str) -> bytes:
    """The function for a machine; empty for one that we have no code for."""
    return assembled(_LISTINGS.get(machine, ""))


ADDRESS = executable(code(os.uname().machine))
"""Of the function; 0 where there is none or none may be executed."""
_note = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(ADDRESS)


class Ring(NamedTuple):
    """A file of records, and the place in it where the next one goes."""

    descriptor: int
    first: int
    """Offset of the first record."""
    last: int
    """Of the last one; a blank one has its place behind it."""
    next: int


class Gauge(NamedTuple):
    """A number in a file; and where in the record, times what and shifted by what, it is added."""

    descriptor: int
    skip: int
    """How many numbers come before it."""
    offset: int
    """Of 32 bits in the record."""
    multiplier: int = 1
    shift: int = 0


class Block:
    """Everything the function needs, in a page of its own."""

    def __init__(self, ring: Ring, gauges: Sequence[Gauge]) -> None:
        self._memory = mmap.mmap(-1, mmap.PAGESIZE)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        room = mmap.PAGESIZE - _TEXT
        place = (ring.descriptor, ring.next, ring.first, ring.last, 0, self.address + _TEXT, room)
        _HEAD.pack_into(self._memory, 0, *place, 0, 0, bytes(48))
        at = _NUMBERS
        for each in gauges:
            where = _RECORD + each.offset
            words = (each.descriptor, each.skip, each.multiplier, each.shift, where)
            _GAUGE.pack_into(self._memory, at, *words)
            at += _GAUGE.size
        struct.pack_into("=q", self._memory, at, -1)

    def note(self) -> None:
        """Write down one record, now."""
        if ADDRESS:
            _note(self.address)
        else:
            self.obey()

    def obey(self) -> None:
        """The same in Python, for machines that run no code of ours."""
        memory = self._memory
        seconds, rest = divmod(time.time_ns(), 1_000_000_000)
        memory[_RECORD:_NUMBERS] = RECORD.pack(seconds, rest >> _TICKS, *bytes(5)) + _BLANK
        at = _NUMBERS
        while True:
            (descriptor,) = struct.unpack_from("=q", memory, at)
            if descriptor < 0:
                break
            _, index, multiplier, shift, where = _GAUGE.unpack_from(memory, at)
            found = number(_text(descriptor), index) * multiplier >> shift
            (before,) = struct.unpack_from("=I", memory, where)
            struct.pack_into("=I", memory, where, before + found & 0xFFFFFFFF)
            at += _GAUGE.size
        self._write()

    def _write(self) -> None:
        ring, following, first, last = struct.unpack_from("=4q", self._memory, 0)
        record = self._memory[_RECORD:_NUMBERS]
        try:
            written = os.pwrite(ring, record, following)
        except OSError:  # the disk is full
            return
        if written == len(record):
            following += RECORD.size
            struct.pack_into("=q", self._memory, 8, first if following > last else following)


def _text(descriptor: int) -> bytes:
    try:
        return os.pread(descriptor, mmap.PAGESIZE - _TEXT, 0)
    except OSError:  # its cgroup is gone
        return b""


def number(text: bytes, skip: int) -> int:
    """The number with so many before it in a text; 0 when it has fewer."""
    numbers = bytes(each if 48 <= each <= 57 else 32 for each in text).split()
    return int(numbers[skip]) if skip < len(numbers) else 0


def before(text: bytes, key: bytes) -> int:
    """How many numbers come before the one that follows `key`; -1 without the key.

    Nothing is made of it, so that a monitor that asks does not grow.
    """
    at = text.find(key)
    if at < 0:
        return -1
    count, inside = 0, False
    for place in range(at + len(key)):
        is_digit = 48 <= text[place] <= 57
        count += is_digit and not inside
        inside = is_digit
    return count
