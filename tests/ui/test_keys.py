"""The keys as people know them from other such programs, and one meaning for each."""

from __future__ import annotations

from tuidock.app import widget_keys
from tuidock.config import split
from tuidock.verbs import TABS, VERBS, in_scope

RECOMMENDED = {
    "1": "pane.containers",
    "2": "pane.images",
    "3": "pane.registry",
    "7": "pane.events",
    "[": "detail.previous",
    "]": "detail.next",
    "+": "size.more",
    "_": "size.less",
    "j": "table.down",
    "k": "table.up",
    "g": "table.first",
    "G": "table.last",
    "ctrl+d": "table.half_down",
    "ctrl+u": "table.half_up",
    "enter": "table.open",
    "ctrl+f": "table.page_down",
    "ctrl+b": "table.page_up",
    "l": "list.drill",
    "right": "list.drill",
    "left": "list.back",
    "h": "list.back",
    "escape": "list.back",
    "/": "list.filter",
    ":": "app.palette",
    "ctrl+p": "app.palette",
    "?": "app.help",
    "q": "app.quit",
    "ctrl+q": "app.exit",
    "space": "table.mark",
    "ctrl+space": "table.mark_range",
    "\\": "table.unmark",
    "b": "container.bulk",
    "x": "list.menu",
    "s": "container.power",
    "r": "container.restart",
    "p": "container.freeze",
    "K": "container.kill",
    "d": "container.remove",
    "D": "container.force_remove",
    "e": "container.shell",
    "E": "container.shell_full",
    "a": "container.attach",
    "i": "container.inspect",
    "t": "container.top",
    "w": "container.open",
    "c": "container.custom",
    "y": "list.yank",
    "L": "container.limits",
    "o": "list.sort",
    "O": "list.reverse",
    "H": "container.stopped",
    "C": "list.columns",
    "R": "app.refresh",
    "T": "app.theme",
}
"""The keys that people know from other such programs, and what they mean with a list."""
IN_THE_LOG = dict(
    zip(
        "f/&!twmyAJ{}0",
        (
            *("follow", "search", "keep", "leave_out", "times", "wrap", "mark", "copy"),
            *("merge", "json", "minute_before", "minute_next", "range_tail"),
        ),
        strict=True,
    )
)
NARROWER = {
    "K": {"top.signal"},
    "U": {"files.edit"},
    **{key: {"log.search", "outline.search"} for key in ("slash",)},
    **{key: {f"log.{name}", f"outline.{name}"} for key, name in (("n", "next"), ("N", "previous"))},
    "w": {"log.wrap", "outline.words"},
    "t": {"log.times"},
    "y": {"log.copy"},
    **{key: {"log", "time"} for key in "0123"},
    **{key: {"log", "time", "limits", "outline"} for key in ("left", "right", "escape")},
    **{key: {"outline"} for key in "hl"},
}
"""Keys that mean in a part of the pane what they mean in the pane, for what is in there; or
what readers of logs know them for. A whole name, or all names of a widget."""


def test_the_keys_that_people_know() -> None:
    known = {**{verb.id: verb.key for verb in VERBS.values()}, **widget_keys()}
    names = {
        "[": "left_square_bracket",
        "]": "right_square_bracket",
        "+": "plus",
        "_": "underscore",
        "/": "slash",
        ":": "colon",
        "?": "question_mark",
        "\\": "backslash",
        "&": "ampersand",
        "!": "exclamation_mark",
        "{": "left_curly_bracket",
        "}": "right_curly_bracket",
    }
    wanted = [*RECOMMENDED.items(), *((key, f"log.{name}") for key, name in IN_THE_LOG.items())]
    wrong = {key: name for key, name in wanted if names.get(key, key) not in split(known[name])}
    assert not wrong


def test_one_key_has_one_meaning_in_a_pane() -> None:
    """Fails when a tab or a widget takes a key of the pane for something else."""
    pane = {key for verb in in_scope("containers", "list", "everywhere") for key in split(verb.key)}
    inside = {**{verb.id: verb.key for verb in in_scope(*TABS)}, **widget_keys()}
    taken = [
        (key, name)
        for name, keys in inside.items()
        for key in split(keys)
        if key in pane and not NARROWER.get(key, set()) & {name, name.partition(".")[0]}
    ]
    assert not taken
