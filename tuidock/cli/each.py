"""Doing one thing to several named things: every name is tried, failures are told one by one."""

from __future__ import annotations

import sys

from tuidock.engine.errors import EngineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


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
            print(f"tuidock: {error.message}", file=sys.stderr)
            if error.hint:
                print(error.hint, file=sys.stderr)
            failed = failed if isinstance(error, harmless) else 1
        else:
            if echo:
                print(name)
    return failed
