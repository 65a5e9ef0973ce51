"""What a boot brings up and a shutdown takes down: containers whose policy says so.

Up they go one after another, oldest first, but whose namespaces others share before these, for
the clock that says how old they are may have been set; down all at once, because each may take
its time. Invariant: what is taken down here is no person's stop, so the next boot brings it up.
"""

from __future__ import annotations

from tuidock.engine.errors import EngineError
from tuidock.engine.runtime import namespaces, restarting
from tuidock.engine.types import UP, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tuidock.engine.containers.service import Containers
    from tuidock.engine.types import Container

    Outcome = tuple[Container, EngineError | None]

_AT_ONCE = 32


def bring_up(containers: Containers) -> Iterator[Outcome]:
    """Start what belongs up and is not; each with the error that kept it down."""
    for it in _donors_first(containers.list()[::-1]):
        if it.status is Status.EXITED and restarting.belongs_up(
            containers.layout, it.id, it.spec.restart
        ):
            yield it, _failure(containers.start, it.id)


def _donors_first(everything: list[Container]) -> list[Container]:
    """The same order, but for those whose namespaces one before them shares."""
    by_id = {it.id: it for it in everything}
    ordered: dict[str, Container] = {}

    def add(it: Container) -> None:
        for donor in namespaces.shared(it.spec).values():
            if donor in by_id:
                add(by_id[donor])
        ordered.setdefault(it.id, it)

    for it in everything:
        add(it)
    return list(ordered.values())


def take_down(containers: Containers, stop: Callable[[str], object]) -> list[Outcome]:
    """Stop what would be brought up again. `stop` is called in several threads, with ids."""
    from concurrent.futures import ThreadPoolExecutor

    meant = [
        it
        for it in containers.list()
        if it.status in UP and it.spec.restart.name in ("always", "unless-stopped")
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        failures = pool.map(lambda it: _failure(stop, it.id), meant)
        return list(zip(meant, failures, strict=True))


def _failure(action: Callable[[str], object], container_id: str) -> EngineError | None:
    try:
        action(container_id)
    except EngineError as error:
        return error
    return None
