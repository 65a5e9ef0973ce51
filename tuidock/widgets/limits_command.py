"""The `tuidock update` that does the same as a change in the console.

Pure functions. Invariant: the command line's own parser makes the same `Limits` of it.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from tuidock.engine.types import Limits
from tuidock.widgets.limits_kinds import Kind, kinds


def command(limits: Limits, names: Sequence[str], *, keep: bool = True) -> str:
    """`tuidock update -m 512m web`; `--until-exit` without `keep`."""
    once = [] if keep else ["--until-exit"]
    words = [word for kind in kinds((), [limits]) for word in _words(kind, limits)]
    return shlex.join(["tuidock", "update", *once, *words, *names])


def _words(kind: Kind, limits: Limits) -> list[str]:
    found = getattr(limits, kind.field)
    if kind.device:
        found = dict(found or ()).get(kind.device)
    if found is None:
        return []
    text = found if isinstance(found, str) else "-1" if found == -1 else kind.typed(found)
    return [kind.flag, f"{kind.device}:{text}" if kind.device else text]
