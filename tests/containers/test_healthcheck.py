"""Merging a person's health flags with the image's check, as docker does."""

from __future__ import annotations

import json

import pytest

from tuidock.cli import health as flags
from tuidock.cli.parser import Parser
from tuidock.engine.containers.healthcheck import as_annotations, merge
from tuidock.engine.errors import BadSpec
from tuidock.engine.runtime import health
from tuidock.engine.types import HealthCheck

IMAGE = {"Healthcheck": {"Test": ["CMD", "probe"], "Interval": 5_000_000_000, "Retries": 7}}


def test_nothing_asked_is_as_the_image_says() -> None:
    assert merge(HealthCheck(), IMAGE) == IMAGE["Healthcheck"]
    assert merge(HealthCheck(), {}) == {}
    assert merge(HealthCheck(), {"Healthcheck": None}) == {}


def test_each_figure_is_taken_from_whoever_gives_it() -> None:
    asked = HealthCheck(interval=0.25, timeout=2)
    merged = {"Test": ["CMD", "probe"], "Interval": 250_000_000, "Timeout": 2_000_000_000}
    assert merge(asked, IMAGE) == merged | {"Retries": 7}


def test_a_command_replaces_the_images_and_keeps_its_figures() -> None:
    asked = HealthCheck(("CMD-SHELL", "mine"))
    assert merge(asked, IMAGE)["Test"] == ["CMD-SHELL", "mine"]
    assert merge(asked, IMAGE)["Retries"] == 7
    assert merge(asked, {"Shell": ["/bin/ash", "-c"]})["Shell"] == ["/bin/ash", "-c"]


def test_none_takes_the_images_check_away() -> None:
    assert merge(HealthCheck(("NONE",)), IMAGE) == {}
    assert merge(HealthCheck(), {"Healthcheck": {"Test": ["NONE"]}}) == {}


@pytest.mark.parametrize(
    "asked",
    [
        HealthCheck(interval=1),
        HealthCheck(on_failure="kill"),
        HealthCheck(("NONE",), retries=2),
        HealthCheck(("CMD-SHELL", "x"), retries=-1),
        HealthCheck(("CMD-SHELL", "x"), interval=0.0001),
        HealthCheck(("CMD-SHELL", "x"), start_interval=-5),
        HealthCheck(("CMD-SHELL", "x"), timeout=float("inf")),
        HealthCheck(("CMD-SHELL", "x" * 20000)),
        HealthCheck(("CMD-SHELL", "x\0y")),
        HealthCheck(("CMD",)),
        HealthCheck(("SHELL", "x")),
    ],
)
def test_what_makes_no_sense_is_refused(asked: HealthCheck) -> None:
    with pytest.raises(BadSpec):
        merge(asked, {})


@pytest.mark.parametrize(
    "image",
    [
        {"Healthcheck": {"Test": ["CMD", 7]}},
        {"Healthcheck": {"Test": "CMD rm"}},
        {"Healthcheck": {"Test": ["CMD", "x" * 20000]}},
        {"Healthcheck": {"Test": ["CMD-SHELL", "x"]}, "Shell": "/bin/sh"},
        {"Healthcheck": ["CMD"]},
    ],
)
def test_an_image_that_talks_nonsense_is_refused(image: dict[str, object]) -> None:
    with pytest.raises(BadSpec):
        merge(HealthCheck(), image)


def test_an_images_figures_are_numbers_or_nothing() -> None:
    wild = {"Test": ["CMD", "x"], "Interval": -5, "Timeout": "1s", "Retries": True, "More": 1}
    assert merge(HealthCheck(), {"Healthcheck": wild}) == {"Test": ["CMD", "x"]}


def test_an_images_figures_are_within_reason() -> None:
    """Fails when they are not bounded: no float can hold that."""
    wild = {"Test": ["CMD", "x"], "Interval": 10**400, "Retries": 10**400}
    found = health.check(as_annotations(HealthCheck(), {"Healthcheck": wild}))
    assert found
    assert found.interval == 1e9


def test_what_a_bundle_says_of_its_check() -> None:
    about = as_annotations(HealthCheck(on_failure="kill"), IMAGE)
    assert json.loads(about[health.CHECK]) == IMAGE["Healthcheck"]
    found = health.check(about)
    assert found
    assert found[:3] == (("probe",), 5.0, 30.0)
    assert found.on_failure == "kill"
    assert as_annotations(HealthCheck(), {}) == {}


def test_the_flags_say_it() -> None:
    parser = Parser("run", "")
    flags.arguments(parser)
    words = "--health-cmd x --health-interval 1m --health-timeout 250ms --health-start-period 2s"
    words += " --health-start-interval 1s --health-retries 4 --health-on-failure stop"
    found = flags.check(parser.parse_args(words.split()))
    assert found == HealthCheck(("CMD-SHELL", "x"), 60, 0.25, 2, 1, 4, "stop")
    assert flags.check(parser.parse_args(["--no-healthcheck"])).test == ("NONE",)
