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
    "Networks": {"bridge": {"IPAddress": "10.0.0.2"}},
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
        ("{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}", "none"),
        ("{{range .Args}}<{{.}}>{{end}}", "<x><y>"),
        ("{{range $i, $arg := .Args}}{{$i}}={{$arg}} {{end}}", "0=x 1=y "),
        ("{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "a=1;b=2;"),
        ("{{range .Nothing}}never{{else}}none{{end}}", "none"),
        ("{{range .Networks}}{{.IPAddress}}{{end}}", "10.0.0.2"),
        ('{{(index .Networks "bridge").IPAddress}}', "10.0.0.2"),
        ('{{if eq .Names "db" "web"}}yes{{else}}no{{end}}', "yes"),
        ("{{if .State.OOMKilled}}a{{else if not .Nothing}}b{{else}}c{{end}}", "b"),
        ("{{with .State}}{{.Status}} {{$.Names}}{{end}}", "running web"),
        ("{{$x := .Names}}{{$x}}{{$x | len}}", "web3"),
        ('{{.Names | printf "%s-%5s" "a" | upper}}', "A-  WEB"),
        ('{{join .Args ", "}} {{index (split "a/b" "/") 1}}', "x, y b"),
        ('{{printf "%q %-5s| %d%%" .Names "ab" 7}}', '"web" ab   | 7%'),
        ("a {{- .Names -}} b", "awebb"),
        ("{{/* a word */}}{{and .Names (gt (len .Args) 1)}}", "true"),
        ('{{or .Nothing "}}"}}{{`raw "`}}', '}}raw "'),
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
    "template",
    [
        *("{{.Nope}}", "{{range .Args}}", "{{.Names.Deeper}}", "{{.Labels.a.b}}"),
        *("{{end}}", "{{else}}", "{{if}}x{{end}}", "{{}}", "{{nope .Names}}", "{{$x}}"),
        *("{{.Names .Args}}", "{{range .Names}}{{end}}", "{{index .Args 9}}", "{{(.Names}}"),
        *("{{len 5}}", "{{.Names | }}", "{{& .Names}}", '{{printf "%d" .Names}}'),
    ],
)
def test_what_is_not_there_is_told(template: str) -> None:
    with pytest.raises(UsageError):
        render(template, [ROW])
