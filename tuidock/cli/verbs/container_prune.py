"""`tuidock container prune`."""

from __future__ import annotations

import sys

from tuidock.cli import units, words
from tuidock.cli.parser import UsageError
from tuidock.engine.pruning import PruneQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core

_WARNING = "WARNING! This will remove all stopped containers."
_FILTERED = "  Items to be pruned will be filtered with:"
_QUESTION = "Are you sure you want to continue? [y/N] "


def arguments(parser: Parser) -> None:
    parser.switch("-f", "--force", help="do not ask")
    parser.several("--filter", metavar="KEY=VALUE", help="until=TIME, label=KEY, label!=KEY")


def main(core: Core, options: Namespace) -> int:
    query = _query(options.filter)
    if not (options.force or _agreed(options.filter)):
        return 0
    pruned = core.containers.prune(query)
    if pruned.ids:
        print("Deleted Containers:", *pruned.ids, "", sep="\n")
    print(f"Total reclaimed space: {words.size(pruned.space)}")
    return 0


def _query(texts: Sequence[str]) -> PruneQuery:
    """Raises UsageError, BadSpec."""
    query = PruneQuery()
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or key not in ("until", "label", "label!"):
            raise UsageError([f"tuidock: invalid filter '{text}'", "until, label or label!"], 1)
        if key == "until":
            query = query._replace(until=units.moment(value))
        elif key == "label":
            query = query._replace(labels=(*query.labels, value))
        else:
            query = query._replace(without=(*query.without, value))
    return query


def _agreed(filters: Sequence[str]) -> bool:
    print(_WARNING)
    if filters:
        print(_FILTERED, *(f"  - {each}" for each in filters), sep="\n")
    print(_QUESTION, end="", flush=True)
    return sys.stdin.readline().strip().lower() == "y"
