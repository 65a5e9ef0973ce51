"""The terminal's state: what xterm programs expect, and nothing that can be sent breaks it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuidock.widgets import terminal_keys as keys
from tuidock.widgets.terminal_screen import Feed, TerminalScreen


class Tube:
    """A screen with its feed, and what it answered."""

    def __init__(self, columns: int = 20, lines: int = 5) -> None:
        self.answers: list[str] = []
        self.screen = TerminalScreen(columns, lines, self.answers.append)
        self._feed = Feed(self.screen)

    def print(self, *texts: str) -> Tube:
        for text in texts:
            self.take(text.encode())
        return self

    def take(self, data: bytes) -> None:
        self._feed.feed(data)

    @property
    def rows(self) -> list[str]:
        """As it is drawn; pyte's own `display` does not know what half of a wide letter is."""
        lines = (self.screen.buffer[y] for y in range(self.screen.lines))
        columns = range(self.screen.columns)
        return ["".join(line[x].data for x in columns).rstrip() for line in lines]


def test_text_wraps_and_scrolls_into_the_history() -> None:
    tube = Tube(5, 2).print("abcdefg\r\nh\r\ni")
    assert tube.rows == ["h", "i"]
    kept = ["".join(line[x].data for x in range(5)).rstrip() for line in tube.screen.history]
    assert kept == ["abcde", "fg"]


def test_styles_change_between_letters() -> None:
    tube = Tube().print("a\x1b[1;38;5;208mb\x1b[0;48;2;1;2;3mc\x1b[md")
    a, b, c, d = (tube.screen.buffer[0][x] for x in range(4))
    assert (a.fg, a.bold) == ("default", False)
    assert (b.fg, b.bold) == ("ff8700", True)
    assert (c.fg, c.bg) == ("default", "010203")
    assert d[1:] == a[1:]


def test_the_alternate_screen_gives_the_first_one_back() -> None:
    tube = Tube().print("shell$ vi\r\n", "\x1b[?1049h\x1b[H\x1b[2Jfull screen\r\n" + "x\r\n" * 20)
    assert "shell$ vi" not in tube.rows
    assert not tube.screen.history
    tube.print("\x1b[?1049l")
    assert tube.rows[0] == "shell$ vi"
    assert tube.screen.cursor.y == 1


@pytest.mark.parametrize(
    ("sent", "first"),
    [
        ("\x1b[>4;2mplain", "plain"),  # modifyOtherKeys: pyte alone underlines everything
        ("\x1b[?4mplain", "plain"),  # its query: pyte alone raises
        ("\x1b[=1uplain", "plain"),
        ("\x1bP+q544e\x1b\\plain", "plain"),  # XTGETTCAP: pyte alone prints it
        ("\x1b]0;a title\x07plain", "plain"),
        ("\x1b]52;c;aGk=\x1b\\plain", "plain"),
        ("\x1b_payload\x1b\\plain", "plain"),
        ("\x1b[!pplain", "plain"),
        ("\x1b[2 qplain", "plain"),
        ("\x1bkname\x1b\\plain", "plain"),
        ("\x1b[1;1;3;4Hplain", "plain"),
        ("\x1b(Bplain", "plain"),
        ("\x1b[4:3mplain", "plain"),
    ],
)
def test_what_is_not_understood_is_not_shown(sent: str, first: str) -> None:
    """Each fails without `Feed`'s filter."""
    tube = Tube().print(sent)
    assert tube.rows[0] == first


def test_vim_asking_for_keys_does_not_underline() -> None:
    tube = Tube().print("\x1b[>4;2mx")
    assert not tube.screen.buffer[0][0].underscore


def test_colons_in_colours() -> None:
    tube = Tube().print("\x1b[38:2::1:2:3ma\x1b[38:5:208mb\x1b[4:0mc")
    assert tube.screen.buffer[0][0].fg == "010203"
    assert tube.screen.buffer[0][1].fg == "ff8700"
    assert not tube.screen.buffer[0][2].underscore


def test_a_sequence_may_come_in_pieces() -> None:
    tube = Tube().print("a\x1b", "[3", "1", "mb\x1b]0;ti", "tle\x07c")
    assert tube.rows[0] == "abc"
    assert tube.screen.buffer[0][1].fg == "red"


def test_line_drawing_is_drawn_in_utf8_too() -> None:
    tube = Tube().print("\x1b(0lqqk\x1b(Bq", "\x1b)0\x0ex\x0fx")
    assert tube.rows[0] == "┌──┐q│x"


def test_scrolling_a_region() -> None:
    tube = Tube(5, 4).print("a\r\nb\r\nc\r\nd\x1b[2;3r\x1b[2;1H\x1b[S")
    assert tube.rows == ["a", "c", "", "d"]
    assert tube.print("\x1b[T").rows == ["a", "", "c", "d"]
    assert not tube.screen.history


def test_repeat_and_back_tab() -> None:
    assert Tube().print("-\x1b[4b|").rows[0] == "-----|"
    assert Tube().print("\x1b[12G\x1b[Zx").rows[0] == "        x"


def test_reports_are_answered() -> None:
    tube = Tube().print("ab\x1b[6n\x1b[5n\x1b[c\x1b[>c")
    assert tube.answers == ["\x1b[1;3R", "\x1b[0n", "\x1b[?62;22c"]


