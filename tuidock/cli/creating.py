"""From flags to a created container, pulling its image when it is missing."""

from __future__ import annotations

import os
import sys

from tuidock.cli import spec
from tuidock.engine.errors import BadSpec, ImageNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.engine.core import Core
    from tuidock.engine.types import Container


_NO_NETWORK = (
    "tuidock: no network, because only root can make the bridge "
    "(--network host shares this machine's, --network none hides this line)"
)


def create(core: Core, options: Namespace) -> Container:
    """Create what `run` and `create` were asked for. Raises EngineError."""
    asked = spec.spec(options)
    if options.cidfile and os.path.exists(options.cidfile):
        raise BadSpec(f"container ID file found: {options.cidfile}", "remove it, or name another")
    if options.pull == "always":
        _pull(core, options)
    try:
        container = core.containers.create(asked)
    except ImageNotFound:
        if options.pull == "never":
            raise
        _pull(core, options)
        container = core.containers.create(asked)
    if asked.network == "default" and container.spec.network == "none":
        print(_NO_NETWORK, file=sys.stderr)
    if options.cidfile:
        with open(options.cidfile, "x", encoding="ascii") as file:
            file.write(container.id)
    return container


def _pull(core: Core, options: Namespace) -> None:
    from tuidock.cli.progress import watch_pull

    watch_pull(core, options.image, options.platform, quiet=False, to_stderr=True)
