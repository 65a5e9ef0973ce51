"""Looking about in a container, whatever it has put in the way.

Each docstring says how the test was seen to fail without its defence.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from tests import root_only
from tests.files.conftest import Place
from tests.waiting import until
from tuidock.engine.containers import life
from tuidock.engine.containers.files import access, entering
from tuidock.engine.containers.files.visit import Visit
from tuidock.engine.errors import Conflict, NotFound, WrongStatus
from tuidock.engine.layout import Layout
from tuidock.engine.runtime.state import read_run
from tuidock.engine.types import Mount, Status


def test_links_lead_where_they_do_inside(place: Place) -> None:
    """The guest's root is the container's (test_hostile tries that), and openat2 stays in it."""
    name = os.path.basename(place.base)
    out = place.write("secret", "the host's")
    box = place.container(f"ln -s {out} /link; ln -s {place.base} /way; ln -s /etc /inner")
    for state in ("running", "stopped"):
        with pytest.raises(NotFound):
            place.files.read_file(box.id, "/link", 100)
        with pytest.raises(NotFound):
            place.files.list_directory(box.id, "/way")
        with pytest.raises(NotFound):
            place.files.read_file(box.id, f"/inner/../../../../..{out}", 100)
        inner = [it.name for it in place.files.list_directory(box.id, "/inner").entries]
        assert "passwd" in inner, state
        root = {it.name: it.link_target for it in place.files.list_directory(box.id, "/").entries}
        assert root["way"] == place.base
        assert name not in root
        place.files.stop(box.id)


def test_what_is_no_file_is_not_opened(place: Place) -> None:
    """Seen to fail without the look at the mode in `errands.read`."""
    box = place.container("mkfifo /fifo; ln -s /dev/zero /zero")
    with pytest.raises(Conflict, match="no regular file"):
        place.files.read_file(box.id, "/fifo", 100)
    with pytest.raises(NotFound):
        place.files.read_file(box.id, "/zero", 100)


def test_a_crowded_directory_is_cut(place: Place) -> None:
    """Seen to fail without the `islice` of `errands.list_directory`."""
    many = access.ENTRIES + 500
    box = place.container(f"mkdir /many; cd /many; seq {many} | xargs touch")
    found = place.files.list_directory(box.id, "/many")
    assert len(found.entries) == access.ENTRIES
    assert not found.whole
    asked = {"path": "/many", "follow": True, "directory": True, "contents": False}
    record = place.files._find(box.id)
    with access.visiting(place.core.layout, record, errand="list", still=0.0, **asked) as visit:
        assert b"".join(visit.pieces()).count(b"\n") == access.ENTRIES + 1


def test_names_that_are_no_words_come_whole(place: Place) -> None:
    box = place.container("mkdir /odd; cd /odd; touch 'a\nb' \"$(printf '\\377x')\"")
    names = [it.name for it in place.files.list_directory(box.id, "/odd").entries]
    assert {os.fsencode(name) for name in names} == {b"a\nb", b"\xffx"}


def test_looking_holds_nobody_still(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen to fail without `still=0.0` in `access.listing`, `access.read` or `access.changes`."""
    asked: list[float] = []

    class Noting(Visit):
        def __init__(self, layout: Layout, errand: dict[str, Any], lock: int) -> None:
            asked.append(errand["freeze"])
            super().__init__(layout, errand, lock)

    monkeypatch.setattr(access, "Visit", Noting)
    box = place.container()
    place.files.list_directory(box.id, "/")
    place.files.read_file(box.id, "/etc/passwd", 10)
    place.files.changes(box.id)
    assert asked == [0.0, 0.0, 0.0]


