"""Waiting for long: a process keeps no more memory than what tells it from its origin.

Much of what a process has written to since it was forked is the same again, or nearly. Before it
waits, the words that differ are noted, and the pages given back (`ground`); after it has waited
they are put into place. Nothing but machine code runs meanwhile, and what there is to do at
regular times (`Beat`) is done by it without waking up. Invariant: memory is after it what it was
before, whatever the kernel made of a page, and whichever calls it refused.

    order                                          record
    +0   addresses of pages, 0 at the end          +0   address of a word, 0 at the end
    +8   where the records go                      +8   the word
    +16  a page's room, for the page at hand
    +24  struct pollfd, +32 their number
    +40  struct timespec, or 0
    +48  bytes of a page, +56 of its records at most
    +64  a function to call when that time is up, with +72, and to wait on; +80 so many times
    +88  struct timespec: the time from one call to the next
"""

from __future__ import annotations

import ctypes
import errno
import math
import mmap
import os
import select
import struct
import time

from tuidock.engine.linux import ground
from tuidock.engine.linux.executable import executable
from tuidock.engine.linux.machine import assembled, instructions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuidock.engine.linux.beat import Beat

    Interest = Mapping[int, tuple[int, object]]
    """Descriptor to the events waited for, and whatever belongs to it."""

