"""References: docker's short names, and nothing that could become a path or a header."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuidock.engine.errors import BadReference
from tuidock.engine.images.reference import (
    check_digest,
    familiar,
    is_loopback,
    parse,
    parse_repository,
)

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("typed", "full", "short"),
    [
        ("debian", "docker.io/library/debian:latest", "debian:latest"),
        ("debian:12", "docker.io/library/debian:12", "debian:12"),
        ("docker.io/debian", "docker.io/library/debian:latest", "debian:latest"),
        ("index.docker.io/library/debian", "docker.io/library/debian:latest", "debian:latest"),
        ("owner/name", "docker.io/owner/name:latest", "owner/name:latest"),
        ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
        ("localhost:5000/x", "localhost:5000/x:latest", "localhost:5000/x:latest"),
        (
            f"127.0.0.1:5000/x:t@{DIGEST}",
            f"127.0.0.1:5000/x@{DIGEST}",
            f"127.0.0.1:5000/x@{DIGEST}",
        ),
        ("[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"),
        ("ghcr.io/a/b__c/d--e", "ghcr.io/a/b__c/d--e:latest", "ghcr.io/a/b__c/d--e:latest"),
        (f"debian@{DIGEST}", f"docker.io/library/debian@{DIGEST}", f"debian@{DIGEST}"),
    ],
)
def test_what_a_person_types(typed: str, full: str, short: str) -> None:
    assert str(parse(typed)) == full
    assert parse(typed).familiar == short
    assert str(parse(short)) == full


_NO_REFERENCES = """
    / x/ /x : x: Debian a//b ../x a/../b a/./b -x x- a..b a___b x:-t x@ x@sha256: host:0/x
    host:99999/x host:x/x ho_st.x/y [::1/x é x:é x?y x#y x%2e user@host.io/x
"""
_LONG = ["x:" + "t" * 129, "x@md5:" + "a" * 32, "x@sha256:" + "A" * 64, "x@sha256:" + "a" * 63]


@pytest.mark.parametrize(
    "typed",
    ["", "a b", "x\n", "x:y\n", "a" * 64, "a/" * 130 + "b", *_LONG, *_NO_REFERENCES.split()],
)
def test_what_is_no_reference(typed: str) -> None:
    with pytest.raises(BadReference) as caught:
        parse(typed)
    assert caught.value.hint


@given(st.text())
def test_parsing_is_total(typed: str) -> None:
    try:
        reference = parse(typed)
    except BadReference:
        return
    assert parse(str(reference)) == reference


_NAME = st.from_regex(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*", fullmatch=True).filter(
    lambda s: len(s) < 60
)
_HOST = st.sampled_from(["docker.io", "localhost", "ghcr.io", "127.0.0.1:5000", "[::1]:80"])
_TAG = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@given(_HOST, st.lists(_NAME, min_size=1, max_size=3), _TAG)
def test_a_full_reference_is_itself(host: str, path: list[str], tag: str) -> None:
    joined = "/".join(["library", *path] if host == "docker.io" and len(path) == 1 else path)
    full = f"{host}/{joined}:{tag}"
    assert str(parse(full)) == full


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:../../x",
        "sha256:" + "g" * 64,
        DIGEST + "\n",
        DIGEST.upper(),
        "sha512:" + "a" * 128,
    ],
)
def test_a_digest_that_could_be_a_path(text: str) -> None:
    """CVE-2024-3727, CVE-2014-9358. Fails with anything laxer than 64 hexadecimal digits."""
    with pytest.raises(BadReference):
        check_digest(text)


def test_a_digest_that_is_one() -> None:
    assert check_digest(DIGEST) == DIGEST


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:5000", "127.0.0.1", "127.9.9.9:1", "[::1]:5000", "[::1]"]
)
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


_ELSEWHERE = """
    127.0.0.1.evil.example evil.example 1127.0.0.1 localhost.evil.example 127.0.0 0.0.0.0
    127.0.0.256 128.0.0.1:127
"""


@pytest.mark.parametrize("host", ["", *_ELSEWHERE.split()])
def test_not_this_machine(host: str) -> None:
    """Plain HTTP goes to none of these."""
    assert not is_loopback(host)


def test_a_repository_has_no_tag() -> None:
    assert parse_repository("127.0.0.1:5000/a/b").repository == "127.0.0.1:5000/a/b"
    for text in ("x:1", f"x@{DIGEST}"):
        with pytest.raises(BadReference):
            parse_repository(text)


def test_familiar_leaves_others_alone() -> None:
    assert familiar("docker.io.evil.example/library/x") == "docker.io.evil.example/library/x"


def test_the_way_of_every_run_imports_little() -> None:
    """`tuidock run` resolves an image; it must not pay for registries."""
    code = "import sys, tuidock.engine.images.service; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {
        "requests",
        "hashlib",
        "urllib3",
        "asyncio",
        "isal",
        "threading",
        "dataclasses",
        "pathlib",
    }
    assert not heavy & set(loaded.stdout.split())
