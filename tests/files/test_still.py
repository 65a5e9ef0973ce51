"""A container held still while somebody looks in: never longer than that somebody lives.

Each docstring says how the test was seen to fail without its defence.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests import root_only
from tests.conftest import AS_ROOT
from tests.files.conftest import Place, guests
from tests.waiting import until
from tuidock.engine.errors import HostError
from tuidock.engine.filesystem import CommitSpec
from tuidock.engine.runtime.state import read_run
from tuidock.engine.types import Status


def test_a_killed_keeper_leaves_nothing_frozen(place: Place) -> None:
    """Who is held still is not said to be paused: nobody would tell later that it no longer is.

    Seen to fail without `Visit._thaw`, and without `_asked_for` in `view`.
    """
    box = place.container()
    with place.files.destination(box.id, "/") as destination:
        if AS_ROOT:  # who else has a freezer is not known
            assert place.still(box.id)
            assert place.files.get(box.id).status is Status.RUNNING
        for guest in guests(place):
            with open(f"/proc/{guest}/stat") as file:
                os.kill(int(file.read().rpartition(")")[2].split()[1]), signal.SIGKILL)
        with pytest.raises(HostError, match="killed"):
            destination.extract([bytes(1 << 20)] * 10)
    assert not place.still(box.id)


@pytest.mark.root(root_only.LIMITS)
@pytest.mark.parametrize("monitor", [False, True], ids=["", "with the monitor"])
def test_a_keeper_killed_with_its_client_leaves_nothing_frozen(
    place: Place, *, monitor: bool
) -> None:
    """Whoever thaws in their place must not be asked to.

    Seen to fail without `Stillness.interest`; and, where the monitor is killed too, without the
    look at the mark that its successor takes.
    """
    box = place.container()
    words = [sys.executable, "-m", "tuidock", "commit", box.id, "x"]
    place.sh(box.id, "dd if=/dev/zero of=/big bs=1M count=400")
    at = {"TUIDOCK_ROOT": place.core.layout.root, "TUIDOCK_RUNROOT": place.core.layout.runroot}
    with subprocess.Popen(words, env={**os.environ, **at}) as client:
        until(lambda: place.still(box.id))
        until(lambda: guests(place))
        (holder,) = {parent(guest) for guest in guests(place)}
        os.kill(holder, signal.SIGSTOP)  # else it would thaw when its client dies
        client.kill()
        if monitor:
            os.kill(read_run(place.core.layout, box.id)["monitor"][0], signal.SIGKILL)
        assert place.still(box.id)
        os.kill(holder, signal.SIGKILL)
    until(lambda: not place.still(box.id))
    assert place.sh(box.id, "echo $((6 * 7))") == "42\n"
    until(lambda: not os.path.exists(f"{place.core.layout.run(box.id)}/still"))


@pytest.mark.root(root_only.LIMITS)
def test_a_number_that_is_anothers_now_holds_nothing_still(place: Place) -> None:
    """Seen to fail where the mark's process is known by its number alone."""
    box = place.container()
    with open(f"{place.core.layout.run(box.id)}/still", "w") as file:
        file.write(f"{os.getpid()} 1")
    place.files.pause(box.id)
    os.kill(read_run(place.core.layout, box.id)["monitor"][0], signal.SIGKILL)
    until(lambda: not place.still(box.id))


def parent(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def test_a_long_copy_does_not_stop_the_container(place: Place) -> None:
    """It is held still for moments only. Seen to fail with a longer `_STILL`."""
    box = place.container()
    with place.files.destination(box.id, "/"):
        until(lambda: not place.still(box.id), 30)
    assert not place.still(box.id)


@pytest.mark.root(root_only.LIMITS)
def test_a_paused_container_stays_paused(place: Place) -> None:
    box = place.container()
    place.files.pause(box.id)
    place.out(box.id, "/etc/passwd", place.base)
    place.files.commit(box.id, CommitSpec("x"))
    assert place.still(box.id)
