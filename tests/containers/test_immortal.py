"""Containers that do not want to end: every verb comes back, in a time that it names."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests import root_only
from tests.containers.hanging import Hanging
from tests.waiting import until
from tuidock.engine.containers import life
from tuidock.engine.core import Core
from tuidock.engine.errors import RuntimeFailure
from tuidock.engine.types import Container, ContainerSpec, Limits, LogQuery, Mount, Status

BOMB = "b() { b & b & while :; do :; done; }; echo armed; b 2>/dev/null & exec sleep 600"
DEAF = "trap '' TERM INT HUP; echo deaf; while :; do sleep 0.05; done"


def started(core: Core, script: str, word: str, **fields: object) -> Container:
    """Running, and past the point where it said the word."""
    spec = ContainerSpec("busybox", "box", ("sh", "-c", script), network="none", stop_timeout=0.2)
    made = core.containers.create(spec._replace(**fields))  # type: ignore[arg-type]
    core.containers.start(made.id)
    until(lambda: word in said(core, made.id))
    return core.containers.get(made.id)


def said(core: Core, key: str) -> str:
    lines = [line for batch in core.containers.logs(key, LogQuery()) for line in batch]
    return b"\n".join(line.text for line in lines).decode()


def took(began: float) -> float:
    return time.monotonic() - began


def armed(core: Core) -> None:
    """A fork bomb at its limit."""
    started(core, BOMB, "armed", limits=Limits(pids=150))
    deadline = time.monotonic() + 60
    while len(core.containers.top("box")) < 50:
        assert time.monotonic() < deadline


@pytest.mark.root(root_only.LIMITS)
@pytest.mark.parametrize("verb", ["stop", "kill", "remove", "restart"])
def test_a_fork_bomb_ends_as_a_whole(core: Core, verb: str) -> None:
    """Its pids limit holds it; SIGKILL of its first process takes its namespace along."""
    armed(core)
    began = time.monotonic()
    if verb == "remove":
        core.containers.remove("box", force=True)
        assert core.containers.list() == []
    elif verb == "restart":
        core.containers.restart("box", 0)
        core.containers.remove("box", force=True)
    else:
        getattr(core.containers, verb)("box")
        assert core.containers.wait("box").code == 137
    assert took(began) < 20
    assert core.check() == []


@pytest.mark.root(root_only.LIMITS)
def test_a_paused_fork_bomb_is_removed(core: Core) -> None:
    armed(core)
    core.containers.pause("box")
    began = time.monotonic()
    core.containers.remove("box", force=True)
    assert took(began) < 20
    assert core.check() == []


def test_who_ignores_every_request_is_killed_after_its_grace(core: Core) -> None:
    """Seen to fail with the SIGKILL taken out of `stop`."""
    started(core, DEAF, "deaf")
    began = time.monotonic()
    core.containers.stop("box", 0.5)
    assert 0.5 <= took(began) < 5
    ended = core.containers.get("box")
    assert ended.exit
    assert (ended.status, ended.exit.code) == (Status.EXITED, 137)


@pytest.mark.root(root_only.MOUNTS)
def test_a_process_that_sleeps_in_the_kernel_holds_nobody_up(
    core: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop and removal say that it does not die; once it does, it can be removed.

    Seen to fail without `_immortal`: the container was half removed, and its row gone.
    """
    monkeypatch.setattr(life, "_KILL_PATIENCE", 1.0)
    with Hanging(str(tmp_path)) as hanging:
        mounts = (Mount("bind", str(tmp_path), "/hang"),)
        started(core, "echo going; cat /hang/file", "going", mounts=mounts)
        assert hanging.asked.wait(60)
        for action in (
            lambda: core.containers.stop("box", 0.2),
            lambda: core.containers.remove("box", force=True),
        ):
            began = time.monotonic()
            with pytest.raises(RuntimeFailure, match="did not receive an exit event"):
                action()
            assert took(began) < 5
        assert core.containers.get("box").status is Status.RUNNING
        hanging.answer()
        assert core.containers.wait("box").code == 137
        core.containers.remove("box")
    assert core.check() == []


def test_one_that_ends_just_before_it_is_killed(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is what was wanted. Fails when `_end` lets pass that it does not run any more."""
    started(core, DEAF, "deaf")

    really = life.kill

    def late(*arguments: Any) -> None:
        monkeypatch.setattr(life, "kill", really)
        core.containers.kill("box")
        core.containers.wait("box")
        really(*arguments)

    monkeypatch.setattr(life, "kill", late)
    core.containers.remove("box", force=True)
    assert life.kill is really
    assert core.containers.list() == []
