"""What a stub executes, as machine code: some 330 bytes for each architecture that we know.

The code is position-independent, uses no stack, and touches nothing but its control block and
the calls that a batch consists of (`arena` has their layout). It is called as a function, with
the arguments of clone3(2) and a control block; in the parent it returns what clone3 did, in the
child it never returns. Invariant: each line is one instruction, its bytes first, as an assembler
makes it of the rest.

    control block                                  call
    +0   the line: int descriptor, short, short    +0   number; negative ends the batch
    +8   the starter's pidfd: the same             +8   six arguments
    +16  address of a call, to and fro             +56  bit n: argument n is the address of it
                                                   +64  errnos that do not end the batch, as bytes
                                                   +72  bytes to go on by after one of these
                                                   +80  result, or minus errno
                                                   +88  control block of the child of a clone
                                                   +96  how often EAGAIN is tried again
"""

from __future__ import annotations

import struct

_LISTINGS = {
    "x86_64": """
b8b3010000       mov eax, 435                 ; clone3(rdi: struct clone_args, rsi: its size)
0f05             syscall
4885c0           test rax, rax                ; who is this?
7401             je child
c3               ret                          ; the parent, with a pid or an errno
child:
4889d3           mov rbx, rdx                 ; rbx: the control block
wait:
4889df           mov rdi, rbx                 ; two struct pollfd: the line, the starter's pidfd
be02000000       mov esi, 2
31d2             xor edx, edx                 ; no end of patience
4531d2           xor r10d, r10d
41b808000000     mov r8d, 8
b80f010000       mov eax, 271                 ; ppoll
0f05             syscall
4885c0           test rax, rax
0f8804010000     js die
66837b0e00       cmp word [rbx+14], 0         ; revents of the pidfd: the starter is dead
0f85f9000000     jne die
8b3b             mov edi, [rbx]               ; the line
488d7310         lea rsi, [rbx+16]            ; where the message goes
ba08000000       mov edx, 8
31c0             xor eax, eax                 ; read
0f05             syscall
4883f808         cmp rax, 8                   ; the end of the line, too, is the end
0f85e0000000     jne die
4c8b6310         mov r12, [rbx+16]            ; r12: the first call of the batch
call:
498b0424         mov rax, [r12]               ; its number
4885c0           test rax, rax
0f88af000000     js answer                    ; negative: there is no further one
498b7c2408       mov rdi, [r12+8]
498b742410       mov rsi, [r12+16]
498b542418       mov rdx, [r12+24]
4d8b542420       mov r10, [r12+32]
4d8b442428       mov r8, [r12+40]
4d8b4c2430       mov r9, [r12+48]
4d8b6c2458       mov r13, [r12+88]            ; now: a child may wake when the call is history
418b4c2438       mov ecx, [r12+56]            ; which arguments are addresses of results
f6c101           test cl, 1
7403             je call+61
488b3f           mov rdi, [rdi]
f6c102           test cl, 2
7403             je call+69
488b36           mov rsi, [rsi]
f6c104           test cl, 4
7403             je call+77
488b12           mov rdx, [rdx]
f6c108           test cl, 8
7403             je call+85
4d8b12           mov r10, [r10]
f6c110           test cl, 16
7403             je call+93
4d8b00           mov r8, [r8]
f6c120           test cl, 32
7403             je call+101
4d8b09           mov r9, [r9]                 ; (the sixth)
0f05             syscall                      ; the call itself
4885c0           test rax, rax
750d             jne result
4d85ed           test r13, r13                ; a control block: this was clone, we its child
7408             je result
4c89eb           mov rbx, r13                 ; and take orders from there
e93cffffff       jmp wait
result:
4989442450       mov [r12+80], rax            ; our result, not our child's
483d01f0ffff     cmp rax, 0xfffffffffffff001  ; -4095 and up: an errno
7309             jae failed
next:
4983c468         add r12, 104                 ; the next call
e971ffffff       jmp call
failed:
f7d8             neg eax                      ; the errno
83f80b           cmp eax, 11                  ; EAGAIN
750b             jne judge
49ff4c2460       dec [r12+96]                 ; as often as was asked
0f895fffffff     jns call
judge:
498b4c2440       mov rcx, [r12+64]            ; errnos that are no failure, one in each byte
scan:
4885c9           test rcx, rcx
7411             je answer                    ; not among them
38c8             cmp al, cl
7406             je fine
48c1e908         shr rcx, 8
ebf1             jmp scan
fine:
4d03642448       add r12, [r12+72]            ; leave out what needed this one
ebca             jmp next
answer:
4c896310         mov [rbx+16], r12            ; where it ended
8b3b             mov edi, [rbx]
488d7310         lea rsi, [rbx+16]
ba08000000       mov edx, 8
b801000000       mov eax, 1                   ; write
0f05             syscall
4883f808         cmp rax, 8
0f84d9feffff     je wait
die:
bf7f000000       mov edi, 127
b8e7000000       mov eax, 231                 ; exit_group(127)
0f05             syscall
0f0b             ud2                          ; no filter can refuse this
""",
    "aarch64": """
e90302aa         mov x9, x2                   ; x9: the control block
683680d2         mov x8, #435                 ; clone3(x0: struct clone_args, x1: its size)
010000d4         svc #0
400000b4         cbz x0, wait                 ; 0: the child
c0035fd6         ret                          ; the parent, with a pid or an errno
wait:
e00309aa         mov x0, x9                   ; two struct pollfd: the line, the starter's pidfd
410080d2         mov x1, #2
020080d2         mov x2, #0                   ; no end of patience
030080d2         mov x3, #0
040180d2         mov x4, #8
280980d2         mov x8, #73                  ; ppoll
010000d4         svc #0
2008f8b7         tbnz x0, #63, die
201d4079         ldrh w0, [x9, #14]           ; revents of the pidfd: the starter is dead
e0070035         cbnz w0, die
200140b9         ldr w0, [x9]                 ; the line
21410091         add x1, x9, #16              ; where the message goes
020180d2         mov x2, #8
e80780d2         mov x8, #63                  ; read
010000d4         svc #0
1f2000f1         cmp x0, #8                   ; the end of the line, too, is the end
01070054         b.ne die
2a0940f9         ldr x10, [x9, #16]           ; x10: the first call of the batch
call:
480140f9         ldr x8, [x10]                ; its number
a805f8b7         tbnz x8, #63, answer         ; negative: there is no further one
408540a9         ldp x0, x1, [x10, #8]
428d41a9         ldp x2, x3, [x10, #24]
449542a9         ldp x4, x5, [x10, #40]
4d2d40f9         ldr x13, [x10, #88]          ; now: a child may wake when the call is history
4b1d40f9         ldr x11, [x10, #56]          ; which arguments are addresses of results
4b000036         tbz w11, #0, call+36
000040f9         ldr x0, [x0]
4b000836         tbz w11, #1, call+44
210040f9         ldr x1, [x1]
4b001036         tbz w11, #2, call+52
420040f9         ldr x2, [x2]
4b001836         tbz w11, #3, call+60
630040f9         ldr x3, [x3]
4b002036         tbz w11, #4, call+68
840040f9         ldr x4, [x4]
4b002836         tbz w11, #5, call+76
a50040f9         ldr x5, [x5]                 ; (the sixth)
010000d4         svc #0                       ; the call itself
800000b5         cbnz x0, result
6d0000b4         cbz x13, result              ; a control block: this was clone, we its child
e9030daa         mov x9, x13                  ; and take orders from there
d7ffff17         b wait
result:
402900f9         str x0, [x10, #80]           ; our result, not our child's
1ffc3fb1         cmn x0, #4095                ; -4095 and up: an errno
62000054         b.cs failed
next:
4aa10191         add x10, x10, #104           ; the next call
e4ffff17         b call
failed:
e00300cb         neg x0, x0                   ; the errno
1f2c00f1         cmp x0, #11                  ; EAGAIN
a1000054         b.ne judge
4b3140f9         ldr x11, [x10, #96]
6b0500f1         subs x11, x11, #1            ; as often as was asked
4b3100f9         str x11, [x10, #96]
a5fbff54         b.pl call
judge:
4b2140f9         ldr x11, [x10, #64]          ; errnos that are no failure, one in each byte
scan:
2b0100b4         cbz x11, answer              ; not among them
6c1d4092         and x12, x11, #255
9f0100eb         cmp x12, x0
60000054         b.eq fine
6bfd48d3         lsr x11, x11, #8
fbffff17         b scan
fine:
4b2540f9         ldr x11, [x10, #72]          ; how much needed this one, and is left out
4a010b8b         add x10, x10, x11
eeffff17         b next
answer:
2a0900f9         str x10, [x9, #16]           ; where it ended
200140b9         ldr w0, [x9]
21410091         add x1, x9, #16
020180d2         mov x2, #8
080880d2         mov x8, #64                  ; write
010000d4         svc #0
1f2000f1         cmp x0, #8
20f7ff54         b.eq wait
die:
e00f80d2         mov x0, #127
c80b80d2         mov x8, #94                  ; exit_group(127)
010000d4         svc #0
00000000         udf #0                       ; no filter can refuse this
""",
}
LAYOUT = struct.Struct("=7qQQ4q")
"""Of a call: number, arguments, mask, errnos, skip, result, child, tries."""
CALL = LAYOUT.size
"""Bytes of a call."""


def code(machine: str) -> bytes:
    """The function for a machine; empty for one that we have no code for."""
    return assembled(_LISTINGS.get(machine, ""))


def assembled(text: str) -> bytes:
    """The bytes of a listing."""
    return b"".join(bytes.fromhex(word) for word, _ in instructions(text))


def instruction(line: str) -> tuple[str, str]:
    """Bytes in hexadecimal and mnemonic of a line; two empty words for a label."""
    word, _, rest = line.partition(";")[0].strip().partition(" ")
    return ("", "") if not rest else (word, rest.strip())


def listing(machine: str) -> list[tuple[str, str]]:
    """Every instruction: its bytes and its mnemonic."""
    return instructions(_LISTINGS[machine])


def instructions(text: str) -> list[tuple[str, str]]:
    """Those of a listing, without its labels."""
    return [each for each in map(instruction, text.splitlines()) if each[0]]
