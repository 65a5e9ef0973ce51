"""Why a container ended: the verdict from the facts, and the card that tells it."""

from __future__ import annotations

import pytest
from textual.widgets import Static

from tests.ui.conftest import Stage, staged
from tuidock.engine.events import Event
from tuidock.engine.types import (
    Container,
    ContainerSpec,
    ExitRecord,
    History,
    Limits,
    LogLine,
    RestartPolicy,
    Status,
)
from tuidock.screens.containers import ContainersScreen
from tuidock.screens.detail import Detail
from tuidock.screens.ends import Ends
from tuidock.screens.verdict import verdict
from tuidock.screens.why import Facts, WhyTab, card
from tuidock.widgets.logview import LogView
from tuidock.widgets.moments import Moments

MIB = 1 << 20
AT = 1_790_000_000.0


def ended(code: int, signal: int = 0, *, oom: bool = False, error: str = "") -> Container:
    spec = ContainerSpec("busybox", limits=Limits(memory=64 * MIB))
    record = ExitRecord(code, signal, oom, AT, error, 60 * MIB)
    return Container(
        "a" * 64, "web", "busybox", "i", ("sh",), AT - 90, Status.EXITED, spec, 0, AT - 75, record
    )


def killed(signal: int, before: float, pid: str = "") -> Event:
    facts = (("signal", str(signal)), *([("pid", pid)] if pid else []))
    return Event(AT - before, "container", "kill", "a" * 64, "web", facts)


@pytest.mark.parametrize(
    ("it", "headline", "words"),
    [
        (ended(137, 9, oom=True), "Killed by the kernel: out of memory", "limit of 64"),
        (ended(137, 9), "Ended by SIGKILL", "another process"),
        (ended(139, 11), "Ended by SIGSEGV", "not its own"),
        (ended(159, 31), "Ended by SIGSYS", "seccomp"),
        (ended(192, 64), "Ended by SIGRTMAX", "another process"),
        (ended(191, 63), "Ended by signal 63", "another process"),
        (ended(0), "Exit 0: it finished", ""),
        (ended(3), "Exit 3", "failed"),
        (ended(137), "Exit 137", "when SIGKILL ended a child"),
        (ended(127), "Exit 127", "not found"),
        (ended(127, error="no such file: x"), "Exit 127: no such file: x", "not found"),
        (ended(255, error="the container ended unseen"), "Exit 255: the container", "nobody saw"),
    ],
)
def test_a_verdict(it: Container, headline: str, words: str) -> None:
    said = verdict(it)
    assert said.headline.startswith(headline)
    assert words in said.because
    assert said.advice


def test_who_was_asked_to_end() -> None:
    """Fails if a signal that a person sent is told as a crash."""
    assert "somebody asked" in verdict(ended(143, 15), [killed(15, 0.5)]).headline
    assert "somebody asked" in verdict(ended(1), [killed(15, 0.5)]).headline
    slow = verdict(ended(137, 9), [killed(15, 10), killed(9, 0)])
    assert "did not within 10 seconds" in slow.because
    at_once = verdict(ended(137, 9), [killed(9, 0.1)])
    assert "nothing can refuse" in at_once.because


def test_a_signal_of_long_ago_or_to_a_child_explains_nothing() -> None:
    assert verdict(ended(139, 11), [killed(1, 60)]).headline == "Ended by SIGSEGV"
    assert verdict(ended(139, 11), [killed(9, 1, "17")]).headline == "Ended by SIGSEGV"


def test_one_that_never_ran() -> None:
    it = ended(0)._replace(status=Status.CREATED, exit=None)
    assert verdict(it).headline == "It never ran"


def told(it: Container, history: History, lines: list[LogLine], health: object = None) -> str:
    found = {"State": {"Health": health} if health else {}, "Config": {}}
    return str(card(Facts(it, found, history, lines)))


def test_the_card_shows_its_evidence() -> None:
    it = ended(137, 9, oom=True)
    it = it._replace(restarts=2, spec=it.spec._replace(restart=RestartPolicy("always")))
    events = (
        Event(AT - 75, "container", "start", it.id),
        Event(AT - 1, "container", "oom", it.id),
        Event(AT, "container", "die", it.id, "", (("exitCode", "137"),)),
    )
    at = [AT - 20 + index * 2 for index in range(10)]
    history = History(it.id, at, [0.5] * 10, [50 * MIB] * 10, [1] * 10, [0.0] * 10, [0.0] * 10,
                      events)  # fmt: skip
    lines = [LogLine(AT - 2, "stdout", b"one"), LogLine(AT - 1, "stderr", b"no\x1b[2Jmore")]
    shown = told(it, history, lines)
    for words in (
        "out of memory",
        "after 1m15s",
        "policy always, started again 2 times",
        "1 in its last run",
        "60.0M of 64.0M",
        "94%",
        "50.0%, highest 50.0% in 1m15s",
        "one",
        "exit 137",
    ):
        assert words in shown, shown
    assert "\x1b" not in shown


