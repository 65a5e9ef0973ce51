"""What can be done in the tabs about a container, beyond what every list can."""

from __future__ import annotations

from tuidock.verb import Verb

IN_TABS = (
    Verb(
        "top.signal",
        "Signal",
        "Send a signal to this process alone",
        "K",
        "top",
        "signal",
        shown=True,
        command="kill -s SIGNAL --pid 1 {}",
        changes=True,
    ),
    Verb("files.view", "View", "The text of the file", "v", "files", "view", shown=True),
    Verb(
        "files.save",
        "Copy out",
        "Copy it to the host",
        "ctrl+s",
        "files",
        "save",
        shown=True,
        command="cp {}:PATH .",
    ),
    Verb(
        "files.put",
        "Copy in",
        "Copy a file of the host into this directory",
        "U",
        "files",
        "put",
        shown=True,
        command="cp FILE {}:PATH",
        changes=True,
    ),
    Verb(
        "files.changed",
        "Differences",
        "Only what differs from the image: A added, C changed, D deleted",
        "full_stop",
        "files",
        "only_changes",
        shown=True,
        command="diff {}",
    ),
    Verb(
        "env.unmask",
        "Secrets",
        "Show secrets, or mask them again",
        "u",
        "env",
        "unmask",
        shown=True,
    ),
    Verb(
        "inspect.fold",
        "Fold",
        "Fold everything, or unfold it",
        "z",
        "inspect",
        "fold_all",
        shown=True,
    ),
    Verb(
        "inspect.unmask",
        "Secrets",
        "Show secrets, or mask them again",
        "u",
        "inspect",
        "unmask",
        shown=True,
    ),
)
