"""The table of verbs: each names the module beside this file that holds its flags and work.

A verb's module has `arguments(parser)` and `main(core, options) -> exit code`.
"""

from __future__ import annotations

from tuidock.engine.named import NamedTuple


class Verb(NamedTuple):
    """One line of the table."""

    module: str
    help: str
    group: str
    engine: bool = True
    """False: `main` gets the settings instead of an open engine."""
    failure: int = 1
    """Exit code when the engine could not do it."""
    changes: bool = False
    """Refused with --read-only."""


VERBS: dict[str, Verb] = {
    "demo": Verb(
        "demo", "Run a starter image and look at it", "start here", engine=False, changes=True
    ),
    "doctor": Verb("doctor", "Say what this machine can do, and what to mend", "start here"),
    "serve": Verb("serve", "Show the interface in a browser here", "start here", engine=False),
    "info": Verb("info", "Show facts of the engine and the host", "start here"),
    "version": Verb("version", "Show versions", "start here", engine=False),
    "pull": Verb("pull", "Download an image from a registry", "images", changes=True),
    "images": Verb("images", "List images", "images"),
    "rmi": Verb("rmi", "Remove images", "images", changes=True),
    "commit": Verb(
        "commit", "Make an image of a container and its changes", "images", changes=True
    ),
    "tag": Verb("tag", "Give an image another name", "images", changes=True),
    "inspect": Verb("inspect", "Show all about containers or images, as JSON", "images"),
    "run": Verb(
        "run",
        "Create a container from an image and start it",
        "containers",
        failure=125,
        changes=True,
    ),
    "create": Verb("create", "Create a container without starting it", "containers", changes=True),
    "start": Verb("start", "Start stopped containers", "containers", changes=True),
    "stop": Verb("stop", "Stop running containers", "containers", changes=True),
    "restart": Verb("restart", "Stop and start containers", "containers", changes=True),
    "kill": Verb("kill", "Send a signal to running containers", "containers", changes=True),
    "pause": Verb("pause", "Freeze all processes of containers", "containers", changes=True),
    "unpause": Verb("unpause", "Let frozen containers go on", "containers", changes=True),
    "rm": Verb("rm", "Remove containers", "containers", changes=True),
    "rename": Verb("rename", "Give a container another name", "containers", changes=True),
    "container prune": Verb(
        "container_prune", "Remove all containers that do not run", "containers", changes=True
    ),
    "ps": Verb("ps", "List containers", "containers"),
    "logs": Verb("logs", "Show what a container wrote", "containers"),
    "exec": Verb(
        "exec", "Run a command in a running container", "containers", failure=125, changes=True
    ),
    "debug": Verb(
        "debug",
        "Look into a running container with tools of your own",
        "containers",
        failure=125,
        changes=True,
    ),
    "port": Verb("port", "Show published ports", "containers"),
    "attach": Verb(
        "attach", "Join a running container's input and output", "containers", changes=True
    ),
    "stats": Verb("stats", "Show live resource use", "containers"),
    "top": Verb("top", "Show the processes of a container", "containers"),
    "anatomy": Verb("anatomy", "Show how a container is made, and what for", "containers"),
    "diff": Verb("diff", "Show what a container changed in its files", "containers"),
    "revert": Verb("revert", "Make files again what the image has", "containers", changes=True),
    "cp": Verb("cp", "Copy files into and out of containers", "containers"),
    "export": Verb("export", "Write a container's file system as a tar archive", "containers"),
    "container mount": Verb(
        "container_mount", "Mount the files of a container", "containers", changes=True
    ),
    "container unmount": Verb(
        "container_unmount",
        "Take the mount of a container's files away",
        "containers",
        changes=True,
    ),
    "update": Verb(
        "update", "Change the limits of containers, running or not", "containers", changes=True
    ),
    "wait": Verb("wait", "Wait until containers end, print their exit codes", "containers"),
    "events": Verb("events", "Show what happens, as it happens", "containers"),
    "generate systemd": Verb(
        "generate_systemd", "Print systemd units that start containers at boot", "housekeeping"
    ),
    "system check": Verb(
        "system_check", "Find and repair leftovers of a crash", "housekeeping", changes=True
    ),
    "registry tags": Verb("registry_tags", "List the tags of a repository", "images"),
    "registry catalog": Verb("registry_catalog", "List the repositories of a registry", "images"),
}

ALIASES: dict[str, str] = {
    "image ls": "images",
    "image list": "images",
    "image pull": "pull",
    "image rm": "rmi",
    "image tag": "tag",
    "image inspect": "inspect",
    "container ls": "ps",
    "container list": "ps",
    "container ps": "ps",
    "container remove": "rm",
    "container umount": "container unmount",
    "system info": "info",
    "system events": "events",
    **{
        f"container {verb}": verb
        for verb in (
            "run create start stop restart kill pause unpause rm rename logs exec attach port "
            "stats top update wait inspect diff cp export commit"
        ).split()
    },
}

GROUPS = frozenset({"image", "container", "system", "registry", "generate"})
