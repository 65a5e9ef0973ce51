"""What a step did, with its arguments, in one line. Pure."""

from __future__ import annotations

from tuidock.engine.containers.anatomy import calls as c
from tuidock.engine.linux import mount as m
from tuidock.engine.linux import process as p

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tuidock.engine.containers.anatomy.kinds import Call


def text(kind: str, step: str, made: list[Call], words: list[str]) -> str:
    """A row of calls in one line; `words` is the command that an execve gets."""
    match kind:
        case "cgroup.enter":
            doors = [call[1][1] for call in made if call[0] == "openat"]
            return f"write 0 to {_and(doors)}" if doors else "begin a session"
        case "capabilities.bounding":
            return _dropped(made)
        case "capabilities.set":
            return "capset: permitted and effective at once"
        case "seccomp":
            return f"a filter of {c.filter_length(made[0][1])} instructions"
        case "no_new_privs":
            return "prctl(PR_SET_NO_NEW_PRIVS, 1)"
        case "hostname":
            return f"sethostname({bytes.fromhex(made[0][1][0]['hex']).decode()})"
        case "exec":
            return f"execve({' '.join(words) or made[-1][1][0]})"
        case "user.command":
            return _identity(made)
        case "mask.look":
            return f"look for {_and([call[1][1] for call in made if call[0] == 'openat2'])}"
        case "mask" | "readonly.path":
            return step + (": not there" if made[0][2] in (-2, -20) else "")
        case "namespace.cgroup":
            return "a new cgroup namespace"
        case "signals":
            if made[0][0] == "rt_sigprocmask":
                return "let every signal through"
            return f"{len(made)} signals back to what they mean by default"
        case "descriptors":
            return "a table of its own: 0, 1 and 2, the rest closed"
        case "stdio.own":
            return f"give standard output to user {made[0][1][1]}"
        case "loopback":
            return "bring up lo"
        case "session":
            return ", ".join(f"{call[0]}({_octal(call)})" for call in made)
        case "dumpable":
            return f"prctl(PR_SET_DUMPABLE, {made[0][1][1]})"
        case "directory.enter":
            return f"chdir({made[0][1][0]})"
        case "command.look":
            return f"look for {_and([call[1][1] for call in made if call[0] == 'openat2'])}"
        case "user.look":
            return step if step.rstrip() != "look up the user" else "look up the user: root"
        case "mount.overlay":
            return f"{step.replace(' 1 layers', ' 1 layer')}, {_options(made)}"
    return step + _extras(kind, made)


def _extras(kind: str, made: list[Call]) -> str:
    if kind.startswith("mount."):
        return f" ({found})" if (found := _options(made)) else ""
    if kind.startswith("outside."):
        sets = [c.setattr_flags(call[1]) for call in made if call[0] == "mount_setattr"]
        flags = c.attributes(sum(set(sets)))
        return f" ({flags})" if flags else ""
    return ""


def _options(made: list[Call]) -> str:
    """Of the first file system that the calls make: its options, then the mount's."""
    found: list[str] = []
    for name, arguments, _ in made:
        if name == "fsconfig" and arguments[1] == m.FSCONFIG_SET_STRING:
            found.append(f"{arguments[2]}={arguments[3]}")
        elif name == "fsconfig" and arguments[1] == m.FSCONFIG_SET_FLAG:
            found.append(arguments[2])
        elif name == "fsmount":
            return ",".join([*found, *filter(None, [c.attributes(arguments[2])])])
    return ""


def _dropped(made: list[Call]) -> str:
    names = [c.capability(call[1][1]) for call in made if call[1][0] == p.PR_CAPBSET_DROP]
    short = " ".join(name.removeprefix("CAP_").lower() for name in names)
    return f"drop {len(names)}: {short}" if names else "drop none; clear the ambient ones"


def _identity(made: list[Call]) -> str:
    said = [f"{name}({', '.join(map(_id, arguments))})" for name, arguments, _ in made
            if name != "prctl"]  # fmt: skip
    return ", ".join(said) or "keep capabilities over the change of user"


def _id(argument: Any) -> str:
    return f"{argument['size'] // 4} groups" if isinstance(argument, dict) else str(argument)


def _octal(call: Call) -> str:
    return f"{call[1][0]:03o}" if call[1] else ""


def _and(paths: list[str]) -> str:
    """The first and how many more."""
    if not paths:
        return "nothing"
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


def written(path: str, value: str) -> str:
    """A file and what was written to it; of a cgroup's file the controller and the name."""
    said = value.strip() or "(nothing)"
    if path.startswith("/proc/"):
        return f"{path} ← {said}"
    directory, _, name = path.rpartition("/")
    place = directory.removeprefix("/sys/fs/cgroup").split("/tuidock-")[0].strip("/")
    return f"{place}: {name} ← {said}" if place else f"{name} ← {said}"
