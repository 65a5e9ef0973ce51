"""Gauges: numbers in files, read together and written down in a ring file, by machine code.

What this is for must cost next to nothing and need no interpreter: a process that sleeps in
`dozing` does it without waking up. Invariant: a record is written in one piece with a blank one
behind it, so that a reader finds the newest wherever the writer was killed; what cannot be read
is 0, and what cannot be written is tried again the next time.

There are several lists of gauges, and a record gets those of one, in turn: what is read from more
files than each record could hold is told by every so many of them.

    block                                          list
    +0   descriptor of the ring                    +0   its mark, 0 to 7, above the 13 bits of time
    +8   offset of the next record                 +8   gauges; -1, and the next list's address
    +16  of the first one, +24 of the last         gauge
    +40  address of a text, +48 its room           +0   descriptor, +8 numbers before ours in it
    +56  struct timespec                           +16  multiplied by, +24 shifted right by
    +72  the record, and a blank one               +32  offset in the block of the 32 bits to which
    +120 address of the list at hand                    it is added
    +128 the lists                                 +40  the next gauge
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
c1e811           shr eax, 17
488b6b78         mov rbp, [rbx+120]          ; rbp: the list at hand
0b4500           or eax, [rbp]               ; and its mark
89434c           mov [rbx+76], eax           ; 1/7629 of a second
31c0             xor eax, eax
48894350         mov [rbx+80], rax
48894358         mov [rbx+88], rax
4883c508         add rbp, 8                  ; rbp: the figure at hand
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
488b4508         mov rax, [rbp+8]
48894378         mov [rbx+120], rax          ; the next record gets another list
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
217c1153     lsr w1, w1, #17
2a3d40f9     ldr x10, [x9, #120]         ; x10: the list at hand
428540f8     ldr x2, [x10], #8           ; x10: the figure at hand
2100022a     orr w1, w1, w2              ; with the mark of the list
214d00b9     str w1, [x9, #76]           ; 1/7629 of a second
3f7d05a9     stp xzr, xzr, [x9, #80]
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
410540f9     ldr x1, [x10, #8]
213d00f9     str x1, [x9, #120]          ; the next record gets another list
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
RECORD = struct.Struct("=IHH16s")
"""Seconds since the epoch; 1/7629 of one, and above that the mark of a list; 18 bytes of gauges,
the first two of which are by themselves.
"""
TIME_BITS = 13
_HEAD = struct.Struct("=7q2q48sq")
_GAUGE = struct.Struct("=5q")
_LIST, _LIST_END = struct.Struct("=q"), struct.Struct("=2q")
_BLANK = bytes(RECORD.size)
_RECORD, _AT_HAND, _LISTS = 72, 120, 128
_TEXT = mmap.PAGESIZE
"""Offsets in the block; the room for a file's text is a page."""
_TICKS = 17
"""Bits of a nanosecond that are dropped."""
_WORD = (1 << 64) - 1


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
    """A number in a file; and where in the record, times what and shifted by what, it is added.

    What a multiplication carries beyond 64 bits is dropped, so both together can choose bits.
    """

    descriptor: int
    skip: int
    """How many numbers come before it."""
    offset: int
    """Of 32 bits in the record."""
    multiplier: int = 1
    shift: int = 0


class Block:
    """Everything the function needs, in two pages of its own."""

    def __init__(self, ring: Ring, lists: Sequence[tuple[int, Sequence[Gauge]]]) -> None:
        """`lists`: their marks, 0 to 7, and their gauges; fewer than a hundred in all."""
        self._memory = mmap.mmap(-1, 2 * mmap.PAGESIZE)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        place = (ring.descriptor, ring.next, ring.first, ring.last, 0)
        text = (self.address + _TEXT, mmap.PAGESIZE)
        _HEAD.pack_into(self._memory, 0, *place, *text, 0, 0, bytes(48), self.address + _LISTS)
        at = _LISTS
        for number, (mark, gauges) in enumerate(lists):
            is_last = number == len(lists) - 1
            at = self._lay(at, mark, gauges, first=is_last)

    def _lay(self, at: int, mark: int, gauges: Sequence[Gauge], *, first: bool) -> int:
        """One list at its offset, followed by the `first` or by that behind it, at our result."""
        memory = self._memory
        _LIST.pack_into(memory, at, mark << TIME_BITS)
        at += _LIST.size
        for each in gauges:
            where = _RECORD + each.offset
            words = (each.descriptor, each.skip, each.multiplier, each.shift, where)
            _GAUGE.pack_into(memory, at, *words)
            at += _GAUGE.size
        following = _LISTS if first else at + _LIST_END.size
        _LIST_END.pack_into(memory, at, -1, self.address + following)
        return at + _LIST_END.size

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
        (address,) = _LIST.unpack_from(memory, _AT_HAND)
        at = address - self.address
        (mark,) = _LIST.unpack_from(memory, at)
        time_of = RECORD.pack(seconds, rest >> _TICKS | mark, 0, bytes(16))
        memory[_RECORD:_AT_HAND] = time_of + _BLANK
        at += _LIST.size
        while True:
            descriptor, following = _LIST_END.unpack_from(memory, at)
            if descriptor < 0:
                break
            _, index, multiplier, shift, where = _GAUGE.unpack_from(memory, at)
            found = (number(_text(descriptor), index) * multiplier & _WORD) >> shift
            (before,) = struct.unpack_from("=I", memory, where)
            struct.pack_into("=I", memory, where, before + found & 0xFFFFFFFF)
            at += _GAUGE.size
        _LIST.pack_into(memory, _AT_HAND, following)
        self._write()

    def _write(self) -> None:
        ring, following, first, last = struct.unpack_from("=4q", self._memory, 0)
        record = self._memory[_RECORD:_AT_HAND]
        try:
            written = os.pwrite(ring, record, following)
        except OSError:  # the disk is full
            return
        if written == len(record):
            following += RECORD.size
            struct.pack_into("=q", self._memory, 8, first if following > last else following)


def _text(descriptor: int) -> bytes:
    try:
        return os.pread(descriptor, mmap.PAGESIZE, 0)
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
