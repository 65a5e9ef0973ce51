"""Terminal on real commands: a shell, vi, the keys, the size, the end."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding

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
        await until(pilot, lambda: terminal.text[:5] == "hello" and terminal._screen.cursor.x == 4)
        await pilot.press(*":q!", "enter")
        await until(pilot, lambda: terminal.text.startswith("$ /bin"))
        assert "~" not in terminal.text
