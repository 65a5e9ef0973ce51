"""Words for the paths that containers may not read, or not write."""

from __future__ import annotations

_MASKED = {
    "/proc/acpi": (
        "Hides switches and states of the machine's firmware.",
        "Without it, the container could see lids and batteries, and on old kernels switch.",
    ),
    "/proc/asound": (
        "Hides sound cards and who uses them.",
        "Without it, the container could tell when somebody listens to what.",
    ),
    "/proc/interrupts": (
        "Hides how often each device interrupted the processors.",
        "Without it, the rhythm of keystrokes on the host could be read from the counts.",
    ),
    "/proc/kcore": (
        "Hides the memory of the whole machine, which this file is a view of.",
        "Without it, one capability more would be enough to read everybody's passwords.",
    ),
    "/proc/keys": (
        "Hides the keys that the kernel keeps for users and file systems.",
        "Without it, names of keys of other containers could be seen.",
    ),
    "/proc/latency_stats": (
        "Hides where in the kernel processes wait.",
        "Without it, the container could watch what others do.",
    ),
    "/proc/sched_debug": (
        "Hides the scheduler's list of all processes, which knows no namespaces.",
        "Without it, the container would see the names of every process of the host.",
    ),
    "/proc/scsi": (
        "Hides the list of disks, which also takes commands.",
        "Without it, a write to it could detach a disk of the host.",
    ),
    "/proc/timer_list": (
        "Hides all timers with the processes that set them.",
        "Without it, the container would see processes of the host.",
    ),
    "/proc/timer_stats": (
        "Hides statistics of timers, with the processes that set them.",
        "Without it, the container would see processes of the host.",
    ),
    "/sys/dev/block": (
        "Hides the list of the host's disks by number.",
        "Without it, the container would know which device numbers to ask for.",
    ),
    "/sys/devices/virtual/powercap": (
        "Hides how much power the processors take.",
        "Without it, secrets could be guessed from the power that a computation takes (PLATYPUS).",
    ),
    "/sys/firmware": (
        "Hides tables and variables of the machine's firmware.",
        "Without it, serial numbers and boot settings could be read.",
    ),
    "/sys/fs/selinux": (
        "Hides the switches of SELinux.",
        "Without it, the container could ask which rules hold, and look for gaps.",
    ),
}
_READ_ONLY = {
    "/proc/bus": (
        "Lets the list of buses be read and not written.",
        "Without it, settings of PCI devices could be written through it.",
    ),
    "/proc/fs": (
        "Lets the settings of file systems be read and not written.",
        "Without it, those of disks that all share could be changed.",
    ),
    "/proc/irq": (
        "Lets it be read which processor serves which interrupt.",
        "Without it, the container could burden a processor with the interrupts of others.",
    ),
    "/proc/sys": (
        "Lets the kernel's settings be read and not written.",
        "Without it, root with the host's ids could change them for the whole machine.",
    ),
    "/proc/sysrq-trigger": (
        "Locks a file to which a letter is written to reboot, crash or sync the machine.",
        "Without it, “echo b” into it would reboot the host at once.",
    ),
}

WORDS: dict[str, tuple[str, str]] = {f"mask {path}": said for path, said in _MASKED.items()}
WORDS |= {f"read-only {path}": said for path, said in _READ_ONLY.items()}
