"""Run, clone, edit: the form makes containers, and a failure puts the old one back."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from tests.ui.conftest import Stage, staged
from tuidock import state as remembered
from tuidock.config import Config
from tuidock.engine.errors import (
    BadSpec,
    EngineError,
    NameInUse,
    NotFound,
    StartFailed,
)
from tuidock.engine.fake import FakeEngine
from tuidock.engine.fake.scene import harbour
from tuidock.engine.types import Container, ContainerSpec, Status
from tuidock.screens.recreate import recreate
from tuidock.widgets.dialogs import Confirm
from tuidock.widgets.run_form import RunForm

NO_QUESTIONS = Config(confirm=False)


async def form(stage: Stage, key: str) -> RunForm:
    await stage.press(key)
    await stage.until(lambda: isinstance(stage.app.screen, RunForm))
    assert isinstance(stage.app.screen, RunForm)
    return stage.app.screen


async def test_a_clone_is_like_the_other_but_for_its_name(stage: Stage) -> None:
    asked = await form(stage, "Y")
    assert asked.query_one("#name", Input).value == ""
    await stage.type("twin")
    asked.query_one("#publish", Input).value = "9090:80"
    await stage.press("ctrl+s")
    await stage.until(lambda: "twin" in stage.names())
    web, twin = stage.container("web").spec, stage.container("twin").spec
    assert twin.limits == web.limits
    assert [port.host_port for port in twin.ports] == [9090]
    await stage.until(lambda: stage.container("twin").status is Status.RUNNING)


async def test_labels_of_the_image_are_not_asked_for_again(stage: Stage) -> None:
    """Seen to fail where the form took all labels that a container has."""
    web = stage.container("web")
    spec = web.spec._replace(labels=(("made.by", "image"), ("team", "shop")))
    images = [
        it._replace(labels={"made.by": "image"}) if it.id == web.image_id else it
        for it in stage.world.images
    ]
    stage.app.write(lambda world: world.with_images(images))
    stage.app.write(lambda world: world.with_containers([web._replace(spec=spec)], []))
    asked = await form(stage, "Y")
    assert asked.values["label"] == "team=shop"


async def test_created_is_not_started(stage: Stage) -> None:
    await form(stage, "Y")
    await stage.type("twin")
    await stage.press("ctrl+n")
    await stage.until(lambda: "twin" in stage.names())
    assert stage.container("twin").status is Status.CREATED


async def test_an_image_is_pulled_first_and_the_id_is_written_down(
    stage: Stage, tmp_path: Path
) -> None:
    """What the form asks besides the container itself; a file that is there is left alone."""
    asked, kept = await form(stage, "Y"), tmp_path / "id"
    asked.values |= {"pull": "always", "platform": "linux/arm64", "cidfile": str(kept)}
    await stage.type("twin")
    asked.query_one("#publish", Input).value = ""
    await stage.press("ctrl+s")
    await stage.until(lambda: "twin" in stage.names())
    assert kept.read_text() == stage.container("twin").id
    image = stage.container("web").image
    assert [job.words for job in stage.world.jobs.values()] == [
        ("tuidock", "pull", "--platform", "linux/arm64", image)
    ]
    asked = await form(stage, "Y")
    asked.values |= {"cidfile": str(kept)}
    await stage.press("ctrl+s")
    await stage.until(lambda: stage.shows("--cidfile: file exists"))
    assert kept.read_text() == stage.container("twin").id


async def test_a_container_is_edited(stage: Stage) -> None:
    """The new one has the name, the old one is gone."""
    old = stage.container("web").id
    asked = await form(stage, "U")
    assert asked.query_one("#name", Input).value == "web"
    asked.query_one("#memory", Input).value = "64m"
    await stage.press("ctrl+s")
    await stage.until(lambda: isinstance(stage.app.screen, Confirm))
    await stage.press("y")
    await stage.until(lambda: old not in stage.world.containers)
    web = stage.container("web")
    assert (web.spec.limits.memory, web.status) == (64 << 20, Status.RUNNING)


async def test_an_edit_that_fails_leaves_everything_as_it_was(stage: Stage) -> None:
    old = stage.container("web")
    asked = await form(stage, "U")
    asked.query_one("#command", Input).value = "no-such-command"
    await stage.press("ctrl+s")
    await stage.until(lambda: isinstance(stage.app.screen, Confirm))
    await stage.press("y")
    await stage.until(lambda: stage.shows("not found"))
    await stage.press("escape")
    await stage.until(lambda: stage.container("web").status is Status.RUNNING)
    assert stage.container("web").id == old.id
    assert not [name for name in stage.names() if "web-" in name]


async def test_the_form_of_an_image_is_remembered(tmp_path: Path) -> None:
    async with staged() as stage:
        stage.app._memory = str(tmp_path / "state.json")
        await stage.press("2")
        asked = await form(stage, "r")
        await stage.type("first")
        asked.query_one("#env", Input).value = "A=1"
        await stage.press("ctrl+s")
        await stage.until(lambda: "first" in [it.name for it in stage.world.containers.values()])
        image = stage.container("first").image
    kept = remembered.load(str(tmp_path / "state.json"))
    assert dict(kept.forms[image]) == {"env": "A=1"}
    async with staged() as stage:
        stage.app.state = kept
        await stage.press("2")
        asked = await form(stage, "r")
        assert asked.query_one("#env", Input).value == "A=1"
        assert asked.query_one("#name", Input).value == ""


def test_no_more_forms_are_remembered_than_are_of_use() -> None:
    state = remembered.State()
    for number in range(200):
        state = state.with_form(f"image{number}", {"env": "A=1"})
    assert list(state.forms) == [f"image{number}" for number in range(100, 200)]


# --- the steps of an edit -----------------------------------------------------------------------


class Harbour:
    """An engine with a scene, one of whose calls can be made to fail."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine, self.containers = engine, engine.containers

    async def all(self) -> dict[str, Container]:
        return {it.name: it for it in await self.containers.list()}

    async def look(self) -> dict[str, tuple[str, Status]]:
        return {name: (it.id, it.status) for name, it in (await self.all()).items()}


