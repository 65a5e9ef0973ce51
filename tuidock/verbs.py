"""The table of things a user can do.

Key bindings, the command palette, the help screen, the key table of the README and the greying
of keys are all made from it. Invariant: one verb, one id, one default key in its scope; what a
verb does to a container and in which statuses is written here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable

from tuidock.engine.types import DOWN, UP, Container, Status
from tuidock.verb import Verb

RUNNING = frozenset({Status.RUNNING})
LOSS = "Its log and the files it changed are lost; its image and its volumes stay."

SCOPES = {
    "everywhere": "Everywhere",
    "list": "Lists",
    "containers": "Containers",
    "images": "Images",
    "registry": "Registry",
    "events": "Events",
}
"""Where keys are heard, and how the help screen calls it; `everywhere` is heard in all."""


def _pane(number: str, name: str, help_text: str) -> Verb:
    return Verb(f"pane.{name.lower()}", name, help_text, number, action=f"pane({name.lower()!r})")


_EVERYWHERE = (
    _pane("1", "Containers", "Containers and everything about them"),
    _pane("2", "Images", "Images in the local store"),
    _pane("3", "Registry", "Look into a registry without pulling"),
    _pane("7", "Events", "What happened, from every client of this root"),
    Verb(
        "app.palette",
        "Commands",
        "Everything by name",
        "colon,ctrl+p",
        action="app.command_palette",
    ),
    Verb("app.help", "Help", "Keys of where you are", "question_mark", action="help", shown=True),
    Verb("app.theme", "Theme", "Dark or light", "T", action="toggle_theme"),
    Verb("app.refresh", "Read again", "Ask the engine for everything anew", "R", action="reload"),
    Verb(
        "app.quit",
        "Back, quit",
        "Back; at the first level, leave tuidock",
        "q,ctrl+c",
        action="leave",
    ),
    Verb("app.exit", "Quit", "Leave tuidock; containers live on", "ctrl+q", action="app.quit"),
)

_LIST = (
    Verb(
        "list.filter",
        "Filter",
        "Words, !not, ~regex, status:exited, cpu>50, label=team",
        "slash",
        "list",
        "filter",
        shown=True,
    ),
    Verb("list.back", "Back", "Clear the filter, or go back", "escape,h,left", "list", "back"),
    Verb("list.drill", "Open", "Into the detail of the row", "l,right", "list", "drill"),
    Verb("list.sort", "Sort", "Choose a column to sort by", "o", "list", "sort"),
    Verb("list.reverse", "Reverse", "Turn the order round", "O", "list", "reverse"),
    Verb("list.columns", "Columns", "Choose and move the columns", "C", "list", "columns"),
    Verb("list.menu", "Actions", "What can be done here, with its keys", "x", "list", "menu"),
    Verb("list.yank", "Copy", "Copy id, name or more to the clipboard", "y", "list", "yank"),
    Verb(
        "size.more",
        "Larger",
        "Half, then full screen, for the focused part",
        "plus",
        "list",
        "size(1)",
    ),
    Verb("size.less", "Smaller", "Back to the normal layout", "underscore", "list", "size(-1)"),
    Verb(
        "detail.next",
        "Next tab",
        "Next tab of the detail",
        "right_square_bracket",
        "list",
        "tab(1)",
    ),
    Verb(
        "detail.previous",
        "Previous tab",
        "Previous tab of the detail",
        "left_square_bracket",
        "list",
        "tab(-1)",
    ),
)

_ON_CONTAINERS = (
    Verb(
        "container.power",
        "Start, stop",
        "Start or stop, as its status asks",
        "s",
        "containers",
        shown=True,
        marked=True,
        either=("container.stop", "container.start"),
    ),
    Verb(
        "container.start",
        "Start",
        "Run its command again",
        scope="containers",
        when=DOWN,
        call=lambda engine, it: engine.containers.start(it.id),
        marked=True,
    ),
    Verb(
        "container.stop",
        "Stop",
        "Ask it to end; kill it after its grace period",
        scope="containers",
        when=UP,
        call=lambda engine, it: engine.containers.stop(it.id),
        marked=True,
    ),
    Verb(
        "container.restart",
        "Restart",
        "Stop and start",
        "r",
        "containers",
        call=lambda engine, it: engine.containers.restart(it.id),
        shown=True,
        marked=True,
    ),
    Verb(
        "container.freeze",
        "Pause",
        "Pause or unpause, as its status asks",
        "p",
        "containers",
        shown=True,
        marked=True,
        either=("container.unpause", "container.pause"),
        when=UP,
    ),
    Verb(
        "container.pause",
        "Pause",
        "Freeze every process in it",
        scope="containers",
        when=RUNNING,
        call=lambda engine, it: engine.containers.pause(it.id),
        marked=True,
    ),
    Verb(
        "container.unpause",
        "Unpause",
        "Let its processes go on",
        scope="containers",
        when=frozenset({Status.PAUSED}),
        call=lambda engine, it: engine.containers.unpause(it.id),
        marked=True,
    ),
    Verb(
        "container.kill",
        "Kill",
        "Send a signal of your choice",
        "K",
        "containers",
        "kill",
        when=UP,
        marked=True,
    ),
    Verb(
        "container.remove",
        "Remove",
        "Remove, with its own layer",
        "d",
        "containers",
        when=DOWN,
        call=lambda engine, it: engine.containers.remove(it.id),
        confirm="Remove {}?",
        loss=LOSS,
        shown=True,
        marked=True,
    ),
    Verb(
        "container.force_remove",
        "Force remove",
        "Kill if need be, and remove",
        "D",
        "containers",
        call=lambda engine, it: engine.containers.remove(it.id, force=True),
        confirm="Kill and remove {}?",
        loss=LOSS,
        marked=True,
    ),
    Verb(
        "container.new",
        "New",
        "Run a container from an image",
        "n",
        "containers",
        "new",
        shown=True,
    ),
    Verb(
        "container.shell",
        "Shell",
        "A shell in the detail",
        "e",
        "containers",
        "shell",
        RUNNING,
        shown=True,
    ),
    Verb(
        "container.shell_full",
        "Full shell",
        "A shell on the whole terminal",
        "E",
        "containers",
        "shell_full",
        RUNNING,
    ),
    Verb(
        "container.attach",
        "Attach",
        "Its own input and output",
        "a",
        "containers",
        "attach",
        RUNNING,
    ),
    Verb("container.logs", "Logs", "What it wrote", "", "containers", "show('logs')"),
    Verb(
        "container.stats", "Stats", "Graphs of CPU and memory", "S", "containers", "show('stats')"
    ),
    Verb(
        "container.limits",
        "Limits",
        "Change CPU, memory and pids limits",
        "L",
        "containers",
        "show('limits')",
        shown=True,
    ),
    Verb("container.top", "Processes", "Its processes", "t", "containers", "show('top')"),
    Verb(
        "container.inspect", "Inspect", "Everything as JSON", "i", "containers", "show('inspect')"
    ),
    Verb(
        "container.open",
        "Open port",
        "Open its first port in a browser",
        "w",
        "containers",
        "open_port",
        RUNNING,
    ),
    Verb(
        "container.custom",
        "Own commands",
        "Those of `commands` in the settings",
        "c",
        "containers",
        "custom",
    ),
    Verb("container.rename", "Rename", "Give it another name", "N", "containers", "rename"),
    Verb(
        "container.prune",
        "Prune",
        "Remove all containers that do not run",
        "X",
        "containers",
        "prune",
    ),
    Verb(
        "container.bulk",
        "Bulk",
        "Stop all, start all, remove the exited",
        "b",
        "containers",
        "bulk",
    ),
    Verb(
        "container.stopped",
        "Stopped",
        "Show or hide what does not run",
        "H",
        "containers",
        "toggle_stopped",
    ),
)

_ON_IMAGES = (
    Verb("image.run", "Run", "Run a container from it", "r", "images", "run_image", shown=True),
    Verb("image.pull", "Pull", "Pull an image by name", "P", "images", "pull", shown=True),
    Verb("image.tag", "Tag", "Give it a further name", "t", "images", "tag", shown=True),
    Verb(
        "image.remove",
        "Remove",
        "Untag; delete when no name is left",
        "d",
        "images",
        "remove_image",
        shown=True,
    ),
    Verb(
        "image.force_remove",
        "Force remove",
        "Even when a container uses it",
        "D",
        "images",
        "force_remove_image",
    ),
    Verb("image.inspect", "Inspect", "Everything as JSON", "i", "images", "show('inspect')"),
)

_ON_REGISTRY = (
    Verb(
        "registry.address",
        "Address",
        "Another registry or repository",
        "a",
        "registry",
        "address",
        shown=True,
    ),
    Verb("registry.pull", "Pull", "Pull the chosen tag", "P", "registry", "pull", shown=True),
    Verb(
        "registry.run", "Run", "Pull if need be, and run", "r", "registry", "run_image", shown=True
    ),
)

VERBS: dict[str, Verb] = {
    verb.id: verb for verb in (*_EVERYWHERE, *_LIST, *_ON_CONTAINERS, *_ON_IMAGES, *_ON_REGISTRY)
}
"""Every verb by id, in the order help and palette show them."""


def in_scope(*scopes: str) -> list[Verb]:
    """The verbs heard in any of `scopes`."""
    return [verb for verb in VERBS.values() if verb.scope in scopes]


def fits(verb: Verb, containers: Iterable[Container]) -> bool:
    """Whether at least one of them is in a status that allows the verb."""
    return any(meant(verb, it) is not None for it in containers)


def meant(verb: Verb, it: Container) -> Verb | None:
    """The verb itself, or the one of its `either`, that fits the container's status."""
    if not verb.either:
        return verb if it.status in verb.when else None
    for name in verb.either:
        if it.status in VERBS[name].when:
            return VERBS[name]
    return None
