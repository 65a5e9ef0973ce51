"""Where a request goes, and the sentence for each way in which it does not arrive."""

from __future__ import annotations

import email.utils
import socket
import ssl
import threading
import time

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import MaxRetryError, ProtocolError
from urllib3.util import connection

from tuidock.engine.errors import Cancelled, RegistryError, Unreachable
from tuidock.engine.images.auth import Request
from tuidock.engine.images.registry import Patience, clean, reason, retry_after
from tuidock.engine.images.wire import Again, Wire, base_url, redirected


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("docker.io", "https://registry-1.docker.io"),
        ("ghcr.io", "https://ghcr.io"),
        ("registry.example:5000", "https://registry.example:5000"),
        ("localhost:5000", "http://localhost:5000"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_plain_http_is_for_this_machine(host: str, url: str) -> None:
    assert base_url(host) == url


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("https://a.example/x", "http://a.example/x"),
        ("https://a.example/x", "http://127.0.0.1/x"),
        ("http://127.0.0.1/x", "http://a.example/x"),
        ("http://127.0.0.1/x", "http://169.254.169.254/latest/meta-data"),
        ("https://a.example/x", "https://me:secret@a.example/x"),
        ("https://a.example/x", "file:///etc/passwd"),
    ],
)
def test_redirects_that_are_not_followed(here: str, there: str) -> None:
    """Fails when TLS may be left, or this machine be reached from outside."""
    with pytest.raises(RegistryError, match="not safe"):
        redirected(Request("GET", here, {}), there)


def _tls() -> requests.RequestException:
    inner = ssl.SSLCertVerificationError(1, "certificate verify failed")
    inner.verify_message = "self-signed certificate"
    return requests.exceptions.SSLError(MaxRetryError(connection, "/", inner))  # type: ignore[arg-type]


def _caused(inner: BaseException) -> requests.RequestException:
    error = requests.ConnectionError(ProtocolError("Connection aborted.", inner))
    error.__cause__ = inner
    return error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (_caused(socket.gaierror(-2, "Name or service not known")), "no such host"),
        (_caused(ConnectionRefusedError(111, "x")), "connection refused"),
        (_caused(ConnectionResetError(104, "x")), "connection reset by peer"),
        (_caused(TimeoutError("timed out")), "timed out"),
        (requests.ReadTimeout("Read timed out."), "timed out"),
        (ProtocolError("Response ended prematurely"), "connection broken"),
    ],
)
def test_one_sentence_for_each_failure(error: Exception, sentence: str) -> None:
    wire = Wire("registry.example", threading.Event())
    with pytest.raises(Again) as caught, wire.translated():
        raise error
    assert isinstance(caught.value.error, Unreachable)
    message = f"registry registry.example cannot be reached: {sentence}"
    assert caught.value.error.message == message
    assert caught.value.error.hint


def test_a_certificate_is_not_asked_for_twice() -> None:
    wire = Wire("registry.example", threading.Event())
    sentence = "not trusted: self-signed certificate"
    with pytest.raises(Unreachable, match=sentence), wire.translated():
        raise _tls()


def test_what_breaks_after_a_cancel_is_the_cancel() -> None:
    cancelled = threading.Event()
    cancelled.set()
    wire = Wire("registry.example", cancelled)
    with pytest.raises(Cancelled), wire.translated():
        raise ProtocolError("Connection broken")
    with pytest.raises(Cancelled):
        wire.get("/v2/", "", {})


def test_how_long_to_wait() -> None:
    assert retry_after("7") == 7
    soon = retry_after(email.utils.formatdate(time.time() + 30, usegmt=True))
    assert soon is not None
    assert 25 < soon <= 30
    assert retry_after("Thu, 01 Jan 1970 00:00:00 GMT") == 0
    assert retry_after("") is None
    patience = Patience(5, 1)
    assert patience.wait(3, 0.25) == 0.25
    for failures, longest in ((1, 1), (2, 2), (4, 8), (30, 60)):
        assert longest / 2 <= patience.wait(failures, None) <= longest


@given(st.text())
def test_any_header_is_survived(value: str) -> None:
    seconds = retry_after(value)
    assert seconds is None or seconds >= 0


@given(st.binary())
def test_any_error_body_is_survived(body: bytes) -> None:
    assert all(text.isprintable() for text in reason(body))


@given(st.text())
def test_what_is_shown_is_printable(text: str) -> None:
    assert clean(text).isprintable()
    assert len(clean(text)) <= 200