@pytest.fixture
async def port() -> Harbour:
    engine = FakeEngine()
    await harbour(engine)
    return Harbour(engine)


@pytest.mark.parametrize("broken", ["create", "stop", "rename", "start"])
async def test_whatever_fails_is_taken_back(
    port: Harbour, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen to fail for each of them with its callback taken out of `recreate`."""
    before, web = await port.look(), (await port.all())["web"]
    real = getattr(port.containers, broken)
    calls = 0

    async def once(*arguments: object, **named: object) -> object:
        """Fails where it is called first for the new container, or for the old one."""
        nonlocal calls
        calls += 1
        if calls == (2 if broken == "rename" else 1):
            raise StartFailed("no")
        return await real(*arguments, **named)

    monkeypatch.setattr(port.containers, broken, once)
    with pytest.raises(StartFailed):
        await recreate(port.containers, web, web.spec._replace(ports=()))
    assert await port.look() == before


async def test_one_that_ends_at_once_is_no_success(port: Harbour) -> None:
    before, web = await port.look(), (await port.all())["web"]
    spec = ContainerSpec(web.spec.image, command=("false",))
    with pytest.raises(EngineError):
        await recreate(port.containers, web, spec)
    assert await port.look() == before


async def test_a_name_that_is_taken_is_found_before_anything_stands_still(port: Harbour) -> None:
    before, web = await port.look(), (await port.all())["web"]
    with pytest.raises(NameInUse):
        await recreate(port.containers, web, web.spec._replace(name="api", ports=()))
    assert await port.look() == before


async def test_what_is_removed_when_it_stops_cannot_wait(port: Harbour) -> None:
    spec = ContainerSpec("debian:12", "brief", ("sleep", "600"), remove=True)
    it = await port.containers.create(spec)
    await port.containers.start(it.id)
    with pytest.raises(BadSpec, match="--rm"):
        await recreate(port.containers, await port.containers.get(it.id), spec)
    assert (await port.containers.get(it.id)).status is Status.RUNNING


async def test_a_stopped_one_is_replaced_too(port: Harbour) -> None:
    old = (await port.all())["migrate"]
    new = await recreate(port.containers, old, old.spec._replace(command=("sleep", "600")))
    with pytest.raises(NotFound):
        await port.containers.get(old.id)
    assert (await port.all())["migrate"].id == new.id
