"""The launcher's way into a scope of systemd's, where there is none to be had."""

from __future__ import annotations

import pytest

from tests.runtime.conftest import Box
from tuidock.engine.runtime import delegation


def test_a_systemd_that_refuses_is_done_without(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when a launcher that died is not looked at: every try would end the same way."""
    asked: list[str] = []

    def words(tag: str) -> list[str]:
        asked.append(tag)
        return [] if delegation._refused else ["/bin/false"]

    monkeypatch.setattr(delegation, "words", words)
    monkeypatch.setattr(delegation, "_refused", [])
    assert box.run("echo", "here") == (0, "here\n")
    assert delegation._refused
    assert len(asked) >= 2  # its end may be heard of a moment before it can be reaped


def test_a_scope_is_asked_for_once_and_by_users_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delegation.systemd, "has_manager", lambda: True)
    monkeypatch.setattr(delegation, "_PROGRAMS", ("/bin/true",))
    monkeypatch.setattr(delegation.os, "geteuid", lambda: 1000)
    assert delegation.words("tag")[:3] == ["/bin/true", "--user", "--scope"]
    monkeypatch.setattr(delegation, "_in_a_scope_of_ours", lambda: True)
    assert delegation.words("tag") == []
    monkeypatch.setattr(delegation, "_in_a_scope_of_ours", lambda: False)
    monkeypatch.setattr(delegation.os, "geteuid", lambda: 0)
    assert delegation.words("tag") == []
