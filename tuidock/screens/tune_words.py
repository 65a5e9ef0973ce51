"""What stands below the limits: what is about to happen, what happened, what the counters mean.

Pure functions from the pane's model to styled text, the most urgent first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from textual.content import Content

from tuidock import format as fmt
from tuidock.engine.types import UP, Container, Limits
from tuidock.widgets.limits import LimitsPane
from tuidock.widgets.limits_command import command
from tuidock.widgets.limits_words import ABOUT, sentences
from tuidock.widgets.paint import first_fitting

QUIET, GOOD, BAD, WARN = "$quiet", "$text-success", "$text-error", "$text-warning"
STYLES = {"bad": BAD, "warn": WARN, "": "$foreground"}


class Outcome(NamedTuple):
    """What became of a change of one container."""

    name: str
    limits: Limits
    problem: str
    """Why it was refused; empty when it was done."""
    runs: bool
    kept: bool = False
    """Whether the store now says what was asked for, so that the next start begins with it."""
    keep: bool = True
    """Whether it was to be kept."""


def told(
    pane: LimitsPane, them: Sequence[Container], outcomes: Sequence[Outcome], width: int
) -> Content:
    """All of it, a line each."""
    lines = [
        *_action(pane, outcomes, width),
        *_meaning(pane, them, bad=True),
        *_about(pane),
        *_suggested(pane),
        *_passing(pane),
        *_undo(pane),
        *_meaning(pane, them, bad=False),
    ]
    return Content("\n").join(lines)


def _action(pane: LimitsPane, outcomes: Sequence[Outcome], width: int) -> Iterator[Content]:
    """What Enter would do, or what was done."""
    model = pane.model
    names = [it.name for it in model.subjects]
    if model.problem:
        yield Content.styled(model.problem, f"{BAD} bold")
    elif (wish := model.wish()) is not None:
        line = command(wish, names, keep=model.keep)
        for warning in model.warnings:
            yield Content.styled(f"{warning}.", f"{WARN} bold")
        again = model.warned and model.warnings
        u = "u: only until it ends" if model.keep else "u: for good"
        hint = "Enter again does it, Esc does not" if again else f"Enter applies, Esc forgets, {u}"
        text = first_fitting([f"$ {line}   {hint}", f"$ {line}   Enter applies", line], width)
        yield Content.styled(text, "$text-accent bold")
    elif outcomes:
        yield from _done(outcomes)


def _done(outcomes: Sequence[Outcome]) -> Iterator[Content]:
    well = [it for it in outcomes if not it.problem]
    for it in outcomes:
        if it.problem:
            yield Content.styled(f"✗ {it.name}: {it.problem}", f"{BAD} bold")
    if well:
        names = [it.name for it in well]
        same = all(it.limits == well[0].limits for it in well)
        said = f"$ {command(well[0].limits, names, keep=well[0].keep)}"
        line = said if same else "each as it was before"
        yield Content.assemble((f"✓ {', '.join(names)}: {_kept(well)}  ", GOOD), (line, QUIET))


def _kept(well: Sequence[Outcome]) -> str:
    running = any(it.runs for it in well)
    if not well[0].keep:
        return "in force until it ends"
    if not all(it.kept for it in well):
        return "in force; somebody else changed the limits too"
    return "in force, and kept over a restart" if running else "kept; in force from its next start"


def _meaning(pane: LimitsPane, them: Sequence[Container], *, bad: bool) -> Iterator[Content]:
    """Sentences about the chosen group, container by container where there are several."""
    model = pane.model
    for each in model.subjects:
        for said in sentences(pane.kind.group, each.live, each.limits, model.bounds):
            if bool(said.level) == bad:
                name = f"{each.name}: " if len(model.subjects) > 1 else ""
                yield Content.styled(name + said.text, STYLES[said.level])
    for it in them:
        if it.status not in UP and bad == _oom(it):
            yield _idle(it)


def _oom(it: Container) -> bool:
    return it.exit is not None and it.exit.oom_killed


def _idle(it: Container) -> Content:
    """Of one that does not run, and why where that is about limits."""
    if it.exit is None or not it.exit.oom_killed:
        return Content.styled(f"{it.name} does not run: limits hold from its next start.", QUIET)
    peak = fmt.size(it.exit.peak_memory)
    said = f"The kernel killed {it.name}: out of memory at {peak}. Raise its max, then start it."
    return Content.styled(said, BAD)


def _about(pane: LimitsPane) -> Iterator[Content]:
    kind, bounds = pane.kind, pane.model.bounds
    lacking = pane.model.line(kind).lacking
    if lacking and lacking != pane.model.problem:
        yield Content.styled(f"Not here: {lacking}.", WARN)
    yield Content.styled(ABOUT[kind.field], QUIET)
    remark = dict(bounds.remarks).get(kind.field) if bounds else ""
    if remark and not lacking:
        yield Content.styled(f"Mind: {remark}.", WARN)


def _suggested(pane: LimitsPane) -> Iterator[Content]:
    line, found = pane.model.line(pane.kind), pane.model.suggestion(pane.kind)
    if found and not line.lacking and found.value not in (line.limit, line.wanted):
        said = f" suggests {pane.kind.text(found.value)}: {found.origin}."
        yield Content.assemble(("=", "$text-accent bold"), (said, QUIET))


def _passing(pane: LimitsPane) -> Iterator[Content]:
    """What holds for this run only."""
    for it in pane.model.subjects:
        again = [
            f"{kind.title} {kind.text(kind.of(it.kept))}"
            for kind in pane.model.kinds
            if it.kept and kind.of(it.kept) != kind.of(it.limits)
        ]
        if again:
            said = f" until {it.name} ends; its next start has {', '.join(again)}."
            yield Content.assemble(("*", "$text-accent bold"), (said, QUIET))


def _undo(pane: LimitsPane) -> Iterator[Content]:
    step = pane.model.history.last(pane.model.ids)
    if step and not pane.model.pending:
        yield Content.assemble(("z", "$text-accent bold"), (f" takes back: {step.words}.", QUIET))
