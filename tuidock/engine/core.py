"""The blocking engine: one object that joins the services over one store.

The command line uses it directly; `LocalEngine` puts the asynchronous face on it. A Core
belongs to one thread. Services are made at first use, so that a verb imports only its own.
"""

from __future__ import annotations

import _sqlite3
import os
from functools import cached_property

from tuidock.engine import store
from tuidock.engine.errors import HostError, StorageFull
from tuidock.engine.layout import Layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuidock.engine.containers.boot import Outcome
    from tuidock.engine.containers.service import Containers
    from tuidock.engine.events import Event
    from tuidock.engine.images.service import Images
    from tuidock.engine.network.service import Network
    from tuidock.engine.network.usermode import UserNetwork
    from tuidock.engine.types import Finding, HostInfo


class Core:
    """The engine of one root."""

    def __init__(self, layout: Layout) -> None:
        """Raises HostError when the store cannot be made or opened."""
        self.layout = layout
        try:
            layout.make()
            self.db = store.connect(layout)
        except OSError as error:
            raise _unusable(layout, error) from error
        except _sqlite3.Error as error:
            raise HostError(
                f"cannot open {layout.database}: {error}", "free some space, or use another --root"
            ) from error

    @cached_property
    def images(self) -> Images:
        """The local images, and what registries offer."""
        from tuidock.engine.images.service import Images

        return Images(self.layout, self.db)

    @cached_property
    def containers(self) -> Containers:
        """The containers."""
        from tuidock.engine.containers.service import Containers

        return Containers(self.layout, self.db, lambda: self.images, lambda: self.network)

    @cached_property
    def network(self) -> Network | UserNetwork:
        """The default network: root's bridge, or what an ordinary user has in its place."""
        if os.geteuid():
            return self._user_network()
        from tuidock.engine.network.service import Network

        return Network(self.layout, self.db)

    def _user_network(self) -> UserNetwork:
        from functools import partial

        from tuidock.engine.network.usermode import UserNetwork
        from tuidock.engine.runtime.client import start_uplink

        return UserNetwork(self.layout, self.db, partial(start_uplink, self.layout))

    def events(self, since: float | None = None, until: float | None = None) -> Iterator[Event]:
        """What happened since then, and then, unless `until` is past, what happens, for ever."""
        from tuidock.engine import journal

        return journal.watch(self.layout, since, until)

    def info(self) -> HostInfo:
        """Facts of host and engine."""
        from tuidock.engine.containers.census import info

        return info(self)

    def doctor(self) -> list[Finding]:
        """What this machine offers and lacks."""
        from tuidock.engine.metrics.host import doctor

        return [*doctor(self.layout), *self.network.findings()]

    def check(self) -> list[str]:
        """Mend what a crash left half-made; what was done, a line each."""
        done = self.containers.sweep()
        return [*done, *self.network.sweep(self.containers.alive()), *self.images.sweep()]

    def bring_up(self) -> Iterator[Outcome]:
        """After a boot: mend, then start what its restart policy wants up, one after another."""
        from tuidock.engine.containers.boot import bring_up

        self.check()
        yield from bring_up(self.containers)

    def take_down(self) -> list[Outcome]:
        """Before a shutdown: stop what `bring_up` would start, all at once."""
        from tuidock.engine.containers.boot import take_down
        from tuidock.engine.runtime.restarting import SHUTDOWN

        def stop(container_id: str) -> None:
            core = Core(self.layout)  # a connection belongs to one thread
            try:
                core.containers.stop(container_id, by=SHUTDOWN)
            finally:
                core.close()

        return take_down(self.containers, stop)

    def close(self) -> None:
        """Let go of the database; containers live on."""
        self.db.close()


def _unusable(layout: Layout, error: OSError) -> HostError:
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(
            f"no space left for the store at {layout.root}",
            "free some space, or use another --root",
        )
    return HostError(
        f"cannot use {error.filename or layout.root}: {error.strerror}",
        "choose other directories with --root and --runroot",
    )


def default_layout(root: str | None = None, runroot: str | None = None) -> Layout:
    """The directories that flags, TUIDOCK_ROOT and TUIDOCK_RUNROOT, or custom ask for."""
    root = root or os.environ.get("TUIDOCK_ROOT") or _default_root()
    runroot = runroot or os.environ.get("TUIDOCK_RUNROOT") or _default_runroot()
    return Layout(os.path.abspath(root), os.path.abspath(runroot))


def _default_root() -> str:
    if os.geteuid() == 0:
        return "/var/lib/tuidock"
    from platformdirs import user_data_dir

    return str(user_data_dir("tuidock", appauthor=False))


def _default_runroot() -> str:
    if os.geteuid() == 0:
        return "/run/tuidock"
    base = os.environ.get("XDG_RUNTIME_DIR")
    return f"{base}/tuidock" if base else f"/tmp/tuidock-{os.geteuid()}"


def open_core(root: str | None = None, runroot: str | None = None) -> Core:
    """Open the engine, making its directories at first use. Raises HostError."""
    return Core(default_layout(root, runroot))