# One instruction a line, its bytes first, as an assembler makes it of the rest.
_LISTINGS = {
    "x86_64": """
53               push rbx                    ; the stack is never dropped
55               push rbp
4889fb           mov rbx, rdi                ; rbx: the order
488b2b           mov rbp, [rbx]              ; rbp: the pages to come
4c8b4308         mov r8, [rbx+8]             ; r8: the next record
page:
4c8b4d00         mov r9, [rbp]               ; r9: the page
4d85c9           test r9, r9
7476             je seen
4883c508         add rbp, 8
4d89c2           mov r10, r8                 ; r10: the first record of this page
4c89ce           mov rsi, r9
488b7b10         mov rdi, [rbx+16]           ; as it is now
488b4b30         mov rcx, [rbx+48]
f3a4             rep movsb
4c89cf           mov rdi, r9
488b7330         mov rsi, [rbx+48]
ba04000000       mov edx, 4                  ; MADV_DONTNEED: as it was
b81c000000       mov eax, 28                 ; madvise
0f05             syscall
4885c0           test rax, rax               ; refused: it stays as it is
75cb             jne page
488b7310         mov rsi, [rbx+16]
31d2             xor edx, edx                ; rdx: how far into the page
each:
488b0416         mov rax, [rsi+rdx]
493b0411         cmp rax, [r9+rdx]
741b             je same
4c89c1           mov rcx, r8
4c29d1           sub rcx, r10
483b4b38         cmp rcx, [rbx+56]
731b             jae keep                    ; too much of it has changed
498d0c11         lea rcx, [r9+rdx]
498908           mov [r8], rcx               ; where, and what
49894008         mov [r8+8], rax
4983c010         add r8, 16
same:
4883c208         add rdx, 8
483b5330         cmp rdx, [rbx+48]
72d1             jb each
eb94             jmp page
keep:
48834df801       or qword ptr [rbp-8], 1     ; no records, but all of it again
4d89d0           mov r8, r10
4c89cf           mov rdi, r9
488b4b30         mov rcx, [rbx+48]
f3a4             rep movsb
eb81             jmp page
seen:
488b2b           mov rbp, [rbx]              ; looking at them has mapped them
drop:
488b7d00         mov rdi, [rbp]
4885ff           test rdi, rdi
7416             je wait
4883c508         add rbp, 8
488b7330         mov rsi, [rbx+48]
ba04000000       mov edx, 4
b81c000000       mov eax, 28
0f05             syscall                     ; refused for those that are kept
ebe1             jmp drop
wait:
49832000         and qword ptr [r8], 0       ; the last record
again:
488b7b18         mov rdi, [rbx+24]
488b7320         mov rsi, [rbx+32]
488b5328         mov rdx, [rbx+40]
4531d2           xor r10d, r10d              ; the signal mask stays
41b808000000     mov r8d, 8
b80f010000       mov eax, 271                ; ppoll
0f05             syscall
4885c0           test rax, rax
752c             jne over
483b4350         cmp rax, [rbx+80]           ; how often there is something to do meanwhile
7426             je over
48ff4b50         dec qword ptr [rbx+80]
488b7b48         mov rdi, [rbx+72]
ff5340           call [rbx+64]
488b5328         mov rdx, [rbx+40]
488b4358         mov rax, [rbx+88]
488902           mov [rdx], rax
488b4360         mov rax, [rbx+96]
48894208         mov [rdx+8], rax
31c0             xor eax, eax
483b4350         cmp rax, [rbx+80]
75b3             jne again
over:
488b7308         mov rsi, [rbx+8]
back:
488b0e           mov rcx, [rsi]
4885c9           test rcx, rcx
740d             je done
488b5608         mov rdx, [rsi+8]
488911           mov [rcx], rdx
4883c610         add rsi, 16
ebeb             jmp back
done:
5d               pop rbp
5b               pop rbx
c3               ret                         ; what ppoll returned
""",
    "aarch64": """
e90300aa     mov x9, x0                  ; x9: the order
2a2d40a9     ldp x10, x11, [x9]          ; x10: the pages to come; x11: the next record
251943a9     ldp x5, x6, [x9, #48]       ; x5: bytes of a page; x6: and of its records
page:
4c8540f8     ldr x12, [x10], #8          ; x12: the page
ec0400b4     cbz x12, seen
ed030baa     mov x13, x11                ; x13: the first record of this page
2e0940f9     ldr x14, [x9, #16]          ; x14: as it is now
0f0080d2     mov x15, #0                 ; x15: how far into the page
copy:
83696ff8     ldr x3, [x12, x15]
c3692ff8     str x3, [x14, x15]
ef210091     add x15, x15, #8
ff0105eb     cmp x15, x5
81ffff54     b.ne copy
e0030caa     mov x0, x12
e10305aa     mov x1, x5
820080d2     mov x2, #4                  ; MADV_DONTNEED: as it was
281d80d2     mov x8, #233                ; madvise
010000d4     svc #0
20feffb5     cbnz x0, page               ; refused: it stays as it is
0f0080d2     mov x15, #0
each:
c3696ff8     ldr x3, [x14, x15]
84696ff8     ldr x4, [x12, x15]
7f0004eb     cmp x3, x4
c0000054     b.eq same
64010dcb     sub x4, x11, x13
9f0006eb     cmp x4, x6
e2000054     b.cs keep                   ; too much of it has changed
84010f8b     add x4, x12, x15
640d81a8     stp x4, x3, [x11], #16      ; where, and what
same:
ef210091     add x15, x15, #8
ff0105eb     cmp x15, x5
a1feff54     b.ne each
e3ffff17     b page
keep:
840140b2     orr x4, x12, #1             ; no records, but all of it again
44811ff8     stur x4, [x10, #-8]
eb030daa     mov x11, x13
0f0080d2     mov x15, #0
put:
c3696ff8     ldr x3, [x14, x15]
83692ff8     str x3, [x12, x15]
ef210091     add x15, x15, #8
ff0105eb     cmp x15, x5
81ffff54     b.ne put
d9ffff17     b page
seen:
2a0140f9     ldr x10, [x9]               ; looking at them has mapped them
drop:
408540f8     ldr x0, [x10], #8
c00000b4     cbz x0, wait
e10305aa     mov x1, x5
820080d2     mov x2, #4
281d80d2     mov x8, #233
010000d4     svc #0                      ; refused for those that are kept
faffff17     b drop
wait:
7f0100f9     str xzr, [x11]              ; the last record
again:
208541a9     ldp x0, x1, [x9, #24]
221540f9     ldr x2, [x9, #40]
030080d2     mov x3, #0                  ; the signal mask stays
040180d2     mov x4, #8
280980d2     mov x8, #73                 ; ppoll
010000d4     svc #0
e00100b5     cbnz x0, over
212940f9     ldr x1, [x9, #80]           ; how often there is something to do meanwhile
a10100b4     cbz x1, over
210400d1     sub x1, x1, #1
212900f9     str x1, [x9, #80]
220144a9     ldp x2, x0, [x9, #64]
e97bbfa9     stp x9, x30, [sp, #-16]!
40003fd6     blr x2
e97bc1a8     ldp x9, x30, [sp], #16
218945a9     ldp x1, x2, [x9, #88]
231540f9     ldr x3, [x9, #40]
610800a9     stp x1, x2, [x3]
000080d2     mov x0, #0
212940f9     ldr x1, [x9, #80]
81fdffb5     cbnz x1, again
over:
2a0540f9     ldr x10, [x9, #8]
back:
4109c1a8     ldp x1, x2, [x10], #16
610000b4     cbz x1, done
220000f9     str x2, [x1]
fdffff17     b back
done:
c0035fd6     ret                         ; what ppoll returned
""",
}
SOON, LATE = 500, 64_000
"""Milliseconds without an event after which to give memory back, at first and at most. It takes
two of them, and to wake up another one.
"""
WORTH_IT = 20.0
"""Seconds of sleep."""
_PAGE = mmap.PAGESIZE
_FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0x4000)
_MOST = _PAGE // 2
"""Bytes of records that a page is worth."""
_ORDER = struct.Struct("=13q")
_NOTHING_TO_DO = (0, 0, 0, 0, 0)
_TIMESPEC = struct.Struct("=2q")
_POLLFD = struct.Struct("=ihh")
_ADDRESS = _ENTRY = 8
_KIND = 1 << 63 | 1 << 61 | 1 << 56
_OWN = 1 << 63 | 1 << 56
"""Of an entry in pagemap: there, of no file, ours alone."""