def test_the_card_tells_of_its_health() -> None:
    probe = {"ExitCode": 1, "Start": "2026-11-22T08:00:00Z", "Output": "refused"}
    health = {"Status": "unhealthy", "FailingStreak": 3, "Log": [probe]}
    shown = told(ended(1), History("a"), [], health)
    assert "3 in a row" in shown
    assert "refused" in shown


# --- on the screen ----------------------------------------------------------------------------


def text(stage: Stage) -> str:
    return str(stage.app.screen.query_one("WhyTab Static", Static).render())


async def at(stage: Stage, name: str) -> None:
    while stage.cursor() != name:
        await stage.press("j")


async def test_a_key_opens_the_card(stage: Stage) -> None:
    await at(stage, "import")
    assert stage.shows("Exit 3: W tells why")
    await stage.press("W")
    await stage.until(lambda: stage.app.screen.query("WhyTab Static") and "Exit 3" in text(stage))
    assert "reading dump.sql" in text(stage)
    assert stage.app.screen.query_one(WhyTab).awake


async def test_the_card_is_about_the_row_under_the_cursor(stage: Stage) -> None:
    await at(stage, "import")
    await stage.press("W")
    await stage.until(lambda: stage.app.screen.query("WhyTab Static") and "Exit 3" in text(stage))
    await stage.press("escape", "j")
    await stage.until(lambda: "Exit 0" in text(stage))
    await stage.press("g")
    await stage.until(lambda: "It runs" in text(stage))


async def test_an_end_is_told_while_somebody_looks(stage: Stage) -> None:
    await stage.press("W")
    await stage.until(lambda: stage.app.screen.query("WhyTab Static") and "It runs" in text(stage))
    await stage.engine.containers.kill(stage.container("web").id)
    await stage.until(lambda: "SIGKILL" in text(stage))
    assert "somebody asked" in text(stage)


def ends(stage: Stage) -> Ends:
    """What decides whether one is told unasked."""
    screen = stage.app.screen
    assert isinstance(screen, ContainersScreen)
    return screen._ends


async def test_a_bad_end_shows_itself_once(stage: Stage) -> None:
    """And makes way again. Fails if it opens at each visit: somebody compares logs."""
    detail = stage.app.screen.query_one("#detail", Detail)
    await at(stage, "import")
    await stage.until(lambda: detail.active == "why" and "Exit 3" in text(stage))
    assert not detail.has_focus_within
    await stage.press("k")
    await stage.until(lambda: detail.active == "logs")
    await stage.press("j")
    assert not ends(stage).is_news(stage.container("import"))
    assert detail.active == "logs"


async def test_an_end_that_somebody_wanted_does_not(stage: Stage) -> None:
    detail = stage.app.screen.query_one("#detail", Detail)
    web = stage.container("web").id
    while stage.cursor() != "web":
        await stage.press("j")
    await stage.engine.containers.kill(web)
    await stage.until(lambda: stage.container("web").exit)
    await stage.until(lambda: not ends(stage).is_news(stage.container("web")))
    await stage.pilot.pause()
    assert detail.active == "logs"


async def test_graphs_of_the_end_where_there_is_room() -> None:
    """Beside the words; a moment in them leads to the log."""
    async with staged(size=(120, 40)) as stage:
        await at(stage, "import")
        await stage.press("W")
        await stage.until(lambda: stage.app.screen.query("WhyTab.-wide"))
        tab = stage.app.screen.query_one(WhyTab)
        await stage.until(lambda: tab.query_one("#memory").size.width > 30)
        assert "CPU then" not in text(stage)
        await stage.pilot.click("WhyTab #memory", offset=(30, 3))
        await stage.until(lambda: tab.query_one(Moments).cursor is not None)
        await stage.press("enter")
        await stage.until(lambda: stage.app.screen.query_one(LogView).has_focus_within)


async def test_it_has_room_on_a_small_screen() -> None:
    async with staged(size=(80, 24)) as stage:
        await at(stage, "import")
        await stage.press("W")
        await stage.until(lambda: stage.shows("What to do"))
        assert stage.shows("would have it started again")
