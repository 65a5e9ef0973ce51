"""Words for single system calls of a birth."""

from __future__ import annotations

_SAID = {
    "openat2": (
        "Opens a path below a directory, and says how far links may lead.",
        "Without those bounds, a link in an image could lead to a file of the host.",
    ),
    "openat": (
        "Opens a path below a directory that is open already.",
        "Without the directory, a path could mean another file by the time it is looked up.",
    ),
    "close": (
        "Lets go of an open file.",
        "Without it, the next step would find its place in the table taken.",
    ),
    "write": (
        "Writes to an open file, which for files of the kernel is a command.",
        "Without it, the file would keep the kernel's default.",
    ),
    "fsopen": (
        "Begins a file system that is mounted nowhere yet.",
        "Without it, its options would have to fit into one string, as mount(8) did before 2019.",
    ),
    "fsconfig": (
        "Sets one option of the file system, or says that all are set.",
        "Without it, the file system would have defaults, or not be made at all.",
    ),
    "fsmount": (
        "Turns the file system into a mount, still without a place.",
        "Without it, there would be nothing to put anywhere.",
    ),
    "open_tree": (
        "Takes a copy of a mount, or of a directory as a mount, without a place.",
        "Without it, binding would need the path once more, and it could be another by then.",
    ),
    "move_mount": (
        "Gives a mount its place in the tree.",
        "Without it, nobody could find the file system by a path.",
    ),
    "mount_setattr": (
        "Sets what a mount allows: read-only, no devices, no set-uid, ids mapped.",
        "Without it, the mount would allow all that its source allows.",
    ),
    "mount": (
        "Changes a mount by its path; here how mounts spread.",
        "Without it, mounts of the container would appear on the host.",
    ),
    "umount2": (
        "Takes a mount out of the tree; here the host's old root, at once and with all below.",
        "Without it, the host's files would still be there, under another path.",
    ),
    "pivot_root": (
        "Swaps the root directory for another, for every process of the mount namespace.",
        "Without it, the container would live in the host's root.",
    ),
    "mkdirat": (
        "Makes a directory, most often the place of a mount.",
        "Without it, an image that lacks the directory could not be started.",
    ),
    "mknodat": (
        "Makes a file, device node or pipe.",
        "Without it, there would be no place for the mount to go, or no device.",
    ),
    "symlinkat": (
        "Makes a name that leads to another.",
        "Without it, programs that use the old name would fail.",
    ),
    "chdir": (
        "Changes the working directory by its path.",
        "Without it, paths without a slash would be looked up elsewhere.",
    ),
    "fchdir": (
        "Changes the working directory to one that is open.",
        "Without it, a path would be needed, which the container might have changed.",
    ),
    "getcwd": (
        "Asks where the working directory is, as the kernel sees it.",
        "Without it, nobody would notice that it lies outside the root.",
    ),
    "clone3": (
        "Makes a process, in the namespaces that its flags name.",
        "Without it, there would be nobody to live in them.",
    ),
    "unshare": (
        "Leaves a thing that was shared with other processes, for one of its own.",
        "Without it, what it changes there would change for all.",
    ),
    "setns": (
        "Enters a namespace that exists.",
        "Without it, a process could only be where it was born.",
    ),
    "prctl": (
        "Changes a property of the process itself.",
        "Without it, the process would go on as its maker was.",
    ),
    "capset": (
        "Sets the process's capabilities, which can only get fewer.",
        "Without it, it would keep those that it has.",
    ),
    "setresuid": (
        "Sets the user: real, effective and saved, so that there is no way back.",
        "Without it, the process would remain root of the container.",
    ),
    "setresgid": (
        "Sets the group: real, effective and saved.",
        "Without it, new files would belong to group root.",
    ),
    "setgroups": (
        "Sets the list of further groups.",
        "Without it, groups of the engine would come along.",
    ),
    "setsid": (
        "Begins a session, which has no terminal yet.",
        "Without it, Ctrl-C in the engine's terminal would reach the container.",
    ),
    "umask": (
        "Sets which permissions new files never get.",
        "Without it, the engine's own setting would hold.",
    ),
    "rt_sigaction": (
        "Sets what a signal does; here what it does by default.",
        "Without it, a signal that the engine ignores would be ignored by the command.",
    ),
    "rt_sigprocmask": (
        "Sets which signals have to wait; here none.",
        "Without it, the command might never get them.",
    ),
    "sethostname": (
        "Sets the host name of the UTS namespace.",
        "Without it, the name would be a copy of the host's.",
    ),
    "socket": (
        "Makes a socket; here one by which interfaces can be asked and switched.",
        "Without it, there would be no way to speak to the network.",
    ),
    "ioctl": (
        "Asks a device, a terminal or a network interface for something special.",
        "Without it, only reading and writing would be possible.",
    ),
    "dup3": (
        "Gives an open file another number.",
        "Without it, output would not be number 1, where every program writes to.",
    ),
    "close_range": (
        "Closes many open files at once.",
        "Without it, one that was forgotten would be open in the command.",
    ),
    "fchown": (
        "Changes who owns an open file.",
        "Without it, a command that is not root could not open its own output again.",
    ),
    "faccessat2": (
        "Asks whether a file may be executed, without doing it.",
        "Without it, the search along PATH would end at the first file that may not.",
    ),
    "execve": (
        "Replaces the program of the process by another.",
        "Without it, the engine's own code would go on in the container.",
    ),
    "execveat": (
        "Replaces the program of the process by an open file.",
        "Without it, the file could be swapped between the look and the execution.",
    ),
}  # fmt: skip

WORDS: dict[str, tuple[str, str]] = {f"call.{name}": said for name, said in _SAID.items()}
WORDS["call.line"] = (
    "One system call, as it was made: name, arguments and what the kernel answered.",
    "Without system calls, a program can compute and nothing else.",
)
