"""The journal: many writers, one file, no torn line, followed across rotation."""

from __future__ import annotations

import fcntl
import json
import os
import select
import subprocess
import sys
import threading
import time

import pytest

from tuidock.engine import journal
from tuidock.engine.events import Event
from tuidock.engine.layout import Layout

ID = "f" * 64


def _append(layout: Layout, action: str, **attributes: str) -> None:
    journal.append(layout, "container", action, ID, "web", attributes)


def _readable(follower: journal.Follower, seconds: float) -> bool:
    return bool(select.select([follower.fileno()], [], [], seconds)[0])


def test_what_is_appended_is_read(layout: Layout) -> None:
    before = time.time()
    _append(layout, "create", image="busybox")
    _append(layout, "start")
    first, second = journal.read(layout)
    assert before <= first.at <= second.at <= time.time()
    assert first == Event(first.at, "container", "create", ID, "web", (("image", "busybox"),))
    assert (second.action, second.attributes) == ("start", ())


def test_a_new_root_has_no_events(layout: Layout) -> None:
    assert list(journal.read(layout)) == []


def test_since_and_until(layout: Layout) -> None:
    for action in ("create", "start", "die"):
        _append(layout, action)
    events = list(journal.read(layout))
    at = events[1].at
    assert list(journal.read(layout, since=at)) == events[1:]
    assert list(journal.read(layout, until=at)) == events[:2]
    assert list(journal.watch(layout, since=0.0, until=at)) == events[:2]


def test_every_event_is_one_line_of_less_than_a_page(layout: Layout) -> None:
    """Fails without the cut: the atomicity of one short write(2) would be lost."""
    _append(layout, "create", label="x" * 10_000, image="busybox")
    with open(layout.events, "rb") as file:
        (line,) = file
    assert len(line) <= 4096
    assert json.loads(line)["attributes"] == {"image": "busybox"}


def test_torn_and_foreign_lines_are_passed_over(layout: Layout) -> None:
    _append(layout, "create")
    with open(layout.events, "ab") as file:
        file.write(b'{"at": 1, "kind"\n\0\0\n[]\n{"at":1}\n')
    _append(layout, "start")
    assert [event.action for event in journal.read(layout)] == ["create", "start"]


def test_follow_from_now_and_from_then(layout: Layout) -> None:
    _append(layout, "create")
    with journal.Follower(layout) as now, journal.Follower(layout, since=0.0) as then:
        assert now.read() == []
        assert [event.action for event in then.read()] == ["create"]
        assert then.read() == []
        assert not _readable(now, 0)
        assert not _readable(then, 0)
        _append(layout, "start")
        for follower in (now, then):
            assert _readable(follower, 5)
            assert [event.action for event in follower.read()] == ["start"]


def test_rotation_loses_nothing_for_a_follower(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "ROTATE", 2000)
    with journal.Follower(layout) as follower:
        seen: list[str] = []
        for number in range(100):
            _append(layout, f"action{number}")
            if number % 5 == 0:
                seen += [event.action for event in follower.read()]
        while events := follower.read():
            seen += [event.action for event in events]
    assert seen == [f"action{number}" for number in range(100)]
    names = {name for name in os.listdir(layout.root) if name.startswith("events")}
    assert names == {"events.jsonl", "events.jsonl.1"}
    assert os.path.getsize(layout.events) < 2000 + 4096


def test_writers_in_many_processes_never_mix_or_lose_lines(layout: Layout) -> None:
    """Fails without O_APPEND: writers would overwrite each other."""
    code = (
        "import sys\n"
        "from tuidock.engine import journal\n"
        "from tuidock.engine.layout import Layout\n"
        "journal.ROTATE = 60_000\n"
        "layout = Layout(sys.argv[1], sys.argv[2])\n"
        "for n in range(300):\n"
        "    journal.append(layout, 'container', sys.argv[3], str(n), 'x' * 50, {})\n"
    )
    # 1,200 events of 130 bytes: two rotations, of which one old file is kept, so follow along.
    with journal.Follower(layout) as follower:
        writers = [
            subprocess.Popen([sys.executable, "-c", code, layout.root, layout.runroot, str(n)])
            for n in range(4)
        ]
        seen: list[Event] = []
        while len(seen) < 1200 and _readable(follower, 20):
            seen += follower.read()
        assert [writer.wait(60) for writer in writers] == [0] * 4
    for number in range(4):
        own = [event.id for event in seen if event.action == str(number)]
        assert own == [str(n) for n in range(300)]


def test_a_file_that_was_rotated_before_we_locked_it_is_left(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without the look after the lock: followers are done with the old file by then."""
    _append(layout, "create")
    original, opened = os.open, []

    def open_and_rotate(path: str, *arguments: int) -> int:
        fd = original(path, *arguments)
        opened.append(path)
        if len(opened) == 1:
            os.rename(layout.events, f"{layout.events}.1")
        return fd

    monkeypatch.setattr(os, "open", open_and_rotate)
    _append(layout, "start")
    monkeypatch.undo()
    with open(layout.events, "rb") as file:
        assert [json.loads(line)["action"] for line in file] == ["start"]
    assert [event.action for event in journal.read(layout)] == ["create", "start"]


def test_rotation_waits_for_whoever_is_writing(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without the exclusive lock: the file is renamed under a slow writer's hands."""
    _append(layout, "create")
    monkeypatch.setattr(journal, "ROTATE", 1)
    with open(layout.events, "ab") as writing:
        fcntl.flock(writing, fcntl.LOCK_SH)
        thread = threading.Thread(target=_append, args=(layout, "start"))
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        assert not os.path.exists(f"{layout.events}.1")
    thread.join(10)
    assert [event.action for event in journal.read(layout)] == ["create", "start"]


def test_append_imports_next_to_nothing() -> None:
    """The monitor appends; what it must not load (each costs memory in every monitor)."""
    code = (
        "import sys; from tuidock.engine import journal\n"
        "heavy = {'typing', 'dataclasses', 'logging', 'asyncio', 'subprocess', 'pathlib'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)\n"
    )
    environment = {"PYTHONPATH": os.getcwd()}
    subprocess.run([sys.executable, "-S", "-c", code], check=True, env=environment)
