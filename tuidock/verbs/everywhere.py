"""What can be done in every pane, and in every list."""

from __future__ import annotations

from tuidock.verb import Verb


def _pane(number: str, name: str, help_text: str, command: str = "") -> Verb:
    return Verb(
        f"pane.{name.lower()}",
        name,
        help_text,
        number,
        action=f"pane({name.lower()!r})",
        command=command,
    )


EVERYWHERE = (
    _pane("1", "Containers", "Containers and everything about them", "ps -a"),
    _pane("2", "Images", "Images in the local store", "images"),
    _pane("3", "Registry", "Look into a registry without pulling", "registry catalog HOST"),
    _pane("7", "Events", "What happened, from every client of this root", "events"),
    _pane("8", "Jobs", "Pulls and other long work, and how it ended"),
    _pane("9", "Done", "What was changed from here, as commands"),
    Verb(
        "app.doctor",
        "Doctor",
        "What this machine can do, and what to mend",
        "0",
        action="doctor",
        command="doctor",
    ),
    Verb("app.jump", "Jump", "A letter on every place; press it", "semicolon", action="jump"),
    Verb(
        "app.palette",
        "Commands",
        "Everything by name",
        "colon,ctrl+p",
        action="app.command_palette",
    ),
    Verb("app.help", "Help", "Keys of where you are", "question_mark", action="help", shown=True),
    Verb("app.theme", "Theme", "Colours: choose among themes", "T", action="theme"),
    Verb("app.notices", "Notices", "Read again what was said", "ctrl+t", action="notices"),
    Verb("app.refresh", "Read again", "Ask the engine for everything anew", "R", action="reload"),
    Verb(
        "app.quit",
        "Back, quit",
        "Back; at the first level, leave tuidock",
        "q,ctrl+c",
        action="leave",
    ),
    Verb("app.exit", "Quit", "Leave tuidock; containers live on", "ctrl+q", action="exit_now"),
)

LIST = (
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
    Verb("list.group", "Group", "Rows in groups: by a label, a fact", "ctrl+g", "list", "group"),
    Verb(
        "list.fold",
        "Fold all",
        "Fold all groups or branches, or unfold them",
        "Z",
        "list",
        "fold_all",
        shown=True,
    ),
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
    Verb(
        "detail.split",
        "Split",
        "Two tabs beside each other: a shell, and its logs or graphs",
        "vertical_line",
        "list",
        "split",
    ),
    Verb(
        "detail.other",
        "Across",
        "To the frame beside; from a shell, too",
        "ctrl+right_square_bracket",
        "list",
        "across",
    ),
)
