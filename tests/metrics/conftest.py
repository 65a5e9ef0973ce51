"""A running "container" as the sampler sees it: a cgroup of the layout, and a process in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.cgroups.conftest import Start, start
from tuidock.engine.cgroups.cgroup import Cgroup, open_cgroup
from tuidock.engine.layout import Layout

__all__ = ["start"]

New = Callable[..., Cgroup]


@pytest.fixture
def new_container(layout: Layout, start: Start) -> Iterator[New]:
    """new_container(id, **resources): its cgroup, empty."""
    made: list[Cgroup] = []

    def make(container_id: str, **resources: object) -> Cgroup:
        cgroup = open_cgroup(layout.tag, container_id)
        cgroup.create(resources)
        made.append(cgroup)
        return cgroup

    yield make
    for cgroup in made:
        cgroup.kill()
        cgroup.remove()
