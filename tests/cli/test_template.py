"""`--format`: the part of Go's templates that people use with docker."""

from __future__ import annotations

import pytest

from tuidock.cli.parser import UsageError
from tuidock.cli.template import render

ROW = {
    "Names": "web",
    "State": {"Status": "running", "OOMKilled": False},
    "Labels": {"a": "1", "b": "2"},
    "Args": ["x", "y"],
    "Nothing": None,
}


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("{{.Names}}", "web"),
        ("{{ .State.Status }}!", "running!"),
        ("{{.State.OOMKilled}}", "false"),
        ("{{json .Labels}}", '{"a": "1", "b": "2"}'),
        ('{{index .Labels "b"}}', "2"),
        ("{{len .Args}}", "2"),
        ("{{upper .Names}}", "WEB"),
        ("{{.Args}} {{.Labels}} {{.Nothing}}", "[x y] map[a:1 b:2] <no value>"),
        ("{{.Names}}\\t{{.Names}}", "web\tweb"),
        ("plain", "plain"),
        ("{{.Labels.b}} {{.Labels.c}} {{json .Labels.c}}", "2 <no value> null"),
    ],
)
def test_a_template_fills_in(template: str, wanted: str) -> None:
    assert render(template, [ROW]) == [wanted]


def test_json_is_one_object_a_line() -> None:
    assert render("json", [{"a": 1}, {"a": 2}]) == ['{"a": 1}', '{"a": 2}']


def test_a_table_has_titles() -> None:
    title, line = render("table {{.Names}}\\t{{.State.Status}}", [ROW])
    assert title.split() == ["NAMES", "STATUS"]
    assert line.split() == ["web", "running"]


@pytest.mark.parametrize(
    "template", ["{{.Nope}}", "{{range .Args}}", "{{.Names.Deeper}}", "{{.Labels.a.b}}"]
)
def test_what_is_not_there_is_told(template: str) -> None:
    with pytest.raises(UsageError):
        render(template, [ROW])
