"""Hardening 40: what a container or an image says must not drive the terminal.

Every case fails when `plain` lets text through as it is.
"""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuidock.engine.logs.sanitise import coloured, plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words, Größe, 日本語, 👩‍🚀", "plain words, Größe, 日本語, 👩‍🚀"),
        ("a\x1b]52;c;ZXZpbA==\x07b", "ab"),
        ("a\x1b]0;title\x1b\\b", "ab"),
        ("a\x9d0;title\x9cb", "ab"),
        ("a\x1b]52;never ended", "a52;never ended"),
        ("a\x1b[2J\x1b[1;1Hb", "ab"),
        ("a\x9b2Jb", "ab"),
        ("a\x1b[?1049hb", "ab"),
        ("a\x1bPq#0\x1b\\b", "ab"),
        ("a\x1bcb", "ab"),
        ("a\x1b(0b", "ab"),
        ("a\x1b", "a"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\0b\x08c\x7fd", "a\ufffdb\ufffdc\ufffdd"),
        ("name\nfake row\r\n", "name fake row"),
        ("over\rwritten", "over written"),
        ("a\tb\u2028c", "a b c"),
        ("\u202egpj.exe\u2066x\u200ey\ufeff", "\ufffdgpj.exe\ufffdx\ufffdy\ufffd"),
        ("\udcff", "\ufffd"),
        ("a\u00a0b\u3000c", "a\u00a0b\u3000c"),
    ],
)
def test_plain(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no colour", "no colour"),
        ("\x1b[1;31mred\x1b[m x", "\x1b[1;31mred\x1b[m x\x1b[0m"),
        ("\x1b[38:2::1:2:3mx", "\x1b[38:2::1:2:3mx\x1b[0m"),
        ("\x1b[31mred\x1b[2J\x07", "\x1b[31mred\ufffd\x1b[0m"),
        ("\x1b[>4;2mx", "x"),
        ("\x1b]0;a\x1b[1mb\x07c", "0;a\x1b[1mb\ufffdc\x1b[0m"),
    ],
)
def test_coloured(text: str, expected: str) -> None:
    assert coloured(text) == expected


@given(st.text(st.characters(exclude_categories=())))
def test_no_control_ever_comes_through(text: str) -> None:
    shown = plain(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert plain(shown) == shown
    shown.encode()


@given(st.text(st.sampled_from("\x1b[]m;0123P\\\x07\x9b\x9cab")))
def test_only_colours_come_through(text: str) -> None:
    without = coloured(text)
    while "\x1b[" in without:
        before, _, after = without.partition("\x1b[")
        parameters, found, rest = after.partition("m")
        assert found
        assert set(parameters) <= set("0123456789;:")
        without = before + rest
    assert "\x1b" not in without
    assert "\x9b" not in without
