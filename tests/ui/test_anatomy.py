"""The anatomy on the screen: sections, sentences, what moves, and nothing read out of sight."""

from __future__ import annotations

from tests.ui.conftest import Stage, staged
from tuidock.anatomy_lines.sections import SECTIONS, items, values
from tuidock.engine.anatomy import CgroupFile, Living
from tuidock.screens.anatomy import AnatomyTab
from tuidock.screens.detail import Detail
from tuidock.widgets.outline import Item, Outline


def outline(stage: Stage) -> Outline:
    return stage.app.screen.query_one(Outline)


async def opened(stage: Stage, name: str = "web") -> None:
    stage.app.go_to(stage.container(name).id)
    await stage.press("M")
    it = stage.container(name)
    await stage.until(lambda: stage.world.anatomy is not None and stage.world.anatomy.id == it.id)
    await stage.until(lambda: outline(stage).shown)


def titles(stage: Stage) -> list[str]:
    return [each.key for each in outline(stage).shown if each.depth == 0]


async def test_it_takes_the_whole_screen_with_all_its_sections(stage: Stage) -> None:
    await opened(stage)
    assert isinstance(stage.focused, Outline)
    assert stage.app.screen.has_class("-full", "-grow-detail")
    assert titles(stage) == list(SECTIONS)
    assert stage.shows("How it was born")
    assert stage.shows("furnish the root")
    assert stage.shows("without it, the command would find the host's files.")
    await stage.press("escape")
    assert not stage.app.screen.has_class("-full")


async def test_every_line_has_its_words_also_of_the_fake_engine(stage: Stage) -> None:
    await opened(stage)
    await stage.until(lambda: stage.world.living)
    world, it = stage.world, stage.container("web")
    found = items(it, world.anatomy, world.living, {}, "")
    assert [each.key for each in found if each.depth and not each.words] == []


async def test_container_and_host_stand_side_by_side_or_one_below_the_other(stage: Stage) -> None:
    await opened(stage)
    await stage.until(lambda: stage.world.living)
    await stage.press("right_curly_bracket", "right_curly_bracket", "j")
    row = next(line for line in stage.text().splitlines() if "uid 0" in line)
    assert "uid 536870912" in row
    async with staged(size=(80, 24)) as narrow:
        await opened(narrow)
        await narrow.until(lambda: narrow.world.living)
        await narrow.press("right_curly_bracket", "right_curly_bracket", "j")
        assert narrow.shows("host  uid 536870912")
        assert "536870912" not in next(x for x in narrow.text().splitlines() if "uid 0" in x)


async def test_sections_fold_and_stay_so(stage: Stage) -> None:
    await opened(stage)
    await stage.until(lambda: stage.world.living)
    before = len(outline(stage).shown)
    await stage.press("enter")
    folded = len(outline(stage).shown)
    assert folded < before
    await stage.turn(3)
    assert len(outline(stage).shown) == folded
    await stage.press("minus")
    assert titles(stage) == [each.key for each in outline(stage).shown]
    await stage.press("asterisk")
    assert len(outline(stage).shown) > before


async def test_a_step_opens_down_to_its_system_calls(stage: Stage) -> None:
    await opened(stage)
    await stage.press("slash", *"pivot")
    assert stage.shows("pivot into the root")
    assert outline(stage).matches[1] > 0
    await stage.press("enter", "enter")
    assert stage.shows("pivot(...) = 0")


async def test_search_goes_from_match_to_match(stage: Stage) -> None:
    await opened(stage)
    await stage.until(lambda: stage.world.living)
    await stage.press("slash", *"namespace", "enter")
    first, count = outline(stage).matches
    assert count > 2
    assert stage.shows(f"{first} of {count}")
    await stage.press("n")
    assert outline(stage).matches == (first + 1, count)
    await stage.press("N")
    assert outline(stage).matches == (first, count)
    await stage.press("slash", "escape")
    assert outline(stage).matches == (0, 0)
    assert not stage.shows(f" of {count}")
    await stage.press("slash", *"zzz")
    assert stage.shows("found nowhere")
    await stage.press("escape")
    assert isinstance(stage.focused, Outline)


async def test_words_are_on_all_lines_or_on_the_chosen_one(stage: Stage) -> None:
    await opened(stage)
    await stage.until(lambda: stage.world.living)
    sentence = "Prepares the cgroup with its limits before anybody is in it;"
    await stage.press("j")
    assert stage.shows(sentence)
    await stage.press("w")
    assert not stage.shows(sentence)
    await stage.press("j")
    assert stage.shows(sentence)


async def test_a_stopped_container_tells_what_is_left(stage: Stage) -> None:
    it = next(each for each in stage.world.containers.values() if not each.pid and each.started)
    await opened(stage, it.name)
    assert stage.world.living is None
    assert stage.shows("How it was born")
    await stage.press("right_curly_bracket")
    assert stage.shows("s starts it")


async def test_nothing_is_read_out_of_sight(stage: Stage) -> None:
    """Fails when the tab's worker is not ended: take `cancel_node` out of `Tab.sleep`."""
    await opened(stage)
    await stage.until(lambda: stage.world.living)
    tab = stage.app.screen.query_one(AnatomyTab)

    def reads() -> list[str]:
        return [
            each.name for each in stage.app.workers if each.node is tab and not each.is_finished
        ]

    assert reads()
    stage.app.screen.query_one(Detail).open("logs")
    await stage.until(lambda: not reads())


async def test_the_palette_knows_it(stage: Stage) -> None:
    await stage.press("ctrl+p", *"anatomy")
    await stage.until(lambda: stage.shows("How it is made, live"))


async def test_what_changed_is_marked_until_the_next_look(stage: Stage) -> None:
    await opened(stage)
    await stage.until(lambda: stage.world.living)
    world, it = stage.world, stage.container("web")
    one = _with(world.living, "pids.current", "1")
    two = _with(world.living, "pids.current", "2")

    def changed(now: Living, before: Living | None) -> list[Item]:
        past = values(items(it, world.anatomy, before, {}, "")) if before else {}
        return [each for each in items(it, world.anatomy, now, past, "") if each.changed]

    assert changed(one, None) == []
    assert [each.left for each in changed(two, one)] == ["2"]
    assert changed(two, two) == []


def _with(living: Living | None, name: str, value: str) -> Living:
    assert living
    others = tuple(each for each in living.cgroup if each.name != name)
    return living._replace(cgroup=(*others, CgroupFile("/sys/fs/cgroup", 2, name, value)))
