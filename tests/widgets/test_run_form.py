"""The run form: prefilled from the image, honest about problems, one Enter from running."""

from __future__ import annotations

from typing import Any

import pytest
from textual.widgets import Button, Input, Static

from tests.widgets.stage import Stage, staged
from tests.widgets.test_dialogs import UNANSWERED, asked
from tuidock.engine.types import ContainerSpec, Image, Limits, Platform
from tuidock.widgets import run_form
from tuidock.widgets.run_form import RunForm
from tuidock.widgets.run_spec import Fields

NGINX = Image(
    "sha256:" + "a" * 64,
    ("docker.io/library/nginx:latest",),
    (),
    0.0,
    1,
    Platform("linux", "amd64"),
    (),
    {},
    ("nginx", "-g", "daemon off;"),
)


@pytest.fixture(autouse=True)
def _as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests, the form is root's."""
    monkeypatch.setattr(run_form, "USUAL_NETWORK", "bridge")


async def test_an_ordinary_user_is_offered_what_it_can_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_form, "USUAL_NETWORK", "none")
    async with asked(RunForm("busybox")) as (stage, *_):
        assert preview(stage) == "$ tuidock run -d --network none busybox"


def preview(stage: Stage) -> str:
    return str(stage.screen.query_one(".preview", Static).render())


async def test_the_image_fills_in_what_it_knows() -> None:
    async with asked(RunForm(NGINX)) as (stage, pilot, got):
        assert stage.screen.query_one("#command", Input).placeholder == "nginx -g daemon off;"
        assert preview(stage) == "$ tuidock run -d docker.io/library/nginx:latest"
        await pilot.press("enter")
        assert got.value == ContainerSpec("docker.io/library/nginx:latest")


async def test_the_command_line_follows_the_typing() -> None:
    async with asked(RunForm("busybox")) as (stage, pilot, got):
        await pilot.press(*"web", "tab", *"sleep 9", "tab", "tab", "tab", "tab", *"64m")
        assert preview(stage) == "$ tuidock run -d --name web -m 64m busybox sleep 9"
        await pilot.press("ctrl+s")
        spec: Any = got.value
        assert spec.limits == Limits(memory=64 * 2**20)


async def test_a_problem_is_told_beside_its_field_and_holds_the_run_back() -> None:
    async with asked(RunForm("busybox")) as (stage, pilot, got):
        await pilot.press("tab", "tab", "tab", *"99999", "enter")
        await pilot.pause()
        assert got.value is UNANSWERED
        assert "1 to 65535" in str(stage.screen.query_one("#field-ports .problem", Static).render())
        assert stage.screen.query_one("#yes", Button).disabled
        assert preview(stage) == "one thing to put right"
        assert stage.focused is stage.screen.query_one("#ports")


async def test_choices_turn_with_space_and_arrows() -> None:
    async with asked(RunForm("busybox")) as (stage, pilot, got):
        stage.screen.query_one("#network").focus()
        await pilot.press("right", "right", "tab", "space", "tab", "space", "tab", "left", "left")
        assert preview(stage) == "$ tuidock run -d -it --network none --restart on-failure busybox"
        await pilot.press("escape")
        assert got.value is None


async def test_a_form_like_another_container() -> None:
    like = Fields("ignored", name="web", network="host", tty=True, remove=True)
    async with asked(RunForm("busybox", like)) as (stage, *_):
        assert preview(stage) == "$ tuidock run -d -it --rm --name web --network host busybox"


async def test_everything_is_reachable_on_a_small_terminal() -> None:
    async with staged(size=(80, 24)) as (stage, pilot):
        stage.push_screen(RunForm(NGINX))
        await pilot.pause()
        for name in ("#name", "#remove", "#yes", ".preview"):
            region = stage.screen.query_one(name).region
            assert stage.screen.region.contains_region(region)
