"""The pane of jobs: what takes its time, how far it is, and how it ended."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.content import Content

from tuidock import format as fmt
from tuidock.job import Job
from tuidock.masking import masked_words
from tuidock.screens.base import bindings
from tuidock.screens.detail import Tab
from tuidock.screens.facts import pairs
from tuidock.screens.later import Later
from tuidock.screens.listing import Item, Value
from tuidock.screens.lists import ListScreen
from tuidock.screens.panes import TextTab
from tuidock.screens.pulling import PullScreen
from tuidock.widgets.dialogs import Confirm
from tuidock.widgets.table import Column
from tuidock.world import Pull, World

EMPTY = "No jobs yet.\n\nPulls, copies, prunes and commands that are run again show up here."
LEFT = {
    "pull": "What is here already is kept: another pull goes on from there.",
    "copy": "What was copied so far may stay.",
}
"""What becomes of work that is ended."""
_BAR = 24


class JobTab(TextTab):
    """One job: the command it equals, how far it is, what it said."""

    TITLE = "Job"

    def show(self, subject: Job | None, before: Job | None) -> None:
        pulls = self.dock_screen.world.pulls
        self.tell(report(subject, pulls.get(subject.title)) if subject else Content())

    def tick(self, world: World) -> None:
        self.show(self.subject, None)


class JobsScreen(ListScreen):
    """Jobs."""

    SCOPE = "jobs"
    BODY = "records"
    BINDINGS: ClassVar[list[BindingType]] = bindings("jobs", "list")
    TABS: ClassVar[Mapping[str, type[Tab] | Later]] = {"job": JobTab}
    TITLE_TEXT = "Jobs"
    EMPTY = EMPTY
    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("state", "", 1),
        Column("kind", "KIND", 8),
        Column("title", "WHAT"),
        Column("progress", "PROGRESS", 30, min_screen=100),
        Column("took", "TOOK", 7, "right"),
        Column("began", "BEGAN", 8),
        Column("result", "RESULT", 24),
    )

    def show(self, world: World, before: World) -> None:
        moved = world.jobs is not before.jobs or world.pulls is not before.pulls
        moved = moved or not before.loaded
        ticking = any(job.running for job in world.jobs.values())
        if moved or (ticking and world.samples is not before.samples):
            now = self.dock.now()
            jobs = sorted(world.jobs.values(), key=lambda job: -job.number)
            self.pane.set_items([item(job, world.pulls.get(job.title), now) for job in jobs])
            self.look()
            self.detail.tab.tick(world)

    def subject(self) -> tuple[Job | None, str]:
        job = self.world.jobs.get(int(self.pane.cursor_key or 0))
        return job, job.title if job else ""

    def yankable(self) -> list[tuple[str, str]]:
        job, _ = self.subject()
        if job is None:
            return []
        return [("command", shlex.join(job.words)), ("result", "\n".join(job.said) or job.problem)]

    # --- verbs ------------------------------------------------------------------------------

    def action_open_job(self) -> None:
        """The layers of a pull; of all else the detail says everything."""
        job, _ = self.subject()
        if job is not None and job.kind == "pull" and job.title in self.world.pulls:
            self.app.push_screen(PullScreen(job.title))
        else:
            self.action_drill()

    @work(group="dialog", exit_on_error=False)
    async def action_cancel_job(self) -> None:
        """End the one under the cursor, or take it off the list when it is over."""
        job, _ = self.subject()
        if job is None:
            return
        if not job.running:
            self.dock.write(lambda world: world.without_job(job.number))
            return
        question = Confirm(f"End {job.kind} {job.title}?", LEFT.get(job.kind, ""), yes="End it")
        sure: bool | None = not job.ending
        if sure and self.dock.config.confirm:
            sure = await self.app.push_screen_wait(question)
        if sure:
            self.dock.jobs.cancel(job.number)


def progress(job: Job, pull: Pull | None, width: int = _BAR) -> Content:
    """A bar where the end is known; otherwise the last line."""
    if job.kind != "pull" or pull is None or not (job.running and pull.layers):
        return Content(job.said[-1] if job.said and job.running else "")
    done = round(pull.fraction * width)
    bar = Content.assemble(("━" * done, "$status-running"), ("─" * (width - done), "$faint"))
    return Content.assemble(bar, f" {pull.fraction:4.0%}")


def item(job: Job, pull: Pull | None, now: float) -> Item:
    """A row."""
    sign, style = _state(job)
    result = job.problem or ("done" if not job.running else "ending …" if job.ending else "")
    cells = (
        Content.styled(sign, style),
        job.kind,
        job.title,
        progress(job, pull),
        fmt.age((job.ended or now) - job.began),
        fmt.clock(job.began),
        Content.styled(result, style if job.problem else "$quiet"),
    )
    order: dict[str, Value] = {
        "kind": job.kind,
        "title": job.title,
        "began": job.began,
        "result": result,
    }
    return Item(str(job.number), cells, f"{job.kind} {job.title} {result}", order)


def _state(job: Job) -> tuple[str, str]:
    if job.ending and job.running:
        return "■", "$status-paused"
    if job.running:
        return "▶", "$status-running"
    if job.problem == "cancelled":
        return "■", "$status-paused"
    return ("✗", "$status-failed") if job.problem else ("✓", "$status-running")


def report(job: Job, pull: Pull | None) -> Content:
    """Everything about a job."""
    rows = [("command", " ".join(masked_words(job.words))), ("began", fmt.day_clock(job.began))]
    rows += [("ended", fmt.day_clock(job.ended))] if job.ended else []
    rows += [("problem", job.problem)] if job.problem else []
    rows += [("hint", job.hint)] if job.hint else []
    layers = [_layer(it.digest, it.done, it.total, it.phase) for it in pull.layers] if pull else []
    said = [Content(line) for line in job.said]
    return Content("\n").join([pairs(rows), Content(), *layers, *said])


def _layer(digest: str, done: int, total: int, state: str) -> Content:
    filled = round(_BAR * done / total) if total else 0
    return Content.assemble(
        (f"{fmt.short_id(digest)}  ", "$quiet"),
        ("━" * filled, "$status-running"),
        ("─" * (_BAR - filled), "$faint"),
        f"  {fmt.size(done):>6} of {fmt.size(total):<6} {state}",
    )
