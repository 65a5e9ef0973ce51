"""The last conversation: whether to leave, and what becomes of the jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuidock.jobs import go_on_alone
from tuidock.widgets.dialogs import Choose, Confirm

if TYPE_CHECKING:
    from tuidock.app import TuidockApp

WAYS = [
    ("alone", "Leave; they go on without the interface"),
    ("stop", "Leave; stop them (what a pull has here is kept)"),
]
"""Escape stays."""


async def leave(app: TuidockApp, *, ask: bool) -> None:
    """Jobs are asked about in any case."""
    if app.jobs.running():
        await _leave_jobs(app)
        return
    answer: bool | None = True
    if ask:
        question = Confirm("Leave tuidock?", "Containers live on.", yes="Leave")
        answer = await app.push_screen_wait(question)
    if answer:
        app.exit(0)


async def _leave_jobs(app: TuidockApp) -> None:
    jobs = app.jobs.running()
    body = "\n".join(f"{job.kind} {job.title}" for job in jobs)
    answer = await app.push_screen_wait(Choose("Jobs are running", WAYS, body=body))
    if answer is None:
        return
    await app.jobs.end()
    info = app.world.info
    if answer == "alone" and info:
        for job in jobs:
            await go_on_alone(job, (info.root, info.runroot))
    app.exit(0)
