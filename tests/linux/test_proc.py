"""Numbers of processes that are no more, and whose they are now."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from tuidock.engine.linux import proc


@pytest.fixture
def thread() -> Iterator[int]:
    """The number of a thread, which a process may have had before."""
    told: list[int] = []
    ready, over = threading.Event(), threading.Event()

    def live() -> None:
        told.append(threading.get_native_id())
        ready.set()
        over.wait()

    it = threading.Thread(target=live)
    it.start()
    ready.wait()
    yield told[0]
    over.set()
    it.join()


def test_the_number_of_a_thread_is_no_process(thread: int) -> None:
    """Seen to fail (`Invalid argument`) where pidfd_open(2) is called as it is."""
    with pytest.raises(ProcessLookupError):
        proc.open_pidfd(thread)
    proc.kill_exactly(thread, proc.start_time(thread))


def test_only_the_very_process_is_killed() -> None:
    child = os.fork()
    if child == 0:
        threading.Event().wait()
    born = proc.start_time(child)
    proc.kill_exactly(child, born + 1)
    assert proc.start_time(child) == born
    proc.kill_exactly(child, born)
    assert proc.start_time(child) == 0
    assert os.waitpid(child, 0)[1] == 9
    proc.kill_exactly(child, born)
