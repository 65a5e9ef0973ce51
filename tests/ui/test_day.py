"""A day's work in the tabs: processes, files."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.ui.conftest import Stage, staged
from tuidock.config import Config
from tuidock.engine.types import ContainerSpec, Port, Process, Status
from tuidock.screens import ports, processes
from tuidock.screens.editing import Editor
from tuidock.screens.env import EnvTab
from tuidock.screens.files import FilesTab
from tuidock.screens.json_tab import JsonTab, nodes, visible
from tuidock.screens.ports import url
from tuidock.screens.processes import ProcessesTab, shares, tree
from tuidock.screens.reading import Reader, as_text, dump, find
from tuidock.widgets.dialogs import Ask


def process(pid: int, parent: int, cpu: float = 0.0, started: float = 1.0) -> Process:
    return Process(pid, parent, "0", cpu, 1 << 20, started, "S", f"p{pid}")


def tab_rows(stage: Stage) -> list[tuple[str, ...]]:
    tab = stage.app.screen.detail.tab  # type: ignore[attr-defined]
    return [tuple(str(cell) for cell in row.cells) for row in tab.listing.table.rows]


async def opened(stage: Stage, name: str, kind: type) -> None:
    """Bring a tab of the containers pane into view, with the focus in it."""
    stage.app.screen.action_show(name)  # type: ignore[attr-defined]
    detail = stage.app.screen.detail  # type: ignore[attr-defined]
    await stage.until(lambda: isinstance(detail.tab, kind) and detail.has_focus_within)
    await stage.pilot.pause()


# --- processes ------------------------------------------------------------------------------


def test_a_tree_puts_children_below_their_parents() -> None:
    found = [process(1, 0), process(5, 1), process(3, 1), process(7, 5), process(9, 99)]
    lines = [(it.pid, lead) for it, lead in tree(found)]
    assert lines == [(1, ""), (5, "├─ "), (7, "│  └─ "), (3, "└─ "), (9, "")]


def test_a_share_is_what_was_used_between_two_looks() -> None:
    before = [process(1, 0, 2.0), process(3, 1, 5.0, started=1.0)]
    now = [process(1, 0, 3.0), process(3, 1, 0.1, started=9.0), process(4, 1, 1.0)]
    assert shares(before, now, 2.0) == {1: 0.5}


async def test_processes_are_a_tree_until_they_are_sorted(stage: Stage) -> None:
    await stage.press("t")
    await opened(stage, "top", ProcessesTab)
    await stage.until(lambda: tab_rows(stage))
    assert tab_rows(stage)[1][-1] == "├─ nginx: worker 1"
    await stage.press("o", "c")
    assert tab_rows(stage)[1][-1] == "nginx: worker 1"
    await stage.press("slash", *"worker", "enter")
    assert len(tab_rows(stage)) == 4
    await stage.press("escape")
    assert len(tab_rows(stage)) == 5


async def test_a_signal_is_for_the_process_under_the_cursor(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "GLANCE", 0.05)
    await stage.press("t")
    await opened(stage, "top", ProcessesTab)
    await stage.until(lambda: tab_rows(stage))
    await stage.press("j", "j", "K")
    assert stage.shows("A signal for process")
    await stage.press("k")
    web = stage.container("web")
    await stage.until(lambda: stage.calls == [("signal", web.id, str(web.pid + 2), "KILL")])
    await stage.until(lambda: len(tab_rows(stage)) == 4)
    deed = stage.world.deeds[-1].line
    assert deed == f"tuidock kill -s KILL --pid {web.pid + 2} web"


async def test_a_signal_for_containers_is_chosen_with_one_key(stage: Stage) -> None:
    await stage.press("K")
    assert stage.shows("to the first process of web")
    await stage.press("h")
    await stage.until(lambda: stage.calls == [("kill", stage.container("web").id, "HUP")])


# --- files ----------------------------------------------------------------------------------


def names(stage: Stage) -> list[str]:
    return [row[1] for row in tab_rows(stage)]


def set_files(stage: Stage) -> dict[str, bytes | None]:
    tree = stage.engine.files.tree(stage.container("web").id)
    tree["/etc/motd"] = b"welcome\nto the harbour\n"
    tree["/etc/passwd"] = b"changed"
    tree["/data"] = b"\0\1\2"
    del tree["/bin/sh"]
    return tree


async def test_files_are_looked_through_with_what_differs(stage: Stage) -> None:
    set_files(stage)
    await opened(stage, "files", FilesTab)
    await stage.until(lambda: ("A", "data") in [row[:2] for row in tab_rows(stage)])
    assert names(stage) == ["bin/", "etc/", "tmp/", "data"]
    await stage.press("j", "enter")
    await stage.until(lambda: names(stage) == ["motd", "passwd"])
    assert [row[0] for row in tab_rows(stage)] == ["A", "C"]
    await stage.press("left")
    await stage.until(lambda: names(stage)[0] == "bin/")
    assert stage.app.screen.detail.tab.listing.cursor_key == "etc"  # type: ignore[attr-defined]
    await stage.press("k", "enter")
    await stage.until(lambda: names(stage) == ["sh"])
    assert tab_rows(stage)[0][0] == "D"
    await stage.press("full_stop")
    assert {"/bin/sh", "/etc/motd", "/data"} <= set(names(stage))
    assert "/tmp" not in names(stage)
    await stage.press("left", "left")
    await stage.until(lambda: "tmp/" in names(stage))
    await stage.press("left")
    assert not stage.app.screen.detail.has_focus_within  # type: ignore[attr-defined]


async def test_a_file_is_read_and_searched(stage: Stage) -> None:
    set_files(stage)
    await opened(stage, "files", FilesTab)
    await stage.until(lambda: names(stage))
    await stage.press("j", "enter")
    await stage.until(lambda: names(stage) == ["motd", "passwd"])
    await stage.press("v")
    await stage.until(lambda: isinstance(stage.app.screen, Reader))
    await stage.until(lambda: stage.app.screen.query("TextArea"))
    await stage.press("slash", *"harbour", "enter")
    area = stage.app.screen.query_one("TextArea")
    assert area.text == "welcome\nto the harbour\n"  # type: ignore[attr-defined]
    assert area.selected_text == "harbour"  # type: ignore[attr-defined]
    await stage.press("escape")
    assert not isinstance(stage.app.screen, Reader)


async def test_files_are_copied_out_and_in_as_jobs(tmp_path: Path) -> None:
    async with staged(config=Config(confirm=False)) as stage:
        set_files(stage)
        await opened(stage, "files", FilesTab)
        await stage.until(lambda: names(stage))
        await stage.press("G", "ctrl+s")
        await answer(stage, str(tmp_path / "out"))
        await stage.until(lambda: stage.world.jobs and not stage.app.jobs.running())
        assert (tmp_path / "out").read_bytes() == b"\0\1\2"
        assert stage.world.deeds[-1].line == f"tuidock cp web:/data {tmp_path}/out"
        (tmp_path / "in").write_bytes(b"hello")
        await stage.press("I")
        await answer(stage, str(tmp_path / "in"))
        await stage.until(lambda: "in" in names(stage))
        assert await stage.engine.files.read("web", "/in", 9) == b"hello"
        await stage.press("I")
        await answer(stage, str(tmp_path / "nosuch"))
        await stage.until(lambda: stage.shows("Could not find the file"))


async def answer(stage: Stage, text: str) -> None:
    """Fill the one line that is asked for."""
    stage.app.screen.query_one("Input").value = text  # type: ignore[attr-defined]
    await stage.press("enter")


async def test_nothing_is_put_in_where_nothing_may_change(tmp_path: Path) -> None:
    async with staged(read_only=True) as stage:
        await opened(stage, "files", FilesTab)
        await stage.until(lambda: names(stage))
        before = dict(stage.engine.files.tree("web"))
        await stage.press("I")
        assert not isinstance(stage.app.screen, Ask)
        assert stage.engine.files.tree("web") == before


async def test_a_file_is_edited_and_keeps_its_owner(stage: Stage) -> None:
    """Seen to fail without `changed_meanwhile`: the other's text was gone without a question."""
    tree = set_files(stage)
    await opened(stage, "files", FilesTab)
    await stage.until(lambda: names(stage))
    await stage.press("j", "enter")
    await stage.until(lambda: names(stage) == ["motd", "passwd"])
    await stage.press("U")
    await stage.until(lambda: isinstance(stage.app.screen, Editor))
    await stage.press("H", "i", "escape")
    assert stage.shows("Throw your changes away?")
    await stage.press("n", "ctrl+s")
    await stage.until(lambda: tree["/etc/motd"] == b"Hiwelcome\nto the harbour\n")
    await stage.press("U")
    await stage.until(lambda: isinstance(stage.app.screen, Editor))
    tree["/etc/motd"] = b"theirs, and longer than it was"
    await stage.press("x", "ctrl+s")
    await stage.until(lambda: stage.shows("Write over it?"))
    await stage.press("n")
    assert tree["/etc/motd"] == b"theirs, and longer than it was"
    for text in (b"\x1b[2J", b"\xff", b"a\r\nb\n"):
        tree["/etc/motd"] = text
        await stage.press("U")
        await stage.until(lambda: stage.shows("/etc/motd"))
        assert not isinstance(stage.app.screen, Editor)


