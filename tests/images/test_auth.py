"""Who is told what: the authorisation dialogue by hand, and over real connections."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import busybox
from tests.images import faulty as faults
from tests.images.conftest import Pull
from tests.images.faulty import FaultyRegistry
from tests.images.tars import tar_of
from tests.registry_fixture import make_image
from tuidock.engine.errors import AuthenticationRequired
from tuidock.engine.images.auth import (
    Answer,
    Authorisation,
    Credentials,
    Request,
    challenges,
    read_token,
    stored_credentials,
    strongest,
)
from tuidock.engine.images.wire import redirected

ME = Credentials("me", "secret")
URL = "https://registry.example/v2/x/manifests/latest"
SCOPE = "repository:x:pull"
BEARER = 'Bearer realm="https://auth.example/token",service="registry.example",scope="evil:*"'


def refused(header: str, url: str = URL) -> Answer:
    return Answer(401, url, {"WWW-Authenticate": header})


def dialogue(
    credentials: Credentials | None, *answers: Answer, base: str = "https://registry.example"
) -> list[Request]:
    """Every request of one dialogue, when these are the answers."""
    steps = Authorisation(base, credentials).steps(Request("GET", URL, {"Accept": "x"}), SCOPE)
    requests = [next(steps)]
    for answer in answers:
        try:
            requests.append(steps.send(answer))
        except StopIteration:
            break
    return requests


def test_nothing_is_told_unasked() -> None:
    [only] = dialogue(ME, Answer(200, URL, {}))
    assert "Authorization" not in only.headers


def test_basic() -> None:
    _, again = dialogue(ME, refused('Basic realm="x"'), Answer(200, URL, {}))
    assert again.url == URL
    assert again.headers["Authorization"] == "Basic " + base64.b64encode(b"me:secret").decode()
    assert again.headers["Accept"] == "x"


def test_basic_is_tried_once() -> None:
    assert len(dialogue(ME, *[refused('Basic realm="x"')] * 5)) == 2


def test_bearer_asks_for_what_we_need_and_no_more() -> None:
    """The registry proposes another scope; it does not get it."""
    token = Answer(200, "https://auth.example/token", {}, b'{"token":"abc"}')
    _, asked, again = dialogue(ME, refused(BEARER), token, Answer(200, URL, {}))
    assert asked.url.startswith("https://auth.example/token?scope=repository%3Ax%3Apull&")
    assert "service=registry.example" in asked.url
    assert asked.headers["Authorization"] == ME.basic
    assert again.headers["Authorization"] == "Bearer abc"


def test_an_anonymous_token() -> None:
    token = Answer(200, "https://auth.example/token", {}, b'{"access_token":"abc"}')
    _, asked, again = dialogue(None, refused(BEARER), token, Answer(200, URL, {}))
    assert "Authorization" not in asked.headers
    assert again.headers["Authorization"] == "Bearer abc"


def test_a_token_is_kept_and_replaced_when_it_is_refused() -> None:
    authorisation = Authorisation("https://registry.example", None)
    for token in (b"one", b"two"):
        steps = authorisation.steps(Request("GET", URL, {}), SCOPE)
        next(steps)
        steps.send(refused(BEARER))
        again = steps.send(Answer(200, "https://auth.example/", {}, b'{"token":"%s"}' % token))
        assert again.headers["Authorization"] == f"Bearer {token.decode()}"
    kept = next(authorisation.steps(Request("GET", URL, {}), SCOPE))
    assert kept.headers["Authorization"] == "Bearer two"


def test_a_challenge_from_elsewhere_is_not_listened_to() -> None:
    """CVE-2020-15157. Fails when the origin of a 401 is not looked at."""
    elsewhere = refused('Basic realm="x"', "https://evil.example/blob")
    assert len(dialogue(ME, elsewhere)) == 1


def test_nothing_is_sent_to_another_origin_later() -> None:
    authorisation = Authorisation("https://registry.example", ME)
    steps = authorisation.steps(Request("GET", URL, {}), SCOPE)
    next(steps)
    steps.send(refused('Basic realm="x"'))
    foreign = next(authorisation.steps(Request("GET", "https://evil.example/x", {}), SCOPE))
    assert "Authorization" not in foreign.headers


@pytest.mark.parametrize(
    ("base", "realm"),
    [
        ("https://registry.example", "http://auth.example/token"),
        ("https://registry.example", "http://127.0.0.1:8000/token"),
        ("https://registry.example", "file:///etc/shadow"),
        ("https://registry.example", "https://user@auth.example/"),
        ("https://registry.example", ""),
        ("https://registry.example", "https://[broken/"),
        ("http://127.0.0.1:5000", "https://evil.example/token"),
        ("http://127.0.0.1:5000", "http://evil.example/token"),
    ],
)
def test_an_unsafe_token_server_is_told_nothing(base: str, realm: str) -> None:
    """Fails when the realm is not checked: the second request would carry the password."""
    url = f"{base}/v2/"
    steps = Authorisation(base, ME).steps(Request("GET", url, {}), SCOPE)
    next(steps)
    with pytest.raises(AuthenticationRequired, match="unsafe token server"):
        steps.send(refused(f'Bearer realm="{realm}"', url))


def test_a_refused_login_is_one_sentence() -> None:
    with pytest.raises(AuthenticationRequired, match="incorrect username or password"):
        read_token(Answer(401, "https://auth.example/token", {}))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token":5}', b'{"token":"a\\r\\nX: y"}'])
def test_a_token_is_a_token(body: bytes) -> None:
    """A line break in it would be a header of the registry's choice."""
    with pytest.raises(AuthenticationRequired):
        read_token(Answer(200, "https://auth.example/token", {}, body))


