"""The first process of `--init`: starts the command, forwards signals, reaps orphans.

A program of a few hundred bytes of our own, for the image need not have one: an ELF file made
here, executed from sealed memory that no process can write. All signals are blocked and waited
for, so none gets lost; the command has a process group and, with a terminal, its foreground.
Invariant: it ends with the command, by its exit code, or 128 and the signal that ended it.
"""

from __future__ import annotations

import fcntl
import os
import struct

from tuidock.engine.errors import Unsupported
from tuidock.engine.linux.machine import assembled, instructions

# One instruction a line, its bytes first, as an assembler makes it of the rest.
_LISTINGS = {
    "x86_64": """
4889e3               mov rbx, rsp            ; rbx: argc, argv, 0, envp
4883ec20             sub rsp, 32             ; [rsp]: every signal; +8: mask before; +16: a word
48830c24ff           or qword ptr [rsp], -1
bf02000000           mov edi, 2              ; SIG_SETMASK: all are waited for below
4889e6               mov rsi, rsp
488d542408           lea rdx, [rsp+8]
41ba08000000         mov r10d, 8
b80e000000           mov eax, 14             ; rt_sigprocmask
0f05                 syscall
bf24000000           mov edi, 36             ; PR_SET_CHILD_SUBREAPER: where another is pid 1
be01000000           mov esi, 1
b89d000000           mov eax, 157            ; prctl
0f05                 syscall
b839000000           mov eax, 57             ; fork
0f05                 syscall
85c0                 test eax, eax
0f88cc000000         js fail
7467                 je child
89c5                 mov ebp, eax            ; ebp: the command's pid
wait:
4889e7               mov rdi, rsp
31f6                 xor esi, esi
31d2                 xor edx, edx            ; no end of patience
41ba08000000         mov r10d, 8
b880000000           mov eax, 128            ; rt_sigtimedwait
0f05                 syscall
85c0                 test eax, eax
7ee8                 jle wait
83f811               cmp eax, 17             ; SIGCHLD
740d                 je reap
89ef                 mov edi, ebp            ; any other one is for the command
89c6                 mov esi, eax
b83e000000           mov eax, 62             ; kill
0f05                 syscall
ebd6                 jmp wait
reap:
4883cfff             or rdi, -1              ; any child: signals of many may have become one
488d742410           lea rsi, [rsp+16]
ba01000000           mov edx, 1              ; WNOHANG
4531d2               xor r10d, r10d
b83d000000           mov eax, 61             ; wait4
0f05                 syscall
85c0                 test eax, eax
7eba                 jle wait
39e8                 cmp eax, ebp
75e0                 jne reap
8b7c2410             mov edi, [rsp+16]       ; the command's wait status
89f9                 mov ecx, edi
c1ef08               shr edi, 8              ; its exit code: exit_group takes 8 bits of it
83e17f               and ecx, 127            ; or the signal that ended it
7406                 je exit
8db980000000         lea edi, [rcx+128]
exit:
b8e7000000           mov eax, 231            ; exit_group
0f05                 syscall
child:
31ff                 xor edi, edi
31f6                 xor esi, esi
b86d000000           mov eax, 109            ; setpgid: ^C and ^Z are for the command alone
0f05                 syscall
b827000000           mov eax, 39             ; getpid
0f05                 syscall
89442410             mov [rsp+16], eax
31ff                 xor edi, edi            ; standard input, if it is a terminal
be10540000           mov esi, 0x5410         ; TIOCSPGRP; SIGTTOU is blocked
488d542410           lea rdx, [rsp+16]
b810000000           mov eax, 16             ; ioctl
0f05                 syscall
bf02000000           mov edi, 2              ; SIG_SETMASK
488d742408           lea rsi, [rsp+8]
31d2                 xor edx, edx
41ba08000000         mov r10d, 8
b80e000000           mov eax, 14             ; rt_sigprocmask
0f05                 syscall
488b7b10             mov rdi, [rbx+16]       ; argv[1]: the command's path
488d7318             lea rsi, [rbx+24]       ; argv[2] and up: its arguments, name first
488b0b               mov rcx, [rbx]          ; argc
488d54cb10           lea rdx, [rbx+rcx*8+16] ; envp
b83b000000           mov eax, 59             ; execve
0f05                 syscall
83f8fe               cmp eax, -2             ; ENOENT: the interpreter of a script is missing
bf7f000000           mov edi, 127
7496                 je exit
fail:
bf7e000000           mov edi, 126
eb8f                 jmp exit
""",
    "aarch64": """
f3030091     mov x19, sp                     ; x19: argc, argv, 0, envp
ff8300d1     sub sp, sp, #32                 ; [sp]: every signal; +8: mask before; +16: a word
09008092     mov x9, #-1
e90300f9     str x9, [sp]
400080d2     mov x0, #2                      ; SIG_SETMASK: all are waited for below
e1030091     mov x1, sp
e2230091     add x2, sp, #8
030180d2     mov x3, #8
e81080d2     mov x8, #135                    ; rt_sigprocmask
010000d4     svc #0
800480d2     mov x0, #36                     ; PR_SET_CHILD_SUBREAPER: where another is pid 1
210080d2     mov x1, #1
e81480d2     mov x8, #167                    ; prctl
010000d4     svc #0
200280d2     mov x0, #17                     ; SIGCHLD: a plain fork
010080d2     mov x1, #0
020080d2     mov x2, #0
030080d2     mov x3, #0
040080d2     mov x4, #0
881b80d2     mov x8, #220                    ; clone
010000d4     svc #0
e007f8b7     tbnz x0, #63, fail
400400b4     cbz x0, child
f40300aa     mov x20, x0                     ; x20: the command's pid
wait:
e0030091     mov x0, sp
010080d2     mov x1, #0
020080d2     mov x2, #0                      ; no end of patience
030180d2     mov x3, #8
281180d2     mov x8, #137                    ; rt_sigtimedwait
010000d4     svc #0
1f0000f1     cmp x0, #0
2dffff54     b.le wait
1f4400f1     cmp x0, #17                     ; SIGCHLD
c0000054     b.eq reap
e10300aa     mov x1, x0                      ; any other one is for the command
e00314aa     mov x0, x20
281080d2     mov x8, #129                    ; kill
010000d4     svc #0
f2ffff17     b wait
reap:
00008092     mov x0, #-1                     ; any child: signals of many may have become one
e1430091     add x1, sp, #16
220080d2     mov x2, #1                      ; WNOHANG
030080d2     mov x3, #0
882080d2     mov x8, #260                    ; wait4
010000d4     svc #0
1f0000f1     cmp x0, #0
4dfdff54     b.le wait
1f0014eb     cmp x0, x20
e1feff54     b.ne reap
e91340b9     ldr w9, [sp, #16]               ; the command's wait status
207d0853     lsr w0, w9, #8                  ; its exit code: exit_group takes 8 bits of it
29190072     ands w9, w9, #127               ; or the signal that ended it
40000054     b.eq exit
20010211     add w0, w9, #128
exit:
c80b80d2     mov x8, #94                     ; exit_group
010000d4     svc #0
child:
000080d2     mov x0, #0
010080d2     mov x1, #0
481380d2     mov x8, #154                    ; setpgid: ^C and ^Z are for the command alone
010000d4     svc #0
881580d2     mov x8, #172                    ; getpid
010000d4     svc #0
e01300b9     str w0, [sp, #16]
000080d2     mov x0, #0                      ; standard input, if it is a terminal
01828ad2     mov x1, #0x5410                 ; TIOCSPGRP; SIGTTOU is blocked
e2430091     add x2, sp, #16
a80380d2     mov x8, #29                     ; ioctl
010000d4     svc #0
400080d2     mov x0, #2                      ; SIG_SETMASK
e1230091     add x1, sp, #8
020080d2     mov x2, #0
030180d2     mov x3, #8
e81080d2     mov x8, #135                    ; rt_sigprocmask
010000d4     svc #0
600a40f9     ldr x0, [x19, #16]              ; argv[1]: the command's path
61620091     add x1, x19, #24                ; argv[2] and up: its arguments, name first
690240f9     ldr x9, [x19]                   ; argc
620e098b     add x2, x19, x9, lsl #3
42400091     add x2, x2, #16                 ; envp
a81b80d2     mov x8, #221                    ; execve
010000d4     svc #0
1f0800b1     cmn x0, #2                      ; ENOENT: the interpreter of a script is missing
e00f80d2     mov x0, #127
60fcff54     b.eq exit
fail:
c00f80d2     mov x0, #126
e1ffff17     b exit
""",
}
_MACHINES = {"x86_64": 62, "aarch64": 183}  # EM_*, <linux/elf-em.h>
_ADDRESS = 0x400000
_HEADERS = 64 + 2 * 56
_MFD_CLOEXEC, _MFD_ALLOW_SEALING, _MFD_EXEC = 1, 2, 0x10
_SEALS = 0x1 | 0x2 | 0x4 | 0x8  # F_SEAL_SEAL, _SHRINK, _GROW, _WRITE
NAME = "tuidock-init"


