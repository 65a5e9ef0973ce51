"""The parts of the interface that need no screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path

import pytest

from tuidock import format as fmt
from tuidock.app import widget_keys
from tuidock.config import BadConfig, Config, clashes, load, parse
from tuidock.engine.errors import Unreachable
from tuidock.engine.events import Event, LayerProgress, Resolved
from tuidock.engine.types import Container, ContainerSpec, ExitRecord, Sample, Status
from tuidock.feeds import batches
from tuidock.jobs import Jobs, Say
from tuidock.matching import GRAMMAR, Subject, matcher
from tuidock.screens.registry import address
from tuidock.verbs import VERBS, fits, meant
from tuidock.world import EVENTS, HISTORY, Pull, World


def container(status: Status = Status.RUNNING, **fields: object) -> Container:
    it = Container("a" * 64, "web", "nginx", "", ("nginx",), 0.0, status, ContainerSpec("nginx"))
    return it._replace(**fields)  # type: ignore[arg-type]


def sample(at: float) -> Sample:
    return Sample(
        "a" * 64, at, 0.5, 1.0, None, 0.0, 1, 0, None, 1, 0, 1, None, 0, 0, 0, 0
    )  # fmt: skip


# --- format -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0B"),
        (999, "999B"),
        (1000, "1.0K"),
        (1024**2 * 1.5, "1.5M"),
        (1023.99 * 1024, "1.0M"),
        (150 * 1024**3, "150G"),
    ],
)
def test_sizes_are_short(value: float, text: str) -> None:
    assert fmt.size(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0s"), (59, "59s"), (60, "1m"), (7200, "2h"), (90_000, "1d"), (1e9, "31y")],
)
def test_ages_have_one_unit(seconds: float, text: str) -> None:
    assert fmt.age(seconds) == text


def test_status_says_why_it_ended() -> None:
    oom = ExitRecord(137, 9, True, 100.0)
    assert fmt.status(container(Status.EXITED, exit=oom), 160.0) == "oom, 1m"
    assert fmt.status(container(Status.EXITED, exit=oom._replace(oom_killed=False)), 101) == (
        "exit 137, 1s"
    )


def test_docker_hub_goes_unsaid() -> None:
    assert fmt.reference("docker.io/library/debian:12") == "debian:12"
    assert fmt.reference("ghcr.io/acme/api:2") == "ghcr.io/acme/api:2"


# --- the filter -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("web", "web nginx", True),
        ("ngx", "web nginx:1.29", True),
        ("nginx web", "web nginx", True),
        ("xyz", "web nginx", False),
        ("we9", "web nginx:1.29", False),
        ("!web", "web nginx", False),
        ("!web", "api", True),
        ("!", "anything", True),
        ("~^w.b$", "web", True),
        ("~[", "a[b", True),
    ],
)
def test_filter_grammar(query: str, text: str, found: bool) -> None:
    assert matcher(query)(Subject(text)) is found


WEB = Subject(
    "web nginx:1.29 running",
    {"name": "web", "status": "running", "image": "nginx:1.29", "cpu": 51.5, "memory": 3 * 1024**3},
    {"team": "shop", "com.example.tier": "front"},
)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("web !api", True),
        ("web !nginx", False),
        ("status:run image:nginx", True),
        ("status:exited", False),
        ("!status:exited", True),
        ("status=run", False),
        ("STATUS=Running", True),
        ("status:", True),
        ("image=nginx:*", True),
        ("nginx:1.29", True),
        ("cpu>50", True),
        ("cpu>=51.5%", True),
        ("!cpu>50", False),
        ("memory<3G", False),
        ("memory<=3GiB", True),
        ("memory>lots", False),
        ("status>5", False),
        ("label=team", True),
        ("label=team=shop", True),
        ("label=team=s*p", True),
        ("label=team=office", False),
        ("label=", True),
        ("label:front", True),
        ("team=shop", True),
        ("team=", True),
        ("Team=shop", False),
        ("com.example.tier=front", True),
        ("tier=front", False),
        ('"nginx:1.29 running"', True),
        ('"running nginx"', False),
        ('"', True),
        ("web ~ng.nx:[0-9.]+ run", True),
        ("!~^web", False),
    ],
)
def test_filters_of_facts_and_labels(query: str, found: bool) -> None:
    assert matcher(query)(WEB) is found


def test_the_grammar_in_the_help_is_the_one_in_force() -> None:
    """Each example of the help means something: it tells this container from another or is kept."""
    other = Subject("api", {"cpu": 0.0, "memory": 0, "image": "api", "status": "exited"})
    for example, _ in GRAMMAR:
        for query in example.split("  "):
            assert matcher(query)(WEB) is not matcher(query)(other) or query in NEITHER, query


NEITHER = ("api v2", "!word", "~^web-[0-9]+$")


# --- verbs and keys ---------------------------------------------------------------------------


def test_default_keys_do_not_clash() -> None:
    assert list(clashes({}, widget_keys())) == []


def test_two_way_verbs_mean_what_the_status_asks() -> None:
    power = VERBS["container.power"]
    assert meant(power, container()) is VERBS["container.stop"]
    assert meant(power, container(Status.EXITED)) is VERBS["container.start"]
    assert not fits(VERBS["container.pause"], [container(Status.EXITED)])


def test_settings_that_are_not_there_are_defaults(tmp_path: Path) -> None:
    assert load(str(tmp_path / "none.toml")) == Config()


def test_settings_are_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('theme = "tuidock-light"\n[keys]\n"container.restart" = "f5, ctrl+r"\n')
    config = load(str(path))
    assert config.theme == "tuidock-light"
    assert config.keys == {"container.restart": "f5,ctrl+r"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[keys]\n"container.restart" = "s"', ("container.restart", "container.power", "'s'")),
        ('[keys]\n"container.restart" = "1"', ("container.restart", "pane.containers")),
        ('[keys]\n"container.dance" = "f5"', ("container.dance",)),
        ("[keys]\n'container.stop' = 5", ("container.stop",)),
        ("colour = 'red'", ("colour",)),
        ("confirm = 'yes'", ("confirm", "bool")),
        ("keys = ", ("config.toml",)),
    ],
)
def test_bad_settings_are_named(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(BadConfig) as caught:
        load(str(path))
    for word in (*words, "config.toml"):
        assert word in caught.value.message


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"log.wrap": "t"}, ("log.wrap", "log.times")),
        ({"list.sort": "space"}, ("list.sort", "table.mark")),
        ({"image.pull": "G"}, ("image.pull", "table.last")),
    ],
)
def test_keys_of_widgets_clash_too(keys: dict[str, str], words: tuple[str, ...]) -> None:
    with pytest.raises(BadConfig) as caught:
        parse({"keys": keys}, widget_keys())
    assert all(word in caught.value.message for word in words)


def test_a_log_hears_before_its_pane() -> None:
    assert list(clashes({"container.restart": "f"}, widget_keys())) == []


def test_swapped_keys_are_no_clash() -> None:
    swap = {"container.power": "r", "container.restart": "s"}
    assert list(clashes(swap)) == []


# --- the World ----------------------------------------------------------------------------------


def test_history_is_bounded() -> None:
    world = World(containers={"a" * 64: container()})
    for second in range(HISTORY + 50):
        world = world.with_samples([sample(float(second))])
    past = world.samples["a" * 64]
    assert len(past) == HISTORY
    assert past[-1].at == HISTORY + 49


def test_samples_of_strangers_are_not_kept() -> None:
    world = World()
    assert world.with_samples([sample(1.0)]) is world


def test_what_is_gone_takes_its_samples_along() -> None:
    it = container()
    world = World(containers={it.id: it}).with_samples([sample(1.0)])
    assert world.with_containers([], [it.id]).samples == {}


def test_old_events_are_forgotten_and_counted() -> None:
    events = [Event(float(n), "container", "start", "x") for n in range(EVENTS + 7)]
    world = World().with_events(events)
    assert (len(world.events), world.forgotten) == (EVENTS, 7)


def test_a_pull_is_the_sum_of_its_layers() -> None:
    pull = Pull("x").after(Resolved("x", "sha256:1", (("a", 100), ("b", 300))))
    pull = pull.after(LayerProgress("b", "downloading", 200, 300))
    assert pull.fraction == 0.5
    assert [it.phase for it in pull.layers] == ["waiting", "downloading"]


# --- batches ------------------------------------------------------------------------------------


async def numbers(count: int, closed: list[bool]) -> AsyncIterator[int]:
    try:
        for number in range(count):
            yield number
            await asyncio.sleep(0)
        raise Unreachable("gone")
    finally:
        closed.append(True)


async def collect(source: AsyncIterator[list[int]], into: list[list[int]]) -> None:
    """Batch by batch, so that what came before an error is kept."""
    async for batch in source:
        into += [batch]


async def test_a_burst_becomes_few_batches_and_the_error_comes_last() -> None:
    seen: list[list[int]] = []
    with pytest.raises(Unreachable, match="gone"):
        await collect(batches(numbers(500, []), 0.05), seen)
    assert [number for batch in seen for number in batch] == list(range(500))
    assert len(seen) < 10


async def test_leaving_early_closes_the_source() -> None:
    closed: list[bool] = []
    stream = batches(numbers(500, closed), 0.01)
    await anext(stream)
    await stream.aclose()
    assert closed == [True]


# --- registry addresses -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("localhost:5000", ("localhost:5000", "")),
        ("ghcr.io/acme/api", ("ghcr.io", "acme/api")),
        ("debian", ("docker.io", "library/debian")),
        ("acme/api", ("docker.io", "acme/api")),
        ("127.0.0.1:5000/busybox", ("127.0.0.1:5000", "busybox")),
    ],
)
def test_addresses(text: str, place: tuple[str, str]) -> None:
    assert address(text) == place


async def test_a_job_that_was_asked_to_end_tidies_up_in_peace() -> None:
    """Seen to fail without the look of `Jobs.cancel` at `ending`: the second one cut it short."""
    shown: list[World] = [World()]
    tidy = asyncio.Event()

    async def work(say: Say) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await tidy.wait()

    jobs = Jobs(lambda change: shown.append(change(shown[-1])), lambda: 1.0, launch, str)
    number = jobs.begin("pull", "nginx", ("tuidock",), work)
    await asyncio.sleep(0)
    for _ in range(2):
        jobs.cancel(number)
        await asyncio.sleep(0)
    assert (shown[-1].jobs[number].running, shown[-1].jobs[number].ending) == (True, True)
    tidy.set()
    await jobs.end()
    assert shown[-1].jobs[number].problem == "cancelled"


def launch(work: Coroutine[None, None, None]) -> asyncio.Task[None]:
    return asyncio.create_task(work)