@pytest.mark.root(root_only.OTHERS)
def test_a_pid_that_was_given_anew_is_spared(place: Place) -> None:
    """Its first owner ends, and another gets the pid, after the pidfd was opened.

    Seen to fail with `os.kill` in place of `pidfd_send_signal` in `life.signal_process`.
    """
    box, first = place.container(), sleeper()
    heirs: list[subprocess.Popen[bytes]] = []

    def members() -> set[int]:
        end(first)
        heirs.append(sleeper_with(first.pid))
        return {first.pid}  # as if the heir were in the container

    record = place.files._find(box.id)
    with pytest.raises(NotFound):
        life.signal_process(place.core.layout, record, first.pid, signal.SIGTERM, members)
    (heir,) = heirs
    assert heir.poll() is None
    end(heir)


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"])


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def sleeper_with(pid: int) -> subprocess.Popen[bytes]:
    """One that the kernel gives this pid; others may be faster, so again and again."""
    for _ in range(1000):
        with open("/proc/sys/kernel/ns_last_pid", "w") as file:
            file.write(str(pid - 1))
        if (found := sleeper()).pid == pid:
            return found
        end(found)
    raise AssertionError("the pid was never free")


def test_a_process_is_signalled_alone(place: Place) -> None:
    """Seen to fail without the look at `members` in `life.signal_process`: the stranger died."""
    box = place.container("sleep 599 & sleep 598 &")
    of = {it.command: it.pid for it in place.files.top(box.id)}
    with subprocess.Popen(["sleep", "60"]) as stranger:
        with pytest.raises(NotFound, match="No such process"):
            place.files.signal(box.id, stranger.pid, "KILL")
        place.files.signal(box.id, of["sleep 599"], "TERM")
        until(lambda: "sleep 599" not in {it.command for it in place.files.top(box.id)})
        assert {"sleep 598", "sleep 600"} <= {it.command for it in place.files.top(box.id)}
        assert stranger.poll() is None
        stranger.kill()


def test_a_path_becomes_again_what_the_image_has(place: Place) -> None:
    """Files, directories, links, owners, one kind for the other; running, then stopped.

    Seen to fail without `layer` in `Restorer._become_directory` and in `_clear`, without the
    look of `Upper._judged` at what a directory hides (/var was told of for ever), and without
    `mounted` in `upper.pack_undone`: the way to the volume was moved.
    """
    script = (
        "echo x >> /etc/passwd; chown 7:8 /etc/group; rm -r /bin/ls /www; mkdir /bin/ls /www;"
        "echo deep > /bin/ls/deep; rm -r /root; echo > /root; mkdir -p /new/a/b; rm -r /var"
    )
    mount = Mount("bind", place.base, "/on/the/way")
    box = place.container(script, mounts=(mount,))
    first = place.files.changes(box.id)
    assert {"/etc/passwd", "/bin/ls/deep", "/root", "/new/a/b"} <= {it.path for it in first}
    assert place.files.revert(box.id, "/etc/passwd") == 1
    assert "x\n" not in place.sh(box.id, "cat /etc/passwd; ls /new")
    for state in ("running", "stopped"):
        place.files.revert(box.id, "/")
        left = [it.path for it in place.files.changes(box.id)]
        assert left == ["/on", "/on/the", "/on/the/way"], state
        if state == "running":
            assert place.sh(box.id, "cat /www/index.html; ls -d /var/log") == "hello\n/var/log\n"
            place.sh(box.id, script)
            place.files.stop(box.id)
    with pytest.raises(NotFound, match="as the image has it"):
        place.files.revert(box.id, "/etc")


def test_who_ends_while_somebody_enters_is_said_to_have_ended(place: Place) -> None:
    """Seen to fail, with `setns: No such process`, without the `except` around setns."""
    box, layout = place.container(), place.core.layout
    request = {"where": "files", "id": box.id, "name": box.name, "root": layout.root}
    request |= {"pid": box.pid, "starttime": read_run(layout, box.id)["starttime"]}

    def live(enter: Callable[[], int]) -> NoReturn:
        os.kill(box.pid, signal.SIGKILL)
        until(lambda: place.files.get(box.id).status is Status.EXITED)
        try:
            enter()
        except WrongStatus:
            os._exit(7)
        finally:
            os._exit(1)

    guest = entering.make(request, live)
    assert os.waitstatus_to_exitcode(os.waitpid(guest.pid, 0)[1]) == 7
    os.close(guest.pidfd)