async def test_what_was_changed_is_reverted(stage: Stage) -> None:
    tree = set_files(stage)
    await opened(stage, "files", FilesTab)
    await stage.until(lambda: ("A", "data") in [row[:2] for row in tab_rows(stage)])
    await stage.press("z")
    assert stage.shows("Revert /bin?")
    await stage.press("y")
    await stage.until(lambda: "/bin/sh" in tree)
    assert stage.world.deeds[-1].line == "tuidock revert web /bin"
    await stage.until(lambda: tab_rows(stage)[0][:2] == ("", "bin/"))
    await stage.press("z")
    assert stage.shows("/bin is as the image has it")


def test_what_a_terminal_obeys_is_not_shown() -> None:
    assert as_text(b"a\x1b[2Jb\nc") == ("ab\nc", "text")
    assert as_text(b"\x7fELF\0")[1] == "binary"
    assert dump(b"AB\x00" * 6).splitlines()[0].endswith("AB.AB.AB.AB.AB.A")


def test_words_are_found_round_the_end() -> None:
    lines = ["one two", "Two"]
    assert find(lines, "two", (0, 0), 1) == (0, 4)
    assert find(lines, "two", (0, 4), 1) == (1, 0)
    assert find(lines, "two", (1, 0), 1) == (0, 4)
    assert find(lines, "two", (0, 4), -1) == (1, 0)
    assert find(lines, "three", (0, 0), 1) is None


