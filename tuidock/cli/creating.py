"""From flags to a created container, pulling its image when it is missing."""

from __future__ import annotations

import os
import sys

from tuidock.cli import spec
from tuidock.engine.errors import BadSpec, HostError, ImageNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.engine.core import Core
    from tuidock.engine.types import Container


def create(core: Core, options: Namespace) -> Container:
    """Create what `run` and `create` were asked for. Raises EngineError."""
    asked = spec.spec(options)
    if options.cidfile and os.path.exists(options.cidfile):
        raise BadSpec(
            "container ID file found, make sure the other container isn't running or delete "
            f"{options.cidfile}"
        )
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
        _say_why_without_network()
    if options.cidfile:
        with open(options.cidfile, "x", encoding="ascii") as file:
            file.write(container.id)
    return container


def _pull(core: Core, options: Namespace) -> None:
    from tuidock.cli.progress import watch_pull

    watch_pull(core, options.image, options.platform, quiet=False, to_stderr=True)


def _say_why_without_network() -> None:
    from tuidock.engine.network import carriers

    try:
        carriers.need()
    except HostError as error:
        print(f"tuidock: {error.message} ({error.hint}, or --network none)", file=sys.stderr)
