"""Words for capabilities(7): what each permits, and what fails without it."""

from __future__ import annotations

_SAID = {
    "CHOWN": ("Change who owns a file.", "Without it, chown works for nobody."),
    "DAC_OVERRIDE": (
        "Read, write and execute files whatever their permissions say.",
        "Without it, root must keep to them like anybody else.",
    ),
    "DAC_READ_SEARCH": (
        "Read any file and directory, and open files by handle.",
        "Without it, that way out of a container is shut.",
    ),
    "FOWNER": (
        "Change modes and times of files of others.",
        "Without it, only a file's owner may.",
    ),
    "FSETID": (
        "Keep set-uid and set-gid bits when a file is changed.",
        "Without it, the kernel clears them.",
    ),
    "KILL": (
        "Send signals to processes of other users.",
        "Without it, root in there can only signal its own.",
    ),
    "SETGID": ("Change its groups.", "Without it, su and most servers cannot shed root's group."),
    "SETUID": ("Change its user.", "Without it, a server that starts as root must remain root."),
    "SETPCAP": (
        "Drop capabilities from its bounding set.",
        "Without it, a program cannot give up powers for its children.",
    ),
    "LINUX_IMMUTABLE": (
        "Set the flags “immutable” and “append only” of files.",
        "Without it, files so marked stay as they are.",
    ),
    "NET_BIND_SERVICE": (
        "Listen on ports below 1024.",
        "Without it, a web server cannot have port 80.",
    ),
    "NET_BROADCAST": (
        "Was meant for broadcasts; the kernel hardly asks for it.",
        "Without it, nothing is missed.",
    ),
    "NET_ADMIN": (
        "Change interfaces, routes and firewall rules of its network namespace.",
        "Without it, the network stays as tuidock made it.",
    ),
    "NET_RAW": (
        "Open raw sockets, as ping does.",
        "Without it, packets cannot be forged or listened to.",
    ),
    "IPC_LOCK": (
        "Keep memory from being swapped out, without limit.",
        "Without it, ulimit -l holds.",
    ),
    "IPC_OWNER": (
        "Use System V memory and queues of others.",
        "Without it, their permissions hold.",
    ),
    "SYS_MODULE": (
        "Load modules into the kernel: to own the machine.",
        "Without it, the kernel stays as the host booted it.",
    ),
    "SYS_RAWIO": (
        "Touch hardware ports and physical memory.",
        "Without it, hardware is reached through drivers only.",
    ),
    "SYS_CHROOT": ("Call chroot.", "Without it, build tools that use it fail."),
    "SYS_PTRACE": (
        "Look into and steer processes of others.",
        "Without it, a debugger works on one's own processes only.",
    ),
    "SYS_PACCT": ("Switch process accounting.", "Without it, the host's stays as it is."),
    "SYS_ADMIN": (
        "Mount, set quotas, enter namespaces and a hundred things more: nearly root.",
        "Without it, most ways out of a container are shut.",
    ),
    "SYS_BOOT": (
        "Reboot, and load another kernel.",
        "Without it, reboot in a container does nothing to the host.",
    ),
    "SYS_NICE": (
        "Raise priorities, choose real-time scheduling, move memory between nodes.",
        "Without it, a process may only make itself less important.",
    ),
    "SYS_RESOURCE": (
        "Go beyond resource limits and quotas.",
        "Without it, ulimits are limits.",
    ),
    "SYS_TIME": ("Set the clock, which all share.", "Without it, the host's clock is safe."),
    "SYS_TTY_CONFIG": (
        "Configure and hang up terminals of others.",
        "Without it, each keeps its own.",
    ),
    "MKNOD": (
        "Make device nodes; which may be opened the cgroup still decides.",
        "Without it, mknod makes pipes and sockets only.",
    ),
    "LEASE": (
        "Ask to be told when somebody opens a file.",
        "Without it, only for files of one's own.",
    ),
    "AUDIT_WRITE": (
        "Write to the kernel's audit log, as login and sshd do.",
        "Without it, they complain or refuse.",
    ),
    "AUDIT_CONTROL": (
        "Change the rules of auditing.",
        "Without it, a container cannot switch off its own traces.",
    ),
    "SETFCAP": (
        "Give capabilities to files.",
        "Without it, installing some packages (ping, say) fails.",
    ),
    "MAC_OVERRIDE": (
        "Pass by Smack's rules.",
        "Without it, such rules hold for root, too.",
    ),
    "MAC_ADMIN": ("Change Smack's rules.", "Without it, they stay as the host set them."),
    "SYSLOG": (
        "Read and clear the kernel's log, and see its addresses.",
        "Without it, dmesg shows nothing that helps an attack.",
    ),
    "WAKE_ALARM": (
        "Wake the machine from sleep at a time.",
        "Without it, a container lets it sleep.",
    ),
    "BLOCK_SUSPEND": (
        "Keep the machine from sleeping.",
        "Without it, the host decides.",
    ),
    "AUDIT_READ": ("Read the audit log.", "Without it, only the host can."),
    "PERFMON": (
        "Measure performance of the whole machine.",
        "Without it, perf is limited to one's own processes.",
    ),
    "BPF": (
        "Load programs into the kernel that may look around in it.",
        "Without it, none but harmless ones, if any, can be loaded.",
    ),
    "CHECKPOINT_RESTORE": (
        "Choose a process's number and other things that checkpoints need.",
        "Without it, numbers are the kernel's choice.",
    ),
}  # fmt: skip

WORDS: dict[str, tuple[str, str]] = {f"CAP_{name}": said for name, said in _SAID.items()}
