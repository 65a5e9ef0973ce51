"""Doing one thing to several named things: every name is tried, failures are told one by one."""

from __future__ import annotations

import sys

from tuidock.cli.parser import UsageError
from tuidock.engine.errors import EngineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tuidock.engine.types import Container


def need(names: Sequence[str], verb: str) -> None:
    """Raises UsageError without a name."""
    if not names:
        raise UsageError(
            [
                f"tuidock {verb}: requires at least 1 argument",
                f"See 'tuidock {verb} --help'.",
            ],
        )


def report(outcomes: Iterable[tuple[Container, EngineError | None]]) -> int:
    """Print the names of what worked, and the errors of what did not. Returns 0 or 1."""
    failed = 0
    for it, error in outcomes:
        if error is None:
            print(it.name)
        else:
            _complain(error)
            failed = 1
    return failed


def each(
    names: Iterable[str],
    action: Callable[[str], object],
    *,
    echo: bool = False,
    harmless: type[EngineError] | tuple[()] = (),
) -> int:
    """Apply `action` to each name, print the name after success when `echo`. Returns 0 or 1.

    A `harmless` error is told and does not count.
    """
    failed = 0
    for name in names:
        try:
            action(name)
        except EngineError as error:
            _complain(error)
            failed = failed if isinstance(error, harmless) else 1
        else:
            if echo:
                print(name)
    return failed


def _complain(error: EngineError) -> None:
    print(f"tuidock: {error.message}", file=sys.stderr)
    if error.hint:
        print(error.hint, file=sys.stderr)