def listing(machine: str) -> list[tuple[str, str]]:
    """Every instruction for a machine: its bytes in hexadecimal, and its mnemonic."""
    return instructions(_LISTINGS.get(machine, ""))


def code(machine: str) -> bytes:
    """The function for a machine; empty for one that we have no code for."""
    return assembled(_LISTINGS.get(machine, ""))


_doze = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p)(executable(code(os.uname().machine)))


class Habit:
    """How long a process stays awake: twice as long after each sleep that was not worth it."""

    def __init__(self) -> None:
        self.awake = SOON

    def slept(self, seconds: float) -> None:
        self.awake = SOON if seconds >= WORTH_IT else min(2 * self.awake, LATE)


_habit = Habit()


def wait(
    interest: Interest, patience: int | None, beat: Beat | None = None
) -> list[tuple[int, int]]:
    """poll(2): what is awaited of which descriptor; descriptors and what has come.

    `patience` is in milliseconds; it may return early, with nothing. Not for a process that
    handles signals: a handler would run in the memory of another time. Raises OSError.
    """
    is_short = patience is not None and patience < _habit.awake + SOON
    can_sleep = _doze and ground.areas and not (beat and not beat.function)
    if is_short or not can_sleep:
        return awake(interest, patience, beat)
    if ready := awake(interest, _habit.awake, beat):
        return ready
    begin = time.monotonic()
    ready = doze(interest, None if patience is None else patience - _habit.awake, beat)
    _habit.slept(time.monotonic() - begin)
    return ready


def awake(
    interest: Interest, patience: int | None, beat: Beat | None = None
) -> list[tuple[int, int]]:
    """The same without sleep."""
    if beat is None:
        return poll(interest, patience)
    until = math.inf if patience is None else time.monotonic() + patience / 1000
    while True:
        left = (until - time.monotonic()) * 1000
        is_last = left <= beat.left()
        ready = poll(interest, max(0, math.ceil(min(left, beat.left()))))
        beat.strike()
        if ready or is_last:
            return ready


def poll(interest: Interest, patience: int | None) -> list[tuple[int, int]]:
    """The same, and nothing else."""
    awaited = select.poll()
    for descriptor, (wanted, _) in interest.items():
        awaited.register(descriptor, wanted)
    return awaited.poll(patience)


def doze(
    interest: Interest, patience: int | None, beat: Beat | None = None
) -> list[tuple[int, int]]:
    """The same, with the memory given back."""
    polled = b"".join(_POLLFD.pack(each, wanted, 0) for each, (wanted, _) in interest.items())
    times = beat.times(patience) if beat else 0
    first = beat.left() if beat and times else patience
    until = _TIMESPEC.pack(*divmod(int((first or 0) * 1_000_000), 1_000_000_000))
    head = _ORDER.size + len(polled + until)
    most = sum(end - start for start, end in ground.areas) // _PAGE
    scratch = -(-(head + (most + 1) * _ADDRESS) // _PAGE) * _PAGE
    try:  # before it is known which pages are ours: it is to be none of them
        memory = mmap.mmap(-1, scratch + _PAGE + most * _MOST + 16, flags=_FLAGS)
    except OSError:  # no memory even for that
        return awake(interest, patience, beat)
    with memory:
        at = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        timed = at + head - len(until) if first is not None else 0
        places = (at + head, at + scratch + _PAGE, at + scratch, at + _ORDER.size)
        more = beat.order(times) if beat and times else _NOTHING_TO_DO
        order = _ORDER.pack(*places, len(interest), timed, _PAGE, _MOST, *more)
        memory[:head] = order + polled + until
        _list_own_pages(memory, head)
        result = _doze(at)
        answers = memory[_ORDER.size : _ORDER.size + len(polled)]
        seconds, rest = _TIMESPEC.unpack_from(memory, head - len(until))
    if beat and times and result:  # the kernel tells what is left of a time
        beat.go_on(seconds + rest / 1e9)
    elif beat and times:
        beat.align()
    if result < 0 and result != -errno.EINTR:
        raise OSError(-result, f"ppoll: {os.strerror(-result)}")
    return [(each, found) for each, _, found in _POLLFD.iter_unpack(answers) if found]


def _list_own_pages(memory: mmap.mmap, at: int) -> None:
    """Write down addresses of those that differ from the ground, or did; none where that is not
    known. What is written to from now on stays as it is.
    """
    try:
        file = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # no /proc, or not ours to read
        return
    for start, end in ground.areas:
        entries = os.pread(file, (end - start) // _PAGE * _ENTRY, start // _PAGE * _ENTRY)
        for index, entry in enumerate(memoryview(entries).cast("Q")):
            if entry & _KIND == _OWN:
                struct.pack_into("=q", memory, at, start + index * _PAGE)
                at += _ADDRESS
    os.close(file)