def test_a_smaller_window_keeps_the_prompt() -> None:
    """Pyte drops as many lines at the top as the window lost, prompt or not."""
    tube = Tube(20, 10).print("one\r\ntwo\r\n$ ")
    tube.screen.resize(5, 20)
    assert tube.rows[:3] == ["one", "two", "$"]
    tube.screen.resize(2, 20)
    assert tube.rows == ["two", "$"]
    assert len(tube.screen.history) == 1
    assert tube.screen.cursor.y == 1


def test_wide_and_combined_letters() -> None:
    tube = Tube().print("中e\u0301文")
    assert tube.rows[0] == "中é文"


def test_without_autowrap_the_last_column_is_written_over() -> None:
    assert Tube(5, 2).print("\x1b[?7labcdefgh").rows == ["abcdh", ""]


@given(st.lists(st.binary(max_size=80), max_size=8))
def test_any_bytes_are_taken(chunks: list[bytes]) -> None:
    tube = Tube(10, 4)
    for chunk in chunks:
        tube.take(chunk)
    assert len(tube.rows) == 4


SEQUENCES = st.builds(
    lambda start, parameters, between, final: f"{start}{parameters}{between}{final}x",
    st.sampled_from(["\x1b[", "\x1b[?", "\x1b[>", "\x1b", "\x1b]", "\x1bP", "\x1b#", "\x9b"]),
    st.text("0123456789;:", max_size=8),
    st.sampled_from(["", " ", "!", "$", "\x18", "\n"]),
    st.characters(min_codepoint=0x20, max_codepoint=0x7F),
)


@given(st.lists(SEQUENCES, max_size=12), st.integers(1, 12), st.integers(1, 6))
def test_any_sequence_is_taken(sequences: list[str], columns: int, lines: int) -> None:
    tube = Tube(columns, lines)
    for sequence in sequences:
        tube.print(sequence)
        tube.screen.resize(lines, columns)
    assert len(tube.rows) == lines
    assert 0 <= tube.screen.cursor.y < lines


@pytest.mark.parametrize(("save", "restore"), [("\x1b7", "\x1b8"), ("\x1b[s", "\x1b[u")])
def test_one_place_of_the_cursor_is_kept(save: str, restore: str) -> None:
    """Seen to fail (TypeError) where pyte's own methods take the sequences with parameters."""
    tube = Tube(10, 3)
    tube.print(restore + "ab" + save * 1000 + "cd" + restore + "x" + restore + "y")
    assert tube.rows[0] == "abyd"
    assert len(tube.screen.savepoints) == 1


@pytest.mark.parametrize("sequence", ["\x1b[4J", "\x1b[3K", "\x1b[?9K"])
def test_unknown_ways_of_erasing_erase_nothing(sequence: str) -> None:
    """Seen to fail (UnboundLocalError in pyte) without `_KINDS`."""
    assert Tube().print("ab" + sequence).rows[0] == "ab"


def test_an_unfinished_sequence_is_not_kept_for_ever() -> None:
    tube = Tube()
    for _ in range(200):
        tube.print("\x1b]0;" + "x" * 1000)
    assert len(tube._feed._held) <= 8192


# --- keys ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "character", "sent"),
    [
        ("a", "a", b"a"),
        ("é", "é", "é".encode()),
        ("enter", "\r", b"\r"),
        ("ctrl+c", "\x03", b"\x03"),
        ("ctrl+@", None, b"\0"),
        ("ctrl+right_square_bracket", None, b"\x1d"),
        ("backspace", "\x7f", b"\x7f"),
        ("shift+tab", None, b"\x1b[Z"),
        ("up", None, b"\x1b[A"),
        ("ctrl+left", None, b"\x1b[1;5D"),
        ("f1", None, b"\x1bOP"),
        ("f5", None, b"\x1b[15~"),
        ("shift+f5", None, b"\x1b[15;2~"),
        ("delete", None, b"\x1b[3~"),
        ("alt+b", None, b"\x1bb"),
        ("alt+backspace", None, b"\x1b\x7f"),
        ("question_mark", "?", b"?"),
        ("plus", "+", b"+"),
        ("unheard_of", None, b""),
    ],
)
def test_keys_send_what_xterm_sends(key: str, character: str | None, sent: bytes) -> None:
    assert keys.encode(key, character, application=False) == sent


def test_application_cursor_keys() -> None:
    assert keys.encode("up", None, application=True) == b"\x1bOA"
    assert keys.encode("ctrl+up", None, application=True) == b"\x1b[1;5A"


def test_a_paste_cannot_leave_its_brackets() -> None:
    """Fails when ESC is let through: the rest of the paste would be typed."""
    assert keys.paste("a\x1b[201~b\n", bracketed=True) == b"\x1b[200~a[201~b\r\x1b[201~"


def test_the_mouse_in_both_forms() -> None:
    assert keys.mouse(0, 4, 2, pressed=True, sgr=True) == b"\x1b[<0;5;3M"
    assert keys.mouse(0, 4, 2, pressed=False, sgr=True) == b"\x1b[<0;5;3m"
    assert keys.mouse(0, 4, 2, pressed=True, sgr=False) == b"\x1b[M %#"
    assert keys.mouse(0, 400, 2, pressed=True, sgr=False) == b""
