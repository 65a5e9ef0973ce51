"""System calls by name, for those who make them without the C library.

Facts of the kernel (arch/*/tools/syscall*.tbl). Only calls that every architecture has, so no
`mkdir` but `mkdirat`. Invariant: those of 424 and up have one number everywhere.
"""

from __future__ import annotations

import os

_X86_64 = """
read 0 write 1 close 3 ioctl 16 socket 41 clone 56 execve 59 chdir 80 fchdir 81 getcwd 79 umask 95
setsid 112 setgroups 116 setresuid 117 setresgid 119 capset 126 capget 125 rt_sigaction 13
rt_sigprocmask 14 pivot_root 155 prctl 157 mount 165 umount2 166 sethostname 170 openat 257
mkdirat 258 mknodat 259 fchownat 260 fchown 93 fchmod 91 unlinkat 263 symlinkat 266 faccessat 269
unshare 272 dup3 292 setns 308 fcntl 72 getdents64 217 readlinkat 267 setdomainname 171
setpgid 109 prlimit64 302 splice 275 execveat 322 pwrite64 18 mmap 9
"""
_AARCH64 = """
read 63 write 64 close 57 ioctl 29 socket 198 clone 220 execve 221 chdir 49 fchdir 50 getcwd 17
umask 166 setsid 157 setgroups 159 setresuid 147 setresgid 149 capset 91 capget 90
rt_sigaction 134 rt_sigprocmask 135 pivot_root 41 prctl 167 mount 40 umount2 39 sethostname 161
openat 56 mkdirat 34 mknodat 33 fchownat 54 fchown 55 fchmod 52 unlinkat 35 symlinkat 36
faccessat 48 unshare 97 dup3 24 setns 268 fcntl 25 getdents64 61 readlinkat 78 setdomainname 162
setpgid 154 prlimit64 261 splice 76 execveat 281 pwrite64 68 mmap 222
"""
_EVERYWHERE = """
pidfd_send_signal 424 open_tree 428 move_mount 429 fsopen 430 fsconfig 431 fsmount 432
pidfd_open 434 clone3 435 close_range 436 openat2 437 pidfd_getfd 438 faccessat2 439
mount_setattr 442
"""


def numbers(machine: str) -> dict[str, int]:
    """Name to number; empty for a machine that is not in the tables."""
    table = {"x86_64": _X86_64, "aarch64": _AARCH64}.get(machine)
    words = f"{table}{_EVERYWHERE}".split() if table else []
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


NUMBER = numbers(os.uname().machine)
"""Of this machine."""
