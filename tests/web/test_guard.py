"""Who is let in: every way but the right one is refused."""

from __future__ import annotations

import pytest

from tuidock.web.guard import Answer, Guard

HERE = {"Host": "127.0.0.1:7000"}


@pytest.fixture
def guard() -> Guard:
    return Guard()


def cookies(guard: Guard) -> dict[str, str]:
    return {guard.cookie_name: guard.cookie}


def test_the_token_is_changed_for_a_cookie_that_opens_everything(guard: Guard) -> None:
    assert guard.judge("/", {"token": guard.token}, HERE, {}) is Answer.CHANGE
    for path in ("/", "/static/js/textual.js"):
        assert guard.judge(path, {}, HERE, cookies(guard)) is Answer.WELCOME
    mine = {**HERE, "Origin": "http://127.0.0.1:7000"}
    assert guard.judge("/ws", {}, mine, cookies(guard)) is Answer.WELCOME


@pytest.mark.parametrize("path", ["/", "/ws", "/static/js/textual.js", "/page.css", "/nothing"])
def test_without_the_cookie_nothing_is_told(guard: Guard, path: str) -> None:
    for shown in ({}, {guard.cookie_name: guard.token}, {"tuidock": guard.cookie}):
        assert guard.judge(path, {}, HERE, shown) is Answer.REFUSED


@pytest.mark.parametrize("token", ["", "x", "é"])
def test_another_token_is_refused_even_with_the_cookie(guard: Guard, token: str) -> None:
    assert guard.judge("/", {"token": token}, HERE, cookies(guard)) is Answer.REFUSED
    assert guard.judge("/ws", {"token": guard.token}, HERE, {}) is Answer.REFUSED


@pytest.mark.parametrize("host", ["", "evil.test", "evil.test:7000", "127.0.0.1.evil.test:7000"])
def test_another_host_is_refused(guard: Guard, host: str) -> None:
    """DNS rebinding: a stranger's name that suddenly means 127.0.0.1. Fails without `LOOPBACK`."""
    asked = {"Host": host, "Origin": f"http://{host}"}
    assert guard.judge("/", {"token": guard.token}, asked, {}) is Answer.REFUSED
    assert guard.judge("/ws", {}, asked, cookies(guard)) is Answer.REFUSED


@pytest.mark.parametrize("origin", ["", "null", "http://evil.test", "http://127.0.0.1:7001"])
def test_a_page_from_elsewhere_is_refused(guard: Guard, origin: str) -> None:
    """Browsers send cookies along with a stranger's websocket. Fails without the origin."""
    asked = {**HERE, "Origin": origin}
    assert guard.judge("/ws", {}, asked, cookies(guard)) is Answer.REFUSED
    assert guard.judge("/", {}, asked, cookies(guard)) is Answer.REFUSED
    assert guard.judge("/ws", {}, HERE, cookies(guard)) is Answer.REFUSED


def test_two_servers_share_nothing() -> None:
    one, other = Guard(), Guard()
    assert len({one.token, one.cookie, other.token, other.cookie}) == 4
    assert one.cookie_name != other.cookie_name