def listing(machine: str) -> list[tuple[str, str]]:
    """Every instruction for a machine: its bytes in hexadecimal, and its mnemonic."""
    return instructions(_LISTINGS.get(machine, ""))


def program(machine: str) -> bytes:
    """The ELF file for a machine; empty for one that we have no code for."""
    code = assembled(_LISTINGS.get(machine, ""))
    if not code:
        return b""
    size = _HEADERS + len(code)
    ident = b"\x7fELF" + bytes((2, 1, 1)).ljust(12, b"\0")  # 64 bits, little-endian
    entry = (_ADDRESS + _HEADERS, 64, 0, 0, 64, 56, 2, 64, 0, 0)
    header = ident + struct.pack("<HHIQQQIHHHHHH", 2, _MACHINES[machine], 1, *entry)
    load = struct.pack("<IIQQQQQQ", 1, 4 | 1, 0, _ADDRESS, _ADDRESS, size, size, 4096)
    # PT_GNU_STACK: without it the stack could be executed.
    stack = struct.pack("<IIQQQQQQ", 0x6474E551, 4 | 2, 0, 0, 0, 0, 0, 16)
    return header + load + stack + code


def open_program() -> int:
    """A descriptor to execute, of memory that nobody can write any more.

    Raises OSError; Unsupported on a machine that we have no code for.
    """
    content = program(os.uname().machine)
    if not content:
        raise Unsupported("--init is not there for this machine", "leave it out")
    try:
        file = os.memfd_create(NAME, _MFD_CLOEXEC | _MFD_ALLOW_SEALING | _MFD_EXEC)
    except OSError:  # before Linux 6.3, where all of them may be executed
        file = os.memfd_create(NAME, _MFD_CLOEXEC | _MFD_ALLOW_SEALING)
    os.write(file, content)
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
    return file


def arguments(path: str, command: list[str]) -> list[str]:
    """Its argv: the command's path, then the command's own."""
    return [NAME, path, *command]
