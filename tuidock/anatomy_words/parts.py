"""Words for the parts of a birth, and for all that is not a step of it."""

from __future__ import annotations

_PARTS = {
    "made ahead of time": (
        "Made while nobody waited, by the spare starter that is always kept ready.",
        "Without it, each start would take a millisecond or two longer.",
    ),
    "make the cgroup": (
        "Prepares the cgroup with its limits before anybody is in it.",
        "Without it, the command could use too much before its limits hold.",
    ),
    "open the output": (
        "Opens where its output goes and its input comes from.",
        "Without it, what it writes would be lost.",
    ),
    "make the namespaces": (
        "Makes the first process, in namespaces of its own: from here on it sees another world.",
        "Without it, the container would be a process like any other.",
    ),
    "map user ids": (
        "Says from outside who the users inside are.",
        "Without it, the first process could not become root of its namespace.",
    ),
    "open what comes from outside": (
        "Opens layers, volumes and files of the host while their paths can still be seen.",
        "Without it, there would be nothing to build the root directory from.",
    ),
    "plan the mounts": (
        "Turns the configuration into a list of operations; no system call is made.",
        "Without it, an error would be found only half-way.",
    ),
    "furnish the root": (
        "Builds the root directory, mount by mount, and moves into it.",
        "Without it, the command would find the host's files.",
    ),
    "listen": (
        "Opens the socket of its monitor.",
        "Without it, nobody could attach or execute a further command.",
    ),
    "wait for the network": (
        "Waits at the gate until the network is wired, which was done meanwhile.",
        "Without it, the command might start before it has an address.",
    ),
    "become the command": (
        "Gives up all that is left of the host, and executes the command.",
        "Without it, the command would inherit rights that only its making needed.",
    ),
    "create the container": (
        "Has another OCI runtime make the container, up to its command.",
        "Without it, --runtime would mean nothing.",
    ),
    "watch the first process": (
        "Takes hold of the process that the other runtime made, and of its cgroup.",
        "Without it, its end would go unseen.",
    ),
    "execute the command": (
        "Has the other runtime execute the command.",
        "Without it, the container would wait for ever.",
    ),
}

_OTHERS = {
    "ids.uid": (
        "A range of user numbers: inside, outside, how many.",
        "Without it, these users would not exist in the container.",
    ),
    "ids.gid": (
        "A range of group numbers: inside, outside, how many.",
        "Without it, these groups would not exist in the container.",
    ),
    "ids.root": (
        "Who root of the container is for the host: that is why breaking out gains little.",
        "Without the mapping, it would be 0 here, too: root of this machine.",
    ),
    "ids.root.host": (
        "Root of the container is root of this machine, as its numbers are the host's.",
        "Without other numbers, a way out of the container is a way to everything.",
    ),
    "layer.own": (
        "The writable layer: every file that it makes or changes lies here, and goes with it.",
        "Without it, nothing could be written, or everybody would write into the image.",
    ),
    "layer.image": (
        "A read-only layer of the image, kept once for all who use it.",
        "Without sharing, each image and container would have a copy of it.",
    ),
    "process.first": (
        "The first process, number 1 inside: when it ends, the kernel ends all others.",
        "Without it, there is no container.",
    ),
    "process.other": (
        "A process like any other of the host, with a number in each pid namespace it is in.",
        "Without the host's number, nobody outside could signal it.",
    ),
    "process.hidden": (
        "Processes of the host that the container cannot see.",
        "Without a pid namespace, it would see them all.",
    ),
    "process.seen": (
        "Processes of the host that it sees, as it has the host's pid namespace.",
        "Without a namespace of its own, it can also signal those of its user.",
    ),
    "privileges.seccomp": (
        "Whether a filter looks at each system call before the kernel obeys.",
        "Without it, all of the kernel can be attacked from in there.",
    ),
    "privileges.calls": (
        "System calls that the profile allows, some only with certain arguments.",
        "Without it, even those that no program needs would be open.",
    ),
    "privileges.no_new": (
        "Whether set-uid programs can still raise the rights of who runs them.",
        "Without it, sudo works in there, and so do mistakes in it.",
    ),
    "privileges.user": (
        "Which capabilities the first process has right now; one that is not root has none.",
        "Without any, it can do no more than an ordinary user.",
    ),
    "privileges.kept": (
        "Powers of root that are left to it, over all that belongs to its user namespace.",
        "Without these, common programs of images would fail.",
    ),
    "privileges.dropped": (
        "Powers of root that no program in there can get, whoever runs it.",
        "Without the drop, a hole in the kernel behind one of them would be within reach.",
    ),
    "masked": (
        "A path that is hidden: what tells too much about the host, or reaches into hardware.",
        "Without it, the container could read it.",
    ),
    "readonly": (
        "A path that can be read and not written.",
        "Without it, settings of the kernel could be changed through it.",
    ),
    "idle": (
        "The kernel knows this of a container that has a process.",
        "Without one, there are files on disk and nothing else.",
    ),
    "idle.namespaces": (
        "They went with the last process that was in them.",
        "Without a process or an open file that holds it, the kernel keeps no namespace.",
    ),
    "idle.ids": (
        "The mapping belonged to its user namespace, which is gone.",
        "Without it, the files on disk still belong to the numbers that it had.",
    ),
    "idle.processes": (
        "None is left, and a container is nothing but its processes and what they see.",
        "Without one, there are files on disk and nothing else.",
    ),
    "idle.cgroup": (
        "Its directories were removed when the last process had left them.",
        "Without a process, there is nothing to count and nothing to limit.",
    ),
    "idle.mounts": (
        "The list went with its mount namespace.",
        "Without that, its layers lie on disk, stacked by nobody.",
    ),
    "idle.privileges": (
        "Processes have privileges; a container itself has none.",
        "Without a process, there is nobody to ask the kernel about.",
    ),
    "unread": (
        "This could not be read, for the reason given.",
        "Without the right to, tuidock shows nothing rather than a guess.",
    ),
}  # fmt: skip

WORDS: dict[str, tuple[str, str]] = {f"part.{name}": said for name, said in _PARTS.items()}
WORDS |= _OTHERS
