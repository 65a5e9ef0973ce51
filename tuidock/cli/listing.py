"""What `ps`, `images` and `stats` share: columns, `--format`, `--filter`, `-q`."""

from __future__ import annotations

from tuidock.cli.parser import UsageError
from tuidock.cli.table import render as render_table
from tuidock.engine.logs.sanitise import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence

    from tuidock.cli.parser import Parser


def arguments(parser: Parser) -> None:
    """Flags of every list."""
    parser.switch("-q", "--quiet", help="only ids")
    parser.switch("--no-trunc", help="do not shorten")
    parser.several("-f", "--filter", metavar="KEY=VALUE", help="show only these")
    parser.add_argument("--format", default="", metavar="TEMPLATE", help="json, or a Go template")


def show(
    rows: Sequence[Mapping[str, str]],
    columns: Sequence[str],
    options: Namespace,
    titles: Mapping[str, str],
) -> None:
    """Print rows as a table, as ids, or by a template; control characters are made harmless."""
    if options.quiet:
        lines = [row["ID"] for row in rows]
    elif options.format and options.format != "table":
        from tuidock.cli.template import render

        lines = render(options.format, rows)
    else:
        cells = [[plain(row[column]) for column in columns] for row in rows]
        lines = [render_table([titles.get(c, c.upper()) for c in columns], cells)]
    for line in lines:
        print(line)


class Filters:
    """`--filter key=value`, many times: values of one key are alternatives, keys all must fit."""

    def __init__(self, texts: Sequence[str], known: set[str]) -> None:
        self.wanted: dict[str, list[str]] = {}
        for text in texts:
            key, separator, value = text.partition("=")
            if not separator or key not in known:
                one_of = ", ".join(sorted(known))
                raise UsageError([f"tuidock: invalid filter '{text}'", f"One of: {one_of}"], 1)
            self.wanted.setdefault(key, []).append(value)

    def has(self, key: str) -> bool:
        return key in self.wanted

    def match(self, key: str, *values: str) -> bool:
        """One of the values is asked for, or nothing is."""
        return key not in self.wanted or any(value in self.wanted[key] for value in values)

    def contains(self, key: str, value: str) -> bool:
        return key not in self.wanted or any(part in value for part in self.wanted[key])

    def starts(self, key: str, value: str) -> bool:
        return key not in self.wanted or any(value.startswith(p) for p in self.wanted[key])

    def labels(self, labels: Mapping[str, str]) -> bool:
        """`label=key` and `label=key=value`; all must be there."""
        for text in self.wanted.get("label", ()):
            key, separator, value = text.partition("=")
            if key not in labels or (separator and labels[key] != value):
                return False
        return True


def split_tag(reference: str) -> tuple[str, str]:
    """`host:5000/name:tag` into repository and tag; the tag may be empty."""
    head, slash, last = reference.rpartition("/")
    name, _, tag = last.partition(":")
    return head + slash + name, tag
