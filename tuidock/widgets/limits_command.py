"""The `tuidock update` that does the same as a change of limits.

Pure functions. Invariant: the command line's own parser makes the same `Limits` of it.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from tuidock.engine.types import Limits
from tuidock.widgets.limits_kinds import Kind, kinds


def command(limits: Limits, names: Sequence[str], *, keep: bool = True) -> str:
    """`tuidock update -m 512m web`; `--until-exit` without `keep`."""
    return shlex.join(["tuidock", *words(limits, names, keep=keep)])


def words(limits: Limits, names: Sequence[str], *, keep: bool = True) -> list[str]:
    """The same, without the program's name."""
    once = [] if keep else ["--until-exit"]
    flags = [word for kind in kinds((), [limits]) for word in _flag(kind, limits)]
    return ["update", *once, *flags, *names]


def _flag(kind: Kind, limits: Limits) -> list[str]:
    found = getattr(limits, kind.field)
    if kind.device:
        found = dict(found or ()).get(kind.device)
    if found is None:
        return []
    text = found if isinstance(found, str) else "-1" if found == -1 else kind.typed(found)
    return [kind.flag, f"{kind.device}:{text}" if kind.device else text]