def test_several_challenges() -> None:
    found = challenges('Basic realm="a, Bearer", Bearer realm="https://b/",service="c\\"d"')
    assert [c.scheme for c in found][-1] == "bearer"
    best = strongest('Basic realm="a",Bearer realm="https://b/"')
    assert best is not None
    assert best.parameters == {"realm": "https://b/"}
    assert strongest("Negotiate") is None


@given(st.text())
def test_any_header_is_survived(header: str) -> None:
    strongest(header)
    strongest(f"Bearer {header}")


@given(st.text(), st.binary())
def test_any_token_answer_is_survived(url: str, body: bytes) -> None:
    with contextlib.suppress(AuthenticationRequired):
        assert read_token(Answer(200, url, {}, body)).isprintable()


def test_a_redirect_elsewhere_takes_no_credentials() -> None:
    """Fails when headers are copied as they are."""
    request = Request("GET", URL, {"Authorization": ME.basic, "Range": "bytes=5-"})
    assert redirected(request, "https://cdn.example/y").headers == {"Range": "bytes=5-"}
    assert redirected(request, "https://registry.example:8443/y").headers == {"Range": "bytes=5-"}
    assert redirected(request, "/elsewhere").headers == request.headers


def test_docker_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    auth = base64.b64encode(b"u:p:w").decode()
    entries = {
        "https://index.docker.io/v1/": {"auth": auth},
        "ghcr.io": {"username": "n", "password": "q"},
        "https://quay.io": {},
    }
    (tmp_path / "config.json").write_text(json.dumps({"auths": entries}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert stored_credentials("docker.io") == Credentials("u", "p:w")
    assert stored_credentials("ghcr.io") == Credentials("n", "q")
    for stranger in ("quay.io", "evil.example", "ghcr.io.evil.example", "ghcr.io:444"):
        assert stored_credentials(stranger) is None
    assert "secret" not in repr(ME)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"auths":[]}', '{"auths":{"ghcr.io":5}}'])
def test_a_broken_docker_config_is_no_config(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert stored_credentials("ghcr.io", str(tmp_path / "config.json")) is None


# --- over real connections --------------------------------------------------------------------


@pytest.fixture
def login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faulty: FaultyRegistry
) -> FaultyRegistry:
    """Somebody is logged in at the faulty registry."""
    auth = base64.b64encode(b"me:secret").decode()
    config = {"auths": {faulty.address: {"auth": auth}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return faulty


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
def test_a_pull_with_a_login(login: FaultyRegistry, pull: Pull, scheme: str) -> None:
    reference = login.hold("x", "latest", make_image([tar_of({"a": b"1"})], busybox.config()))
    realm = f'realm="http://{login.address}/token",service="s"'
    header = 'Basic realm="x"' if scheme == "basic" else f"Bearer {realm}"
    for kind in ("manifest", "blob"):
        login.always[kind] = faults.challenge(header)
    pull(reference)
    sent = {seen.headers.get("Authorization") for seen in login.requests("blob")}
    assert sent == ({ME.basic} if scheme == "basic" else {"Bearer let-me-in"})
    for asked in login.requests("token"):
        assert asked.headers["Authorization"] == ME.basic


def test_a_blob_elsewhere_is_fetched_without_our_name(login: FaultyRegistry, pull: Pull) -> None:
    """The usual way of big registries: blobs come from a store that must not learn the token.

    Fails when the header follows the redirect.
    """
    made = make_image([tar_of({"a": b"1"})], busybox.config())
    reference = login.hold("x", "latest", made)
    with FaultyRegistry() as elsewhere:
        elsewhere.hold("x", "latest", made)

        def to_elsewhere(reply: faults.Reply, seen: faults.Seen) -> None:
            faults.challenge('Basic realm="x"')(reply, seen)
            if reply.status != 401:
                faults.redirect(f"http://{elsewhere.address}{seen.path}")(reply, seen)

        login.always["blob"] = to_elsewhere
        pull(reference)
        assert len(elsewhere.seen) == 2
        assert all("Authorization" not in seen.headers for seen in elsewhere.seen)


def test_a_challenge_behind_a_redirect_gets_no_answer(login: FaultyRegistry, pull: Pull) -> None:
    """CVE-2020-15157 over the wire. Fails when a 401 counts, wherever it comes from."""
    made = make_image([tar_of({"a": b"1"})], busybox.config())
    reference = login.hold("x", "latest", made)
    with FaultyRegistry() as evil:
        evil.hold("x", "latest", made)
        evil.always["blob"] = faults.challenge('Basic realm="x"')

        def to_evil(reply: faults.Reply, seen: faults.Seen) -> None:
            faults.redirect(f"http://{evil.address}{seen.path}")(reply, seen)

        login.always["blob"] = to_evil
        with pytest.raises(AuthenticationRequired):
            pull(reference)
        assert all("Authorization" not in seen.headers for seen in evil.seen)


def test_a_wrong_password_is_one_sentence(login: FaultyRegistry, pull: Pull) -> None:
    reference = login.hold("x", "latest", make_image([tar_of({"a": b"1"})], busybox.config()))
    login.always["manifest"] = faults.status(401, WWW_Authenticate='Basic realm="x"')
    with pytest.raises(AuthenticationRequired, match="pull access denied"):
        pull(reference)
    assert len(login.seen) == 2


def test_netrc_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faulty: FaultyRegistry, pull: Pull
) -> None:
    """Fails when requests is left to its habits."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    pull(faulty.hold("x", "latest", make_image([tar_of({"a": b"1"})], busybox.config())))
    assert all("Authorization" not in seen.headers for seen in faulty.seen)
