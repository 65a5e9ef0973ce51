"""Dialogs: Escape is "never mind", danger is never the default, problems are told in words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from tests.widgets.stage import Stage, staged
from tuidock.engine.errors import EngineError, PortInUse
from tuidock.widgets.dialogs import Ask, Choose, Confirm, Dialog, Failure, cause_chain

UNANSWERED = object()


class Answer:
    """What a dialog was dismissed with."""

    value: Any = UNANSWERED


@asynccontextmanager
async def asked(dialog: Dialog[Any]) -> AsyncIterator[tuple[Stage, Pilot[None], Answer]]:
    answer = Answer()
    async with staged() as (stage, pilot):
        stage.push_screen(dialog, lambda value: setattr(answer, "value", value))
        await pilot.pause()
        yield stage, pilot, answer


@pytest.mark.parametrize(
    ("dangerous", "keys", "answer"),
    [
        (False, ["enter"], True),
        (True, ["enter"], False),
        (True, ["y"], True),
        (False, ["n"], False),
        (True, ["tab", "enter"], True),
        (True, ["right", "enter"], True),
        (False, ["escape"], None),
    ],
)
async def test_confirm(dangerous: bool, keys: list[str], answer: bool | None) -> None:
    async with asked(Confirm("Remove web?", dangerous=dangerous)) as (_, pilot, got):
        await pilot.press(*keys)
        assert got.value is answer


async def test_a_deed_is_named_on_its_button() -> None:
    async with asked(Confirm("Remove web?", "all of it", yes="Remove")) as (stage, _, _answer):
        labels = [str(button.label) for button in stage.screen.query(Button)]
        assert labels == ["Cancel", "Remove"]


def no_spaces(text: str) -> str:
    return "no spaces, please" if " " in text else "" if text else "say something"


async def test_ask_says_what_is_wrong_and_waits() -> None:
    async with asked(Ask("Name?", "web", validate=no_spaces)) as (stage, pilot, got):
        await pilot.press("end", "space", "x")
        problem = stage.screen.query_one(".problem", Static)
        assert str(problem.render()) == "no spaces, please"
        await pilot.press("enter")
        assert got.value is UNANSWERED
        await pilot.press("backspace", "backspace", "enter")
        assert got.value == "web"


async def test_ask_does_not_blame_an_empty_line_before_enter() -> None:
    async with asked(Ask("Name?", validate=no_spaces)) as (stage, pilot, got):
        problem = stage.screen.query_one(".problem", Static)
        assert str(problem.render()) == ""
        await pilot.press("enter")
        assert str(problem.render()) == "say something"
        await pilot.press("escape")
        assert got.value is None


async def test_choose_starts_where_it_is_told() -> None:
    options = [("KILL", "kill it"), ("TERM", "ask it"), ("HUP", "reload")]
    async with asked(Choose("Signal", options, first="TERM")) as (_, pilot, got):
        await pilot.press("j", "enter")
        assert got.value == "HUP"


async def test_choose_can_be_left() -> None:
    async with asked(Choose("Signal", [("a", "a")])) as (_, pilot, got):
        await pilot.press("escape")
        assert got.value is None


def failed() -> EngineError:
    try:
        try:
            raise OSError(98, "Address already in use")
        except OSError as error:
            raise PortInUse("0.0.0.0", 8080) from error
    except PortInUse as error:
        return error


async def test_a_failure_tells_what_and_what_to_do_and_folds_why() -> None:
    async with asked(Failure(failed())) as (stage, pilot, got):
        said = str(stage.screen.query_one(".message", Static).render())
        assert said == "Bind for 0.0.0.0:8080 failed: port is already allocated"
        assert "another port" in str(stage.screen.query_one(".hint", Static).render())
        assert "Errno 98" in str(stage.screen.query_one(".details", Static).render())
        await pilot.press("y")
        assert stage.clipboard.splitlines()[-1] == "OSError: [Errno 98] Address already in use"
        await pilot.press("enter")
        assert got.value is None


async def test_markup_in_a_message_is_text() -> None:
    """Fails when messages are rendered as markup: `[/]` would raise."""
    async with asked(Failure(EngineError("No such image: [red]x[/]", "try [/]"))) as (stage, *_):
        assert "[red]x[/]" in str(stage.screen.query_one(".message", Static).render())


def test_the_chain_of_causes_is_bounded() -> None:
    assert cause_chain(failed()) == ["OSError: [Errno 98] Address already in use"]
    assert cause_chain(EngineError("alone")) == []


async def test_typing_in_ask_never_answers_other_dialogs() -> None:
    async with asked(Ask("Name?")) as (stage, pilot, got):
        await pilot.press(*"yn")
        assert stage.screen.query_one(Input).value == "yn"
        assert got.value is UNANSWERED


async def test_a_second_answer_ends_nothing_else() -> None:
    """Seen to fail without `Modal.dismiss`: Textual then pops the first screen, and ends."""
    options = [("KILL", "kill it"), ("TERM", "ask it")]
    dialog = Choose("Signal", options, keys={"k": "KILL", "t": "TERM"})
    async with asked(dialog) as (stage, pilot, got):
        stage.simulate_key("t")
        stage.simulate_key("k")
        await pilot.pause()
        assert got.value == "TERM"
