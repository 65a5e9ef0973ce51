"""The run form: prefilled from the image, honest about problems, one Enter from running."""

from __future__ import annotations

from typing import Any

from textual.widgets import Button, Input, Static

from tests.widgets.stage import Stage, staged
from tests.widgets.test_dialogs import UNANSWERED, asked
from tuidock.engine.types import ContainerSpec, Image, Limits, Platform
from tuidock.widgets.run_field import Field, Group
from tuidock.widgets.run_form import Order, RunForm
from tuidock.widgets.run_spec import values_of

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


def preview(stage: Stage) -> str:
    return str(stage.screen.query_one(".preview", Static).render())


def problem(stage: Stage, name: str) -> str:
    return str(stage.screen.query_one(f"#field-{name} .problem", Static).render())


async def test_the_image_fills_in_what_it_knows() -> None:
    async with asked(RunForm(NGINX)) as (stage, pilot, got):
        assert stage.screen.query_one("#command", Input).placeholder == "nginx -g daemon off;"
        assert preview(stage) == "$ tuidock run -d docker.io/library/nginx:latest"
        await pilot.press("enter")
        spec = ContainerSpec("docker.io/library/nginx:latest", network="default")
        assert got.value == Order(spec, True, {})


async def test_the_command_line_follows_the_typing() -> None:
    async with asked(RunForm("busybox")) as (stage, pilot, got):
        await pilot.press(*"web", "tab", *"sleep 9", "tab", "tab", "tab", "tab", *"64m")
        assert preview(stage) == "$ tuidock run -d --name web -m 64m busybox sleep 9"
        await pilot.press("ctrl+s")
        order: Any = got.value
        assert order.spec.limits == Limits(memory=64 * 2**20)
        assert order.values == {"name": "web", "command": "sleep 9", "memory": "64m"}


async def test_a_problem_is_told_beside_its_field_and_holds_the_run_back() -> None:
    async with asked(RunForm("busybox")) as (stage, pilot, got):
        await pilot.press("tab", "tab", "tab", *"99999", "enter")
        await pilot.pause()
        assert got.value is UNANSWERED
        assert "invalid containerPort: 99999" in problem(stage, "publish")
        assert stage.screen.query_one("#yes", Button).disabled
        assert preview(stage) == "one thing to put right"
        assert stage.focused is stage.screen.query_one("#publish")


async def test_choices_turn_with_space_and_arrows() -> None:
    async with asked(RunForm("busybox")) as (stage, pilot, got):
        stage.screen.query_one("#network").focus()
        keys = ["right"] * 3 + ["tab", "right", "tab", "right", "tab", "left", "left"]
        await pilot.press(*keys)
        assert preview(stage) == "$ tuidock run -d -it --network none --restart on-failure busybox"
        await pilot.press("escape")
        assert got.value is None


async def test_a_form_like_another_container() -> None:
    like = ContainerSpec("x", "web", network="container:db", tty=True, cap_add=("SYS_PTRACE",))
    async with asked(RunForm("busybox", values_of(like), neighbours=["db"])) as (stage, *_):
        line = "$ tuidock run -d -t --name web --network container:db --cap-add SYS_PTRACE busybox"
        assert preview(stage) == line
        assert stage.screen.query_one("#cap-add", Input).value == "SYS_PTRACE"


async def test_groups_open_and_their_flags_count() -> None:
    async with asked(RunForm("busybox")) as (stage, pilot, got):
        assert not stage.screen.query("#oom-score-adj")
        group = next(it for it in stage.screen.query(Group) if it.title == "Process")
        group.focus()
        await pilot.press("enter")
        await pilot.pause()
        stage.screen.query_one("#oom-score-adj", Input).focus()
        await pilot.press(*"x")
        assert "invalid number: 'x'" in problem(stage, "oom-score-adj")
        await pilot.press("backspace", *"-5")
        assert "1 set: oom-score-adj" in str(group.query_one(".heading", Static).render())
        assert preview(stage) == "$ tuidock run -d --oom-score-adj -5 busybox"
        await pilot.press("ctrl+n")
        order: Any = got.value
        assert (order.spec.oom_score_adj, order.start) == (-5, False)


async def test_a_flag_is_found_by_a_word_of_its_help() -> None:
    async with asked(RunForm("busybox")) as (stage, pilot, _):
        await pilot.press("ctrl+f", *"resolver")
        await pilot.pause()
        await pilot.press("enter")
        shown = [it.flag for it in stage.screen.query("Group Field").results(Field) if it.display]
        groups = [it.title for it in stage.screen.query(Group) if it.display]
        assert (shown, groups) == (["dns"], ["Network"])
        await pilot.press(*"9.9.9.9")
        assert preview(stage) == "$ tuidock run -d --dns 9.9.9.9 busybox"


async def test_the_command_can_be_copied() -> None:
    async with asked(RunForm("busybox")) as (stage, pilot, _):
        await pilot.press(*"web", "ctrl+y")
        assert stage.clipboard == "tuidock run -d --name web busybox"


async def test_what_is_wrong_together_is_told() -> None:
    values = {"entrypoint": "x", "health-cmd": "true", "no-healthcheck": "yes"}
    async with asked(RunForm("busybox", values)) as (stage, *_):
        together = stage.screen.query_one(".together", Static)
        assert "--no-healthcheck conflicts" in str(together.render())
        assert stage.screen.query_one("#yes", Button).disabled


async def test_everything_is_reachable_on_a_small_terminal() -> None:
    async with staged(size=(80, 24)) as (stage, pilot):
        stage.push_screen(RunForm(NGINX))
        await pilot.pause()
        for name in ("#name", "#rm", "#yes", ".preview"):
            region = stage.screen.query_one(name).region
            assert stage.screen.region.contains_region(region)
