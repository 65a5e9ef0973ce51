"""From flags to a created container, pulling its image when it is missing."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager

from tuidock.cli import spec
from tuidock.engine.errors import BadSpec, HostError, ImageNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator

    from tuidock.engine.core import Core
    from tuidock.engine.types import Container, ContainerSpec


def create(core: Core, options: Namespace) -> Container:
    """Create what `run` and `create` were asked for. Raises EngineError."""
    asked = spec.spec(options)
    with _id_file(options.cidfile) as write:
        container = _create(core, options, asked)
        write(container.id)
    if asked.network == "default" and container.spec.network == "none":
        _say_why_without_network()
    return container


@contextmanager
def _id_file(path: str | None) -> Iterator[Callable[[str], object]]:
    """Made before there is a container, and gone again if none came of it. Raises BadSpec."""
    if not path:
        yield len
        return
    try:
        file = open(path, "x", encoding="ascii")  # noqa: SIM115
    except FileExistsError as error:
        raise BadSpec(
            f"container ID file found, make sure the other container isn't running or delete {path}"
        ) from error
    except OSError as error:
        raise BadSpec(
            f"failed to create the container ID file: open {path}: {(error.strerror or '').lower()}"
        ) from error
    with file:
        try:
            yield file.write
        except BaseException:
            os.unlink(path)
            raise


def _create(core: Core, options: Namespace, asked: ContainerSpec) -> Container:
    if options.pull == "always":
        _pull(core, options)
    try:
        return core.containers.create(asked)
    except ImageNotFound:
        if options.pull == "never":
            raise
        _pull(core, options)
        return core.containers.create(asked)


def _pull(core: Core, options: Namespace) -> None:
    from tuidock.cli.progress import watch_pull

    watch_pull(core, options.image, options.platform, quiet=False, to_stderr=True)


def _say_why_without_network() -> None:
    from tuidock.engine.network import carriers

    try:
        carriers.need()
    except HostError as error:
        print(f"tuidock: {error.message} ({error.hint}, or --network none)", file=sys.stderr)
