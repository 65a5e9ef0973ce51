"""The keys of a log: those of its lines, and those of the view around them."""

from __future__ import annotations

from textual.binding import Binding, BindingType

RANGES = (
    ("0", "tail", "Newest", "All of it, and follow the end"),
    ("1", "head", "Oldest", "All of it, from its beginning"),
    ("2", "1m", "1 minute", "What was written in the last minute"),
    ("3", "5m", "5 minutes", "What was written in the last 5 minutes"),
    ("4", "15m", "15 minutes", "What was written in the last quarter of an hour"),
    ("5", "30m", "30 minutes", "What was written in the last half hour"),
    ("6", "1h", "1 hour", "What was written in the last hour"),
)
"""Key, id, title and help of the ranges; the keys are those of k9s."""
SECONDS = {"1m": 60.0, "5m": 300.0, "15m": 900.0, "30m": 1800.0, "1h": 3600.0}

MOVING: list[BindingType] = [
    Binding("j,down", "lines(1)", "Down", show=False, id="log.down"),
    Binding("k,up", "lines(-1)", "Up", show=False, id="log.up"),
    Binding("ctrl+f,pagedown", "pages(1.0)", "Page down", show=False, id="log.page_down"),
    Binding("ctrl+b,pageup", "pages(-1.0)", "Page up", show=False, id="log.page_up"),
    Binding("ctrl+d", "pages(0.5)", "Half page down", show=False, id="log.half_down"),
    Binding("ctrl+u", "pages(-0.5)", "Half page up", show=False, id="log.half_up"),
    Binding("g,home", "top", "Top", show=False, id="log.top"),
    Binding("G,end", "bottom", "Bottom, and follow", show=False, id="log.bottom"),
    Binding("shift+down", "cursor(1)", "Line below", show=False, id="log.cursor_down"),
    Binding("shift+up", "cursor(-1)", "Line above", show=False, id="log.cursor_up"),
    Binding("right", "sideways(1)", "Right", show=False, id="log.right"),
    Binding("left", "sideways(-1)", "Left", show=False, id="log.left"),
    Binding("shift+right", "sideways(5)", "Far right", show=False, id="log.far_right"),
    Binding("shift+left", "sideways(-5)", "Far left", show=False, id="log.far_left"),
]

KEYS: list[BindingType] = [
    Binding("f", "follow", "Follow", id="log.follow", tooltip="Stick to the newest line"),
    Binding("slash", "ask('/')", "Search", id="log.search", tooltip="Regular expression"),
    Binding("n", "find(1)", "Next", show=False, id="log.next", tooltip="Next match"),
    Binding("N", "find(-1)", "Previous", show=False, id="log.previous"),
    Binding("ampersand", "ask('&')", "Keep", id="log.keep", tooltip="Only matching lines"),
    Binding("exclamation_mark", "ask('!')", "Drop", id="log.leave_out", tooltip="Matching lines"),
    Binding("at", "ask('@')", "Time", id="log.time", tooltip="Go to a time, or keep a span"),
    Binding("t", "stamps", "Times", id="log.times", tooltip="Off, time, date, or UTC"),
    Binding("w", "wrap", "Wrap", id="log.wrap", tooltip="Break long lines"),
    *(
        Binding(
            key,
            f"range({name!r})",
            "Range" if name == "tail" else title,
            show=name == "tail",
            key_display="0-6" if name == "tail" else None,
            id=f"log.range_{name}",
            tooltip=text,
        )
        for key, name, title, text in RANGES
    ),
    Binding("A", "merge", "Merge", id="log.merge", tooltip="All marked, or all, by time"),
    Binding("J", "words", "JSON", show=False, id="log.json", tooltip="JSON lines as words"),
    Binding("m", "mark", "Mark", show=False, id="log.mark", tooltip="The line, to see and copy it"),
    Binding("ctrl+@,ctrl+space", "mark_range", "Mark range", show=False, id="log.mark_range"),
    Binding("backslash", "unmark", "Unmark", show=False, id="log.unmark"),
    Binding("right_curly_bracket", "minute(1)", "Next minute", show=False, id="log.minute_next"),
    Binding(
        "left_curly_bracket", "minute(-1)", "Minute before", show=False, id="log.minute_before"
    ),
    Binding(
        "ctrl+s",
        "save",
        "Save",
        show=False,
        id="log.save",
        tooltip="Marked lines, or all shown, to a file",
    ),
    Binding("y", "copy", "Copy", show=False, id="log.copy", tooltip="The line, or the marked"),
    Binding("ctrl+y", "copy_page", "Copy page", show=False, id="log.copy_page"),
    Binding("enter", "panel", "Line", show=False, id="log.line", tooltip="The whole line"),
    Binding("escape", "back", "Clear", show=False, id="log.clear"),
]
