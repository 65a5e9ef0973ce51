"""Outline: folds and cursor belong to keys, only what differs is laid out and painted again."""

from __future__ import annotations

from rich.cells import cell_len

from tests.widgets.stage import lines_of, staged
from tuidock.widgets.outline import Item, Outline
from tuidock.widgets.outline_lines import lines, widths
from tuidock.widgets.outline_model import OutlineModel

TREE = (
    Item("a", 0, "A", folds=True),
    Item("a/1", 1, "one", "left", "right", "What for; without it, what."),
    Item("a/2", 1, "two", folds=True, closed=True),
    Item("a/2/x", 2, "deep", "needle"),
    Item("b", 0, "B", folds=True),
    Item("b/1", 1, "three"),
)


def model() -> OutlineModel:
    made = OutlineModel()
    made.replace(TREE)
    return made


def keys(made: OutlineModel) -> list[str]:
    return [each.key for each in made.shown]


def test_what_is_closed_hides_what_is_below() -> None:
    made = model()
    assert keys(made) == ["a", "a/1", "a/2", "b", "b/1"]
    assert made.fold("a/2", closed=False)
    assert "a/2/x" in keys(made)
    assert made.fold("a", closed=True)
    assert keys(made) == ["a", "b", "b/1"]
    assert not made.fold("a", closed=True)
    assert not made.fold("b/1", closed=True), "there is nothing to fold"


def test_folds_and_cursor_stay_when_items_are_given_again() -> None:
    made = model()
    made.fold("a", closed=True)
    made.move_to(2)
    made.replace((*TREE[:4], Item("new", 0, "New"), *TREE[4:]))
    assert keys(made) == ["a", "new", "b", "b/1"]
    assert made.current == TREE[5]


def test_a_cursor_whose_item_is_gone_stays_near() -> None:
    made = model()
    made.move_to(4)
    made.replace(TREE[:2])
    assert made.current == TREE[1]
    made.replace(())
    assert made.current is None


def test_a_search_finds_what_is_folded_and_opens_it() -> None:
    made = model()
    assert made.search("NEEDLE") == ["a/2/x"]
    made.reveal("a/2/x")
    assert made.current == TREE[3]
    assert made.search("without it") == ["a/1"], "in the words, when there is none in the facts"
    assert made.search("e") == ["a/1", "a/2/x", "b/1"]
    assert made.search("") == []


def test_equal_words_in_a_row_are_told_once() -> None:
    """Where the cursor is, if it is there. Fails when the cursor's line always tells its own."""
    made = OutlineModel()
    made.replace([Item(str(at), 1, "", words=said) for at, said in enumerate("aaabba")] + [TREE[0]])
    assert made.bearers() == {0, 3, 5}
    made.move_to(2)
    assert made.bearers() == {2, 3, 5}
    made.move_to(6)
    assert made.bearers() == {0, 3, 5}, "who has no words tells none"


def test_nothing_is_cut_away() -> None:
    item = Item("k", 2, "a label that is long", "value " * 30, "host " * 30, "Word " * 40 + ".")
    for width in (40, 80, 99, 100, 140, 200):
        room = widths(width)
        found = lines(item, "  ", room, words=True, first=False)
        said = "".join(text for line in found for text, _ in line)
        assert (said.count("value"), said.count("Word")) == (30, 40)
        assert said.count("host") >= 30
        assert max(sum(cell_len(text) for text, _ in line) for line in found) <= width


def test_the_widths_fill_the_screen() -> None:
    for width in range(40, 250):
        assert widths(width).all == width


def test_control_characters_cannot_command_the_terminal() -> None:
    """Fails when values are shown as they came: take `plain` out of `_wrapped`."""
    found = lines(Item("k", 1, "a\x1b[2J", "b\x1b]52;c;eA==\x07", "c\x9b", "d\x1b."), "  ",
                  widths(120), words=True, first=False)  # fmt: skip
    said = "".join(text for line in found for text, _ in line)
    assert not any(sign in said for sign in "\x1b\x07\x9b")


async def test_only_what_differs_is_painted() -> None:
    class Counting(Outline):
        asked = 0

        def render_line(self, y):  # type: ignore[no-untyped-def]
            self.asked += 1
            return super().render_line(y)

    widget = Counting(("container", "host"))
    async with staged(widget) as (_, pilot):
        widget.set_items(TREE)
        await pilot.pause()
        widget.asked = 0
        widget.set_items(TREE)
        await pilot.pause()
        assert widget.asked == 0
        widget.set_items((TREE[0], TREE[1]._replace(left="other"), *TREE[2:]))
        await pilot.pause()
        assert 0 < widget.asked < 4
        assert any("other" in line for line in lines_of(widget))


async def test_keys_move_fold_and_leave() -> None:
    widget = Outline()
    async with staged(widget) as (stage, pilot):
        widget.set_items(TREE)
        await pilot.press("j", "j", "l")
        assert [each.key for each in widget.shown][3] == "a/2/x"
        await pilot.press("j", "h")
        assert widget.current == TREE[2]
        await pilot.press("h", "h", "h")
        assert [each.key for each in widget.shown] == ["a", "b", "b/1"]
        await pilot.press("h")
        assert len(stage.heard(Outline.Leave)) == 1
        await pilot.press("G")
        assert widget.current == TREE[5]
        await pilot.press("left_curly_bracket")
        assert widget.current == TREE[4]
