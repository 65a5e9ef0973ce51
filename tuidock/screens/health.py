"""The tab about a container's health: what its probes said, the last one first."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from textual import work
from textual.content import Content

from tuidock.engine.logs.sanitise import plain
from tuidock.engine.types import UP, Container
from tuidock.screens.container_row import HEALTH_STYLES
from tuidock.screens.facts import pairs
from tuidock.screens.panes import GLANCE, TextTab

_NONE = "It has no health check: `run --health-cmd`, or HEALTHCHECK in its image, gives it one."


class HealthTab(TextTab):
    """State, failing streak, and each probe that is remembered, with its output."""

    TITLE = "Health"

    def show(self, subject: Container | None, before: Container | None) -> None:
        self.workers.cancel_node(self)
        if subject is None:
            self.tell(Content())
        else:
            self.follow(subject)

    @work(exclusive=True, group="health", exit_on_error=False)
    async def follow(self, it: Container) -> None:
        """Look again and again, as long as it is probed."""
        with self.looking():
            while True:
                found = await self.dock_screen.engine.containers.inspect(it.id)
                self.tell(report(found))
                if it.status not in UP or not it.health:
                    return
                await asyncio.sleep(GLANCE)


def report(found: Mapping[str, Any]) -> Content:
    """From docker's inspect object."""
    state = found["State"].get("Health")
    if not state:
        return Content.styled(_NONE, "$quiet")
    status = state["Status"]
    rows = [("failed", f"{state['FailingStreak']} in a row"), *_check(found)]
    head = Content.assemble(pairs([("health", "")]), (status, HEALTH_STYLES.get(status, "")))
    probes = [_probe(each) for each in reversed(state["Log"])]
    return Content("\n").join([head, pairs(rows), _strip(state["Log"]), Content(), *probes])


def _check(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    check = found["Config"].get("Healthcheck")
    return [("probe", plain(" ".join(check["Test"][1:])))] if check else []


def _probe(probe: Mapping[str, Any]) -> Content:
    code = probe["ExitCode"]
    style = "$status-running" if code == 0 else "$status-failed"
    mark = "✓" if code == 0 else "✗"
    when = f"{probe['Start'][11:19]}  exit {code}  {_took(probe)}"
    head = Content.assemble((mark, style), " ", (when, "$quiet"))
    lines = [plain(line) for line in probe["Output"].splitlines()]
    said = [Content.assemble(("│ ", "$quiet"), line) for line in lines]
    return Content("\n").join([head, *said])


def _strip(log: Sequence[Mapping[str, Any]]) -> Content:
    """All that is remembered at a glance, the newest on the right."""
    marks = [_mark(probe["ExitCode"]) for probe in log]
    return Content.assemble((f"{'history':<12} ", "$quiet"), *marks)


def _mark(code: int) -> tuple[str, str]:
    return ("✓", "$status-running") if code == 0 else ("✗", "$status-failed")


def _took(probe: Mapping[str, Any]) -> str:
    """How long a probe ran; empty for a time that cannot be read."""
    try:
        begun, ended = (
            datetime.fromisoformat(probe[it][:26].rstrip("Z")) for it in ("Start", "End")
        )
    except (KeyError, ValueError):
        return ""
    return f"{(ended - begun).total_seconds():.2f} s"


def _time(text: str) -> datetime:
    """Docker's nanoseconds are more than Python reads."""
    return datetime.fromisoformat(text[:26].rstrip("Z"))
