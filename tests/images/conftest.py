"""What the image tests share: a store, a real registry, a registry that misbehaves on order."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tests.images.faulty import FaultyRegistry
from tests.registry_fixture import DebianRegistry
from tuidock.engine import store
from tuidock.engine.events import Pulled, PullEvent
from tuidock.engine.images.pull import Puller
from tuidock.engine.images.registry import Patience
from tuidock.engine.images.service import Images
from tuidock.engine.images.wire import Deadlines
from tuidock.engine.layout import Layout

Pull = Callable[..., Pulled]


@pytest.fixture
def db(layout: Layout) -> Iterator[sqlite3.Connection]:
    with closing(store.connect(layout)) as connection:
        yield connection


@pytest.fixture
def images(layout: Layout, db: sqlite3.Connection) -> Images:
    return Images(layout, db)


@pytest.fixture
def pull(layout: Layout, db: sqlite3.Connection) -> Pull:
    """Pull as the service does, but without its patience."""

    def now(reference: str, platform: str = "", events: list[PullEvent] | None = None) -> Pulled:
        puller = Puller(layout, db, Patience(4, 0.01), Deadlines(2, 0.5))
        seen = [] if events is None else events
        return puller.pull(reference, platform, seen.append, threading.Event())

    return now


@pytest.fixture(scope="session")
def registry() -> Iterator[DebianRegistry]:
    with DebianRegistry() as running:
        yield running


@pytest.fixture
def faulty() -> Iterator[FaultyRegistry]:
    with FaultyRegistry() as running:
        yield running
