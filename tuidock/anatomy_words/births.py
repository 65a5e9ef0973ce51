"""Words for the steps of a birth."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    # --- namespaces ------------------------------------------------------------------------------
    "namespace.user": (
        "Gives the container its own user numbers, so that root in it is a nobody outside.",
        "Without it, root in the container would be root of this machine.",
    ),
    "namespace.mnt": (
        "Gives it a list of mounts of its own, so that it can have another root directory.",
        "Without it, everything mounted in the container would appear on the host, too.",
    ),
    "namespace.pid": (
        "Numbers its processes from 1 and hides all others.",
        "Without it, it would see every process of the host, and could send signals to those"
        " of its user.",
    ),
    "namespace.net": (
        "Gives it network interfaces, addresses, routes and ports of its own.",
        "Without it, it would use the host's addresses, and port 80 could be taken only once.",
    ),
    "namespace.uts": (
        "Lets it have a host name of its own.",
        "Without it, setting the name in the container would rename the host.",
    ),
    "namespace.ipc": (
        "Keeps its System V semaphores and queues, and its POSIX queues, to itself.",
        "Without it, it could find and disturb those that programs of the host use.",
    ),
    "namespace.cgroup": (
        "Makes its own cgroup look like the root of all cgroups.",
        "Without it, /proc/self/cgroup would tell where on the host it runs.",
    ),
    "namespace.time": (
        "Would let its clocks since boot start elsewhere; containers seldom have their own.",
        "Without one of its own, its uptime is that of the host.",
    ),
    "process.made": (
        "Makes a helper process that lives in the namespaces of its maker.",
        "Without it, the starter itself would have to leave its own namespaces.",
    ),
    "join": (
        "Enters namespaces of another container instead of making new ones.",
        "Without it, the two could not share a network or see each other's processes.",
    ),
    "join.memory": (
        "Takes the other container's /dev/shm along, which belongs to its IPC namespace.",
        "Without it, POSIX shared memory would not be shared although the rest of IPC is.",
    ),
    # --- cgroup ----------------------------------------------------------------------------------
    "cgroup.make": (
        "Makes a directory in a cgroup tree; the kernel counts and limits what runs in it.",
        "Without it, nobody could say what this container uses, or stop it from using it all.",
    ),
    "cgroup.file": (
        "Sets a value of the cgroup before any process is in it.",
        "Without it, the container would begin its life with the kernel's default, mostly no"
        " limit.",
    ),
    "cgroup.enter": (
        "Moves the first process into the container's cgroups, by its own hand: 0 means me.",
        "Without it, limits would hold for nobody, as all its children are born where it is.",
    ),
    "bpf": (
        "Attaches a small program to the cgroup that the kernel asks at each opening of a device.",
        "Without it, root in the container could open any disk for which it finds a node.",
    ),
    "oom_score": (
        "Says how gladly the kernel kills it when the machine runs out of memory.",
        "Without it, it would inherit the score of its launcher, which is to be spared.",
    ),
    "rlimit": (
        "Limits a single process, as ulimit does; cgroups limit all of them together.",
        "Without it, the limit that the launcher was started with would hold.",
    ),
    # --- ids -------------------------------------------------------------------------------------
    "ids.uid_map": (
        "Tells the kernel which users of the host the container's users are.",
        "Without it, everybody in there would be nobody, number 65534, and own no file.",
    ),
    "ids.gid_map": (
        "Tells the kernel which groups of the host the container's groups are.",
        "Without it, files would belong to group nogroup, whoever made them.",
    ),
    "ids.setgroups": (
        "Forbids changes to the list of groups, which the kernel asks of an ordinary user.",
        "Without it, somebody could drop a group that was there to keep him from a file.",
    ),
    "ids.program": (
        "Has newuidmap or newgidmap, which may, map the user's ids of /etc/subuid or /etc/subgid.",
        "Without it, an ordinary user's container would know a single user, its root.",
    ),
    "user.root": (
        "Takes the number 0 in the new user namespace, for the mounts that follow.",
        "Without it, the process would have no number there and own nothing it makes.",
    ),
    "user.look": (
        "Looks the command's user up in the image's own /etc/passwd and /etc/group.",
        "Without it, names like www-data could not be given, as only numbers count for the kernel.",
    ),
    "user.command": (
        "Becomes the user and the groups that the command is to have.",
        "Without it, every command would run as root of the container.",
    ),
    "dumpable": (
        "Forbids others to look into this process while it still has rights of the host.",
        "Without it, a process in the container could reach out through its /proc entry.",
    ),
    # --- from outside ----------------------------------------------------------------------------
    "outside.store": (
        "Opens the directory of all layers as a mount that appears with the container's ids.",
        "Without id-mapping, the image's files would belong to nobody in there.",
    ),
    "outside.bind": (
        "Opens a file or directory of the host for the container, as a mount that hangs nowhere"
        " yet.",
        "Without it, its path could not be found any more once the host's root is out of sight.",
    ),
    "outside.device": (
        "Makes or opens a device node that was asked for with --device.",
        "Without it, the container could not talk to that piece of hardware.",
    ),
    # --- mounts ----------------------------------------------------------------------------------
    "mount.private": (
        "Cuts the tie by which mounts travel between the host's namespace and this one.",
        "Without it, what is mounted here would show up on the host.",
    ),
    "mount.overlay": (
        "Stacks the image's read-only layers with a writable directory on top: the root.",
        "Without it, each container would need a whole copy of its image.",
    ),
    "mount.proc": (
        "Shows the processes of the container's pid namespace, and settings of the kernel.",
        "Without it, ps, top and even shells would not work.",
    ),
    "mount.dev": (
        "An empty directory in memory for device nodes.",
        "Without it, there would be no /dev/null, and few programs start without one.",
    ),
    "mount.devpts": (
        "Holds the container's own terminals.",
        "Without it, no shell with a terminal could be opened, or it would be the host's.",
    ),
    "mount.shm": (
        "Memory that processes share by name, limited in size (--shm-size).",
        "Without it, databases and browsers that talk through /dev/shm would fail.",
    ),
    "mount.mqueue": (
        "POSIX message queues, of its own IPC namespace.",
        "Without it, programs could still make such queues but not list them.",
    ),
    "mount.sysfs": (
        "Tells about devices and drivers, read-only.",
        "Without it, programs could not find out about network cards or processors.",
    ),
    "mount.cgroup": (
        "Shows the container its own cgroups, so that programs can see their limits.",
        "Without it, a Java or Go program would plan with all memory and cores of the host.",
    ),
    "mount.tmpfs": (
        "A directory in memory, as --tmpfs asked; its content goes with the container's end.",
        "Without it, these files would be written to disk, in the writable layer.",
    ),
    "mount.other": (
        "Another file system, as somebody asked for it.",
        "Without it, its place would show what the image has there.",
    ),
    "bind.hosts": (
        "/etc/hosts with the container's own name and what --add-host says.",
        "Without it, the container could not find its own name.",
    ),
    "bind.hostname": (
        "/etc/hostname with the container's name.",
        "Without it, the file would say what the image was built with.",
    ),
    "bind.resolv.conf": (
        "/etc/resolv.conf with name servers that can be reached from in there.",
        "Without it, no name of the internet could be looked up.",
    ),
    "bind.shm": (
        "The /dev/shm of the container whose IPC namespace is shared.",
        "Without it, both could share semaphores but no memory.",
    ),
    "bind.volume": (
        "Puts a file or directory of the host into the container (-v, --mount).",
        "Without it, what is written there would go when the container is removed.",
    ),
    "device.null": (
        "Swallows what is written and is empty when read.",
        "Without it, “> /dev/null” would fill a file instead.",
    ),
    "device.zero": (
        "Gives endless zero bytes.",
        "Without it, dd and old allocators of memory would fail.",
    ),
    "device.full": (
        "Says “no space left” at each write.",
        "Without it, tests of that error would have nothing to write to.",
    ),
    "device.random": (
        "Gives random bytes, and waits until the kernel has gathered enough chance.",
        "Without it, programs that make keys from it would fail.",
    ),
    "device.urandom": (
        "Gives random bytes at once.",
        "Without it, most programs with cryptography would refuse to start.",
    ),
    "device.tty": (
        "Means the terminal of whoever opens it.",
        "Without it, programs could not ask for a password past a redirection.",
    ),
    "device.given": (
        "A device of the host that was given to this container.",
        "Without it, the container has only the harmless ones that all get.",
    ),
    "link": (
        "A name that programs expect below /dev, as a link into /proc or /dev/pts.",
        "Without it, /dev/stdout or /dev/fd would not be there, and scripts that use them break.",
    ),
    "terminal": (
        "Opens a terminal in the container's own devpts for its command (-t).",
        "Without it, there would be no line editing, no colours and no job control.",
    ),
    "mask.look": (
        "Looks which of the files that should be hidden this kernel has at all.",
        "Without it, hiding something that is not there would end the birth.",
    ),
    "mask": (
        "Covers a file of /proc or /sys that tells too much or reaches into hardware.",
        "Without it, the container could read keys, memory layout or firmware of the host.",
    ),
    "readonly.path": (
        "Mounts a part of /proc over itself, read-only.",
        "Without it, root in a container with the host's ids could change settings of the kernel.",
    ),
    "readonly.root": (
        "Seals the root directory, as --read-only asked.",
        "Without it, an intruder could leave files in the container.",
    ),
    "sysctl": (
        "Changes a setting of the kernel that belongs to one of its namespaces.",
        "Without it, the namespace would have the default of a new one.",
    ),
    "pivot": (
        "Makes the overlay the root directory, and lets go of the host's for good.",
        "Without it, or with a mere chroot, a process could climb back out.",
    ),
    # --- the rest of the inside ------------------------------------------------------------------
    "hostname": (
        "Sets the name in the container's own UTS namespace.",
        "Without it, the container would carry the name of the host.",
    ),
    "loopback": (
        "Switches 127.0.0.1 on; in a new network namespace it is down.",
        "Without it, programs in the container could not even talk to each other by localhost.",
    ),
    "session": (
        "Begins a session of its own, and sets which permissions new files do not get.",
        "Without it, it would share the launcher's terminal signals and file mode mask.",
    ),
    "signals": (
        "Sets signals back to what they do by default, and unblocks them.",
        "Without it, the command would inherit that the launcher ignores some, Ctrl-C say.",
    ),
    "stdio.own": (
        "Makes pipes and terminal belong to the command's user.",
        "Without it, a program could not open /dev/stdout again by its name.",
    ),
    "descriptors": (
        "Leaves the starter's table of open files: only 0, 1 and 2 come along.",
        "Without it, an open directory of the host would be a way out (CVE-2024-21626).",
    ),
    "directory.make": (
        "Makes the working directory if the image lacks it.",
        "Without it, a -w that names a new directory would end the birth.",
    ),
    "directory.enter": (
        "Enters the working directory, and asks the kernel whether it lies in the container.",
        "Without it, the command would start in /, or, by a trick, outside.",
    ),
    "command.look": (
        "Looks for the command in the directories of PATH, without following links of /proc.",
        "Without it, a link in an image could have the engine's own program executed.",
    ),
    "capabilities.bounding": (
        "Takes capabilities away for ever: no program in there can get them back.",
        "Without it, a set-uid program of the image could win all of root's powers.",
    ),
    "capabilities.set": (
        "Sets which of root's powers the process has from now on.",
        "Without it, it would keep all that it needed to build the container.",
    ),
    "no_new_privs": (
        "Promises that no program executed from here on gains rights by set-uid bits.",
        "Without it, sudo and its like work, and so do mistakes in them.",
    ),
    "seccomp": (
        "Loads a filter: a small program that the kernel runs at each system call.",
        "Without it, every one of some 400 system calls could be tried for a hole in the kernel.",
    ),
    "exec": (
        "Becomes the command: the process stays, its program is replaced.",
        "Without it, there would be a container, and nothing would run in it.",
    ),
    "call": (
        "A system call that prepares one of the steps around it.",
        "Without it, that step would have nothing to work on.",
    ),
    "runtime": (
        "Calls another OCI runtime, which does its part by itself and tells no more of it.",
        "Without it, the container would be made by the runtime that is built in.",
    ),
    # --- streams and network ---------------------------------------------------------------------
    "fifo": (
        "A pipe with a name, through which its output goes to the log.",
        "Without a name, a monitor that was killed would take the container's output along.",
    ),
    "socket": (
        "Where its monitor can be reached: to attach, to execute, to send signals.",
        "Without it, nobody could talk to the container once it runs.",
    ),
    "network.bridge": (
        "Makes a bridge, a switch in software that all containers are plugged into.",
        "Without it, they could reach neither each other nor the host.",
    ),
    "network.firewall": (
        "Writes rules that let packets out under the host's address (NAT).",
        "Without it, answers from the internet would not find their way back.",
    ),
    "network.veth": (
        "Makes a pair of interfaces, a cable: one end on the bridge, the other in the container.",
        "Without it, the container would have nothing but its loopback.",
    ),
    "network.hairpin": (
        "Lets a packet leave by the port of the bridge through which it came.",
        "Without it, the container could not reach its own published port.",
    ),
    "network.up": (
        "Switches the container's end of the cable on.",
        "Without it, no packet would pass.",
    ),
    "network.address": (
        "Gives the container its address.",
        "Without it, nobody could send it anything.",
    ),
    "network.route": (
        "Says that all that is not near goes to the bridge, and from there into the world.",
        "Without it, the container could talk to its neighbours only.",
    ),
    "network.wait": (
        "Waits until the kernel lets packets through, which it does a moment later.",
        "Without it, the first packet could be lost, which costs a second.",
    ),
    "network.port": (
        "Publishes a port: what arrives at the host is sent on into the container (-p).",
        "Without it, the service could be reached from this host only.",
    ),
    "network.carrier": (
        "Has a program carry packets in and out, as an ordinary user may make no bridge.",
        "Without it, a container of an ordinary user would have no network.",
    ),
}  # fmt: skip