# --- env, inspect, ports -----------------------------------------------------------------------


async def with_secrets(stage: Stage) -> None:
    """A container whose variables nobody should read, under the cursor."""
    env = ("DB_PASSWORD=hunter2", "URL=http://me:pw@x/", "LOG_LEVEL=info")
    it = await stage.engine.containers.create(ContainerSpec("nginx:1.29", "safe", env=env))
    await stage.until(lambda: it.id in stage.world.containers)
    stage.app.go_to(it.id)
    await stage.pilot.pause()


async def test_secrets_are_masked_until_asked_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the screen, and in what is copied. Seen to fail without `masked` in `EnvTab._item`."""
    copied: list[str] = []
    monkeypatch.setattr(stage.app, "copy_to_clipboard", copied.append)
    await with_secrets(stage)
    await opened(stage, "env", EnvTab)
    await stage.until(lambda: stage.shows("LOG_LEVEL"))
    assert not stage.shows("hunter2")
    assert stage.shows("http://me:••••••@x/")
    await stage.press("slash", *"db", "enter", "y", "v")
    assert copied == ["••••••"]
    await stage.press("u")
    assert stage.shows("hunter2")
    await stage.press("y", "v")
    assert copied[1:] == ["hunter2"]
    await stage.press("enter")
    await stage.until(lambda: isinstance(stage.app.screen, Reader))
    await stage.press("escape")
    await stage.press("escape", "left_square_bracket", "right_square_bracket")
    await stage.until(lambda: "LOG_LEVEL" in str(tab_rows(stage)))
    assert "hunter2" not in str(tab_rows(stage))


async def test_inspect_is_a_tree_that_folds_and_is_searched(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    monkeypatch.setattr(stage.app, "copy_to_clipboard", copied.append)
    await with_secrets(stage)
    await opened(stage, "inspect", JsonTab)
    await stage.until(lambda: tab_rows(stage))
    await stage.press("Z")
    shut = len(tab_rows(stage))
    await stage.press("Z")
    opened_all = len(tab_rows(stage))
    assert shut < opened_all
    assert not stage.shows("hunter2")
    await stage.press("Z", "slash", *"memory", "enter")
    assert [row[0].split()[0] for row in tab_rows(stage)] == [".HostConfig.Memory"]
    await stage.press("y", "p")
    assert copied == [".HostConfig.Memory"]
    await stage.press("escape")
    assert len(tab_rows(stage)) == shut
    await stage.press("G", "right")
    assert len(tab_rows(stage)) > shut
    await stage.press("u")
    stage.app.screen.detail.tab._shut.clear()  # type: ignore[attr-defined]
    await stage.press("Z", "Z")
    assert any("hunter2" in row[0] for row in tab_rows(stage))


def test_nodes_have_the_path_that_jq_takes() -> None:
    found = list(nodes({"a": {"b": [1, {"c": None}]}, "d": {}}))
    assert [it.path for it in found] == [".a", ".a.b", ".a.b[0]", ".a.b[1]", ".a.b[1].c", ".d"]
    assert [it.path for it in visible(found, {".a.b"})] == [".a", ".a.b", ".d"]


async def test_a_port_is_opened_only_when_somebody_answers(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen to fail without `answers` in ports: the browser was opened on nothing."""
    urls: list[str] = []
    monkeypatch.setattr(stage.app, "open_url", urls.append)
    monkeypatch.setattr(ports, "has_browser", lambda: True)
    await with_port(stage, 1)  # nobody listens on port 1
    await stage.press("w")
    await stage.until(lambda: stage.shows("Nobody answers at http://localhost:1"))
    assert not urls
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        await with_port(stage, number)
        await stage.press("w")
        await stage.until(lambda: urls == [f"http://localhost:{number}"])
        monkeypatch.setattr(ports, "has_browser", lambda: False)
        copied: list[str] = []
        monkeypatch.setattr(stage.app, "copy_to_clipboard", copied.append)
        await stage.press("w")
        await stage.until(lambda: copied == [f"http://localhost:{number}"])


async def with_port(stage: Stage, number: int) -> None:
    spec = ContainerSpec("nginx:1.29", f"on{number}", ports=(Port(80, host_port=number),))
    it = await stage.engine.containers.create(spec)
    await stage.engine.containers.start(it.id)
    await stage.until(lambda: stage.world.containers.get(it.id, it).status is Status.RUNNING)
    stage.app.go_to(it.id)
    await stage.pilot.pause()


async def test_one_of_several_ports_is_chosen(stage: Stage) -> None:
    await stage.press("w")
    await stage.until(lambda: stage.shows("Open which port?"))
    assert stage.shows("https://localhost:8443")


def test_addresses_of_ports() -> None:
    assert url(Port(80, host_port=8080, host_ip="0.0.0.0")) == "http://localhost:8080"
    assert url(Port(443, host_port=1, host_ip="::1")) == "https://[::1]:1"
