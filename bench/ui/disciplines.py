"""What is measured of an interface, each in a process of its own from start to end."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator

from bench.measure import Failed, Row
from bench.ui import processes
from bench.ui.contestants import LAST_LINE, Contestant
from bench.ui.program import Program, first_changes, quiet

TUIDOCK = "tuidock"
WAY = "j" * 10 + "k" * 10
"""Down ten, up ten, so that no list scrolls."""
NAMES = "names and live figures on screen, 50 containers"
IDLE = "idle, all processes, 50 containers, figures in view"
HIDDEN = "idle, all processes, 50 containers, another pane"
KEY = "key to paint, 50 containers"
BUSY = "key to paint, 50 containers, a 1 GB pull going on"
MEMORY = "memory of the interface, 50 containers"
LOG = "last line of a log of 1,000,000 lines"
CROWD = "key to paint, 500 containers whose figures move each second"
STREAM = "key to paint, 50,000 lines a second in the log in view"
SOAK = "memory after an hour of figures and 5,000 keys, 50 containers"
GROWTH = "growth of that over its second half"


def names(it: Contestant, times: int = 7) -> Iterator[Row]:
    """From starting the process until a container and its figures have been drawn."""

    def once() -> float:
        with Program(it.words, it.env) as program:
            return program.wait_for(it.live) - program.began

    yield Row(NAMES, it.name, tuple(once() for _ in range(times)))


def idle(it: Contestant, settle: float = 8, seconds: float = 20) -> Iterator[Row]:
    """Time on a processor of the interface and all that works for it, and its memory."""
    with Program(it.words, it.env) as program:
        program.wait_for(it.live)
        program.keeping = False
        time.sleep(settle)
        own, backing = _idle(it, program, seconds)
        note = f"interface {own:.2%}, behind it {backing:.2%}, of one core over {seconds:.0f} s"
        yield Row(IDLE, it.name, (own + backing,), "cores", note)
        yield Row(MEMORY, it.name, (processes.resident(program.pid),), "MB", "resident")
        if it.name == TUIDOCK:
            program.press("2")
            time.sleep(2)
            own, backing = _idle(it, program, seconds)
            note = f"interface {own:.2%}, behind it {backing:.2%}"
            yield Row(HIDDEN, it.name, (own + backing,), "cores", note)


def _idle(it: Contestant, program: Program, seconds: float) -> tuple[float, float]:
    """Cores of its own, and of what works for it; a process that ends meanwhile does not count."""
    before = {pid: processes.seconds([pid]) for pid in {program.pid, *it.backing()}}
    time.sleep(seconds)
    used = {pid: processes.seconds([pid]) - earlier for pid, earlier in before.items()}
    own = used.pop(program.pid)
    return own / seconds, sum(max(0.0, more) for more in used.values()) / seconds


def keys(it: Contestant, count: int = 200, discipline: str = KEY) -> Iterator[Row]:
    """From a key that moves the cursor until it has moved."""
    with Program(it.words, it.env) as program:
        program.wait_for(it.live)
        quiet(program, 0.4, 5)
        program.press("j")
        time.sleep(1)
        yield _pressed(discipline, it, program, count)


def _pressed(discipline: str, it: Contestant, program: Program, count: int, way: str = WAY) -> Row:
    pressed = [_step(program, number, way) for number in range(count)]
    time.sleep(1)
    return _keys(discipline, it, first_changes(program.pieces, pressed, it.column))


def crowd(it: Contestant) -> Iterator[Row]:
    """tuidock with an engine in memory that has 500 containers."""
    if it.name == TUIDOCK:
        words = (it.words[0], "-m", "bench.ui.crowd")
        many = it._replace(words=words, live=r"box-\d+ .*\d+\.\d%.*\d[KMG]")
        yield from keys(many, discipline=CROWD)


def stream(it: Contestant) -> Iterator[Row]:
    """tuidock with a log in view that grows by 50,000 lines a second: into it, and out again."""
    if it.stream:
        with it.stream() as name, Program(it.words, it.env) as program:
            program.wait_for(rf"{name} .*\d+\.\d%")
            quiet(program, 0.4, 3)
            yield _pressed(STREAM, it, program, 120, "\rh")


def keys_while_pulling(it: Contestant, reference: str) -> Iterator[Row]:
    """The same with a pull of 1 GB of random data in the same interface or its daemon."""
    if it.pull is None:
        return
    with Program(it.words, it.env) as program:
        program.wait_for(it.live)
        pulls = it.pull(program, reference)
        time.sleep(1)
        numbers = itertools.count()
        pressed: list[float] = []
        while pulls() and len(pressed) < 400:
            pressed.append(_step(program, next(numbers)))
        if len(pressed) < 50:
            raise Failed("the pull was over too soon")
        time.sleep(1)
        yield _keys(BUSY, it, first_changes(program.pieces, pressed, it.column))


def _step(program: Program, number: int, way: str = WAY) -> float:
    """One key of the way; unevenly, to fall in step with nothing."""
    at = program.press(way[number % len(way)])
    time.sleep(0.04 + number % 7 / 200)
    return at


def _keys(discipline: str, it: Contestant, taken: tuple[float, ...]) -> Row:
    p99 = statistics.quantiles(taken, n=100)[-1]
    return Row(discipline, it.name, taken, "ms", f"p99 {p99 * 1000:.1f} ms")


def log(it: Contestant, times: int = 5) -> Iterator[Row]:
    """From the key that shows the log until its last line has been drawn."""
    if not it.to_log:
        return

    def once() -> float:
        with Program(it.words, it.env) as program:
            program.wait_for(it.live)
            quiet(program, 0.6, 10)
            *way, last = it.to_log
            for key in way:
                program.press(key)
                quiet(program, 0.6, 10)
            at = program.press(last)
            return program.wait_for(LAST_LINE, since=at) - at

    yield Row(LOG, it.name, tuple(once() for _ in range(times)))


# --- the soak: tuidock alone ----------------------------------------------------------------------

SAMPLES, AT = 3600, 0.02
"""One hour of samples, and seconds between two of them here."""
TOUR = ("j", "j", "k", "]", "]", "[", "2", "j", "k", "3", "1", "/", "i", "\x1b", "?", "\x1b")
HURRIED = f"import tuidock.feeds as f; f.INTERVAL = {AT}; from tuidock.__main__ import main; main()"


def soak(it: Contestant) -> Iterator[Row]:
    """An hour of figures, and a tour of panes and keys all the while, in little over a minute."""
    words = (it.words[0], "-c", HURRIED, *it.words[3:])
    with Program(words, it.env) as program:
        program.wait_for(it.live)
        program.keeping = False
        ends = time.monotonic() + SAMPLES * AT
        resident: list[float] = []
        pressed = 0
        for key in itertools.cycle(TOUR):
            if time.monotonic() > ends:
                break
            program.press(key)
            pressed += 1
            time.sleep(0.03)
            if pressed % 100 == 0:
                resident.append(processes.resident(program.pid))
    half = statistics.median(resident[len(resident) // 2 :][:5])
    end = statistics.median(resident[-5:])
    note = f"{pressed} keys, {SAMPLES} samples of each; after half of it {half / 1e6:.1f} MB"
    yield Row(SOAK, it.name, (end,), "MB", note)
    yield Row(GROWTH, it.name, (max(0.0, end - half),), "MB")
