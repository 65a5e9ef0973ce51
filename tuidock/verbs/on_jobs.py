"""What can be done to events, to jobs, and to what was done."""

from __future__ import annotations

from tuidock.verb import Verb

ON_JOBS = (
    Verb(
        "event.go",
        "Go there",
        "The container it happened to",
        "v",
        "events",
        "go_there",
        shown=True,
    ),
    Verb("job.open", "Open", "The layers of a pull", "v", "jobs", "open_job", shown=True),
    Verb(
        "job.cancel",
        "Cancel",
        "End it; take it off the list when it is over",
        "d",
        "jobs",
        "cancel_job",
        shown=True,
    ),
    Verb("deed.again", "Again", "Run it again", "r", "done", "again", shown=True, changes=True),
)
