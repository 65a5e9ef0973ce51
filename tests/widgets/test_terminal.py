"""Terminal on real commands: a shell, vi, the keys, the size, the end."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.pilot import Pilot

from tests.busybox import BUSYBOX
from tests.widgets.pty_session import PtySession
from tests.widgets.stage import Stage, staged, until
from tuidock.engine.api import Session
from tuidock.widgets.terminal import Terminal


def shell(*command: str) -> Terminal:
    session: Session = PtySession(command or ("sh",))
    return Terminal(session)


async def test_a_shell_answers() -> None:
    terminal = shell()
    async with staged(terminal) as (_, pilot):
        await until(pilot, lambda: "$" in terminal.text)
        await pilot.press(*"echo $((6*7))", "enter")
        await until(pilot, lambda: "\n42" in terminal.text)


async def test_the_command_sees_the_size_and_its_changes() -> None:
    terminal = shell()
    async with staged(terminal, size=(70, 20)) as (_, pilot):
        await until(pilot, lambda: "$" in terminal.text)
        terminal.send(b"stty size\r")
        await until(pilot, lambda: "20 70" in terminal.text)
        await pilot.resize_terminal(60, 15)
        await pilot.pause()
        terminal.send(b"stty size\r")
        await until(pilot, lambda: "15 60" in terminal.text)


async def test_colours_are_drawn() -> None:
    terminal = shell("printf", r"\033[31mred\033[0m \033[38;2;1;2;3mdirect")
    async with staged(terminal) as (_, pilot):
        await until(pilot, lambda: "direct" in terminal.text)
        await pilot.pause(0.05)
        colours = {s.text: s.style.color for s in terminal.render_line(0) if s.style}
        red, direct = colours["red"], colours["direct"]
        assert red is not None
        assert direct is not None
        assert (red.number, direct.name) == (1, "#010203")


async def test_the_end_is_told_with_its_code() -> None:
    terminal = shell("sh", "-c", "exit 7")
    async with staged(terminal) as (stage, pilot):
        await until(pilot, lambda: bool(stage.heard(Terminal.Ended)))
        assert stage.heard(Terminal.Ended)[0].code == 7
        assert "[exited with 7]" in terminal.text
        assert terminal.ended


async def test_output_before_a_quick_end_is_not_lost() -> None:
    terminal = shell("seq", "1", "2000")
    async with staged(terminal) as (stage, pilot):
        await until(pilot, lambda: bool(stage.heard(Terminal.Ended)))
        assert "2000" in terminal.text
        terminal.scroll_back(10_000)
        assert terminal.text.startswith("1\n2\n3\n")


class Keyed(Stage):
    """An application that wants the keys for itself."""

    BINDINGS = [  # noqa: RUF012
        Binding("q", "note('q')"),
        Binding("ctrl+q", "note('ctrl+q')", priority=True),
        Binding("tab", "note('tab')", priority=True),
    ]

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self.noted: list[str] = []

    def compose(self) -> ComposeResult:
        yield from super().compose()

    def action_note(self, key: str) -> None:
        self.noted.append(key)


async def test_every_key_is_the_sessions_but_one() -> None:
    """Fails without `check_consume_key`: priority bindings of the application come first."""
    session = PtySession(("cat",))
    terminal = Terminal(session)
    stage = Keyed(terminal)
    async with stage.run_test(message_hook=stage.said.append) as pilot:
        terminal.focus()
        await pilot.press("q", "ctrl+q", "tab", "escape", "up")
        await until(pilot, lambda: session.written == b"q\x11\t\x1b\x1b[A")
        assert stage.noted == []
        await pilot.press("ctrl+right_square_bracket", "q", "ctrl+q")
        assert stage.noted == ["q", "ctrl+q"]
        assert stage.heard(Terminal.Left)
        assert session.written == b"q\x11\t\x1b\x1b[A"


async def test_after_the_end_keys_are_the_applications_again() -> None:
    terminal = Terminal(PtySession(("true",)))
    stage = Keyed(terminal)
    async with stage.run_test(message_hook=stage.said.append) as pilot:
        terminal.focus()
        await until(pilot, lambda: terminal.ended)
        await pilot.press("q")
        assert stage.noted == ["q"]


async def test_pasting_into_a_program_that_asked_for_brackets() -> None:
    session = PtySession(("sh", "-c", r"printf '\033[?2004hready'; cat"))
    terminal = Terminal(session)
    async with staged(terminal) as (_, pilot):
        await until(pilot, lambda: "ready" in terminal.text)
        terminal.post_message(events.Paste("two\nlines"))
        await until(pilot, lambda: session.written == b"\x1b[200~two\rlines\x1b[201~")


async def test_scrollback_stays_where_the_reader_is() -> None:
    terminal = shell()
    async with staged(terminal) as (_, pilot):
        await until(pilot, lambda: "$" in terminal.text)
        terminal.send(b"seq 1 200\r")
        await until(pilot, lambda: "\n200\n$" in terminal.text)
        await pilot.press("shift+pageup")
        before = terminal.text
        assert "200" not in before
        terminal.send(b"seq 300 320\r")
        await until(pilot, lambda: terminal._screen.pushed >= 200)
        assert terminal.text == before
        assert "lines back" in terminal.render_line(0).text
        await pilot.press("enter")
        assert "320" in terminal.text


async def test_only_lines_that_changed_are_drawn() -> None:
    """Fails when every frame repaints the whole screen."""
    drawn: list[int] = []

    class Counting(Terminal):
        def _draw(self, y: int):  # type: ignore[no-untyped-def]
            drawn.append(y)
            return super()._draw(y)

    terminal = Counting(PtySession(("cat",)))
    async with staged(terminal) as (_, pilot):
        await pilot.press("x")
        await until(pilot, lambda: "x" in terminal.text)
        await pilot.pause(0.05)
        drawn.clear()
        await pilot.press("y")
        await until(pilot, lambda: "xy" in terminal.text)
        await pilot.pause(0.05)
        assert set(drawn) == {0}


async def test_the_wheel_reaches_a_program_that_wants_the_mouse() -> None:
    session = PtySession(("sh", "-c", r"printf '\033[?1000h\033[?1006hready'; cat"))
    terminal = Terminal(session)
    async with staged(terminal) as (_, pilot):
        await until(pilot, lambda: "ready" in terminal.text)
        await pilot._post_mouse_events([events.MouseScrollUp], terminal, offset=(3, 4))
        await until(pilot, lambda: session.written == b"\x1b[<64;4;5M")


async def test_a_session_without_a_tty_starts_lines_at_the_left() -> None:
    class Plain(PtySession):
        tty = False

    terminal = Terminal(Plain(("sh", "-c", "stty -opost; printf 'a\nb\n'")))
    async with staged(terminal) as (_, pilot):
        await until(pilot, lambda: terminal.ended)
        assert terminal.text.splitlines()[:2] == ["a", "b"]


async def test_closing_the_terminal_lets_go_of_the_session() -> None:
    session = PtySession(("sleep", "600"))
    terminal = Terminal(session)
    async with staged(terminal) as (_, pilot):
        await pilot.pause()
        await terminal.remove()
        assert session._master == -1


async def test_vi_draws_edits_and_gives_the_shell_back() -> None:
    terminal = shell()
    async with staged(terminal, size=(60, 15)) as (_, pilot):
        await until(pilot, lambda: "$" in terminal.text)
        terminal.send(f"{BUSYBOX} vi\r".encode())
        await until(pilot, lambda: terminal.text.count("\n~") > 8)
        await pilot.press(*"ihello", "escape")
        # Back on the last letter: the editor has seen the escape as a key of its own.
        await until(pilot, lambda: terminal.text[:5] == "hello" and terminal._screen.x == 4)
        await pilot.press(*":q!", "enter")
        await until(pilot, lambda: terminal.text.startswith("$ /bin"))
        assert "~" not in terminal.text


# --- looking back ------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def counted(lines: int = 200) -> AsyncIterator[tuple[Terminal, Pilot[None]]]:
    """A shell that printed numbers."""
    terminal = shell()
    async with staged(terminal) as (_, pilot):
        await until(pilot, lambda: "$" in terminal.text)
        terminal.send(f"seq 1 {lines}\r".encode())
        await until(pilot, lambda: f"\n{lines}\n$" in terminal.text)
        yield terminal, pilot


async def test_a_search_goes_up_and_round_the_corner() -> None:
    async with counted() as (terminal, pilot):
        await pilot.press("shift+pageup", "slash", *"17.", "enter")
        assert terminal.look.text() == "177"
        assert "/ find" in terminal.render_line(23).text
        await pilot.press("n", "n")
        assert terminal.look.text() == "175"
        await pilot.press("N")
        assert terminal.look.text() == "176"
        found = {s.text for s in terminal.render_line(_row(terminal)) if s.style and s.style.bold}
        assert "176" in found
        await pilot.press("slash", *"nowhere", "enter")
        assert "not found: nowhere" in terminal.render_line(23).text
        await pilot.press("escape")
        assert terminal.text.endswith("200\n$")


def _row(terminal: Terminal) -> int:
    return terminal.look.number - terminal.look.shown(0)


async def test_lines_are_copied_by_keys() -> None:
    async with counted() as (terminal, pilot):
        await pilot.press("shift+pageup", "g", "j", "j", "v", "j", "j", "y")
        assert terminal.app.clipboard == "2\n3\n4"
        assert not terminal.look.reading
        await pilot.press("shift+pageup", "Y")
        assert terminal.app.clipboard.splitlines()[1:201] == [str(n) for n in range(1, 201)]


async def test_other_keys_are_typed_after_all() -> None:
    async with counted() as (terminal, pilot):
        await pilot.press("shift+pageup", *"echo", "space")
        await until(pilot, lambda: "$ echo" in terminal.text)
        assert not terminal.look.reading


async def test_a_word_is_copied_by_two_clicks_and_text_by_dragging() -> None:
    terminal = shell("printf", r"see /etc/host-s.conf, please\r\nmore")
    async with staged(terminal) as (_, pilot):
        await until(pilot, lambda: "exited" in terminal.text)
        await pilot.click(terminal, offset=(8, 0), times=2)
        assert terminal.app.clipboard == "/etc/host-s.conf"
        await pilot.mouse_down(terminal, offset=(22, 0))
        await pilot.hover(terminal, offset=(2, 1))
        await pilot.mouse_up(terminal, offset=(2, 1))
        assert terminal.app.clipboard == "please\nmor"


async def test_a_dragged_mouse_is_the_programs_when_it_asked() -> None:
    session = PtySession(("sh", "-c", r"printf '\033[?1002h\033[?1006hready'; stty raw; cat"))
    terminal = Terminal(session)
    async with staged(terminal) as (_, pilot):
        await until(pilot, lambda: "ready" in terminal.text)
        await pilot.hover(terminal, offset=(1, 1))
        await pilot.mouse_down(terminal, offset=(3, 4))
        await pilot.hover(terminal, offset=(5, 4))
        await pilot.mouse_up(terminal, offset=(5, 4))
        moves = b"\x1b[<0;4;5M\x1b[<32;6;5M\x1b[<0;6;5m"
        await until(pilot, lambda: session.written == moves)
        assert terminal.app.clipboard == ""


async def test_a_flood_leaves_the_interface_its_turns() -> None:
    """Seen to fail (nothing seen in between) without `asyncio.sleep` in `_take_turns`."""

    asked = asyncio.Event()

    class Flood(PtySession):
        async def output(self) -> AsyncIterator[tuple[str, bytes]]:
            await asked.wait()
            yield "stdout", b"y\r\n" * 500_000

    terminal = Terminal(Flood(("sleep", "600")))
    seen: set[int] = set()
    async with staged(terminal) as (_, pilot):
        asked.set()
        while terminal._screen.pushed < 490_000:
            seen.add(terminal._screen.pushed)
            await pilot.pause(0)
    assert len(seen) > 5


async def test_yes_ends_by_a_key() -> None:
    terminal = shell("yes")
    async with staged(terminal) as (stage, pilot):
        await until(pilot, lambda: terminal._screen.pushed > 100_000)
        await pilot.press("ctrl+c")
        await until(pilot, lambda: bool(stage.heard(Terminal.Ended)))
        assert stage.heard(Terminal.Ended)[0].code == 130


# --- programs that people run --------------------------------------------------------------------


def needs(program: str) -> None:
    """Leave a test out where a program is missing that `scripts/packages` installs."""
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}")


async def test_vim_writes_a_file(tmp_path: Path) -> None:
    needs("vim")
    terminal = shell("vim", "-u", "NONE", "-N", str(tmp_path / "poem"))
    async with staged(terminal, size=(80, 20)) as (stage, pilot):
        await until(pilot, lambda: terminal.text.count("\n~") > 10)
        terminal.send(b":set number showmode\ri")
        await until(pilot, lambda: "-- INSERT --" in terminal.text)
        terminal.send("Über 漢字\rline two".encode())
        await until(pilot, lambda: "2 line two" in terminal.text)
        terminal.send(b"\x1bggyyp")
        await until(pilot, lambda: terminal.text.count("漢字") == 2)
        terminal.send(b":wq\r")
        await until(pilot, lambda: bool(stage.heard(Terminal.Ended)))
        assert (tmp_path / "poem").read_text() == "Über 漢字\nÜber 漢字\nline two\n"


async def test_less_scrolls_and_searches(tmp_path: Path) -> None:
    needs("less")
    (tmp_path / "text").write_text("".join(f"number {n}\n" for n in range(1, 400)))
    terminal = shell("less", str(tmp_path / "text"))
    async with staged(terminal, size=(60, 10)) as (_, pilot):
        await until(pilot, lambda: terminal.text.startswith("number 1\n"))
        await pilot.press("space")
        await until(pilot, lambda: terminal.text.startswith("number 10\n"))
        terminal.post_message(events.MouseScrollUp(terminal, 3, 3, 0, -1, 0, False, False, False))
        await until(pilot, lambda: terminal.text.startswith("number 7\n"))
        terminal.send(b"/number 300\r")
        await until(pilot, lambda: terminal.text.startswith("number 300\n"))
        terminal.send(b"G")
        await until(pilot, lambda: "number 399" in terminal.text)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("htop",), ("CPU", "Mem[", "F10", "PID")),
        (("top",), ("load average", "MiB Mem", "PID USER")),
        (("nano", "--ignorercfiles"), ("GNU nano", "^X Exit", "^K Cut")),
    ],
)
async def test_programs_paint_their_screens(command: tuple[str, ...], words: Sequence[str]) -> None:
    needs(command[0])
    terminal = shell(*command)
    async with staged(terminal, size=(120, 30)) as (_, pilot):
        await until(pilot, lambda: all(word in terminal.text for word in words))
        await pilot.resize_terminal(100, 24)
        await until(pilot, lambda: all(word in terminal.text for word in words))
