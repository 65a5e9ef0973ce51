"""Docker's rules for a container's health, and the file that keeps it; no container involved."""

from __future__ import annotations

import json
import os

from hypothesis import given
from hypothesis import strategies as st

from tuidock.engine.layout import Layout
from tuidock.engine.runtime import health
from tuidock.engine.runtime.health import Check, Health, Probe

CHECK = Check(("true",), 30, 30, 0, 5, 3, "none")
ID = "b" * 64
ABOUT = {health.CHECK: "{}", "tuidock.id": ID}


def probe(code: int) -> Probe:
    return Probe(1.0, 2.0, code, "said")


def after(*codes: int, check: Check = CHECK, age: float = 100.0) -> Health:
    found = Health()
    for code in codes:
        found = health.judge(check, found, probe(code), age)
    return found


def test_one_success_makes_healthy() -> None:
    assert after(0).status == "healthy"
    assert after(1, 1, 0)[:2] == ("healthy", 0)


def test_as_many_failures_as_retries_make_unhealthy() -> None:
    assert after(1, 1)[:2] == ("starting", 2)
    assert after(1, 1, 1)[:2] == ("unhealthy", 3)
    assert after(0, 1, -1)[:2] == ("healthy", 2)
    assert after(0, 1, 1, 1, 1)[:2] == ("unhealthy", 4)


def test_a_success_ends_a_streak() -> None:
    assert after(1, 1, 1, 0, 1, 1)[:2] == ("healthy", 2)


def test_failures_in_the_start_period_do_not_count() -> None:
    """Fails when `judge` leaves the start period out of it."""
    patient = CHECK._replace(start_period=10)
    young = after(1, 1, 1, 1, check=patient, age=9.9)
    assert young[:2] == ("starting", 0)
    assert len(young.log) == 4
    assert after(1, 1, 1, check=patient, age=10)[:2] == ("unhealthy", 3)


def test_once_healthy_the_start_period_is_over() -> None:
    patient = CHECK._replace(start_period=10)
    assert after(0, 1, 1, 1, check=patient, age=1)[:2] == ("unhealthy", 3)


def test_the_start_interval_holds_while_it_starts() -> None:
    patient = CHECK._replace(start_period=10)
    assert patient.pause(Health(), 5) == 5
    assert patient.pause(Health(), 10) == 30
    assert patient.pause(after(0), 5) == 30
    assert CHECK.pause(Health(), 0) == 30


@given(st.lists(st.integers(-1, 2), max_size=40), st.integers(1, 5))
def test_whatever_comes_what_is_kept_is_bounded_and_follows(codes: list[int], retries: int) -> None:
    found = after(*codes, check=CHECK._replace(retries=retries))
    assert [each.exit_code for each in found.log] == codes[-health.KEPT :]
    failed = next((n for n, code in enumerate(reversed(codes)) if code == 0), len(codes))
    assert found.streak == failed
    wanted = "healthy" if 0 in codes else "starting"
    assert found.status == ("unhealthy" if failed >= retries else wanted)


def test_a_check_without_figures_has_dockers() -> None:
    about = {health.CHECK: json.dumps({"Test": ["CMD", "curl", "-f", "x"]})}
    assert health.check(about) == Check(("curl", "-f", "x"), 30, 30, 0, 5, 3, "none")


def test_a_line_goes_to_the_images_shell() -> None:
    line = {"Test": ["CMD-SHELL", "a && b"]}
    plain = health.check({health.CHECK: json.dumps(line)})
    assert plain
    assert plain.command == ("/bin/sh", "-c", "a && b")
    own = health.check({health.CHECK: json.dumps(line | {"Shell": ["/bin/ash", "-ec"]})})
    assert own
    assert own.command == ("/bin/ash", "-ec", "a && b")


def test_no_check() -> None:
    assert health.check({}) is None
    assert health.check({health.CHECK: json.dumps({"Test": ["NONE"]})}) is None


def test_the_file_comes_back_whole(layout: Layout) -> None:
    os.makedirs(layout.run(ID))
    os.makedirs(layout.container(ID))
    health.begin(layout, ABOUT)
    assert health.read(layout, ID) == Health()
    wild = "\x00\ud800 \U0001f600\n\u2028" * 100
    found = Health("unhealthy", 7, tuple(Probe(n, n, n, wild) for n in range(5)), (12, 34))
    health.write(health.path(layout, ID), found)
    assert health.read(layout, ID) == found
    assert health.read_status(layout, ID) == "unhealthy"


def test_an_end_keeps_what_was_said_until_the_next_start(layout: Layout) -> None:
    os.makedirs(layout.run(ID))
    os.makedirs(layout.container(ID))
    health.write(health.path(layout, ID), Health("healthy", 0, (probe(0),), (1, 2)))
    health.keep(layout, ABOUT)
    os.unlink(health.path(layout, ID))
    assert health.read(layout, ID) == Health("healthy", 0, (probe(0),), None)
    assert health.read_status(layout, ID) == ""
    health.begin(layout, ABOUT)
    os.unlink(health.path(layout, ID))
    assert health.read(layout, ID) is None
