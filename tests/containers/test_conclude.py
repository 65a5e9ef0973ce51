"""What is done for a container that has ended, by whoever comes first."""

from __future__ import annotations

import pytest

from tuidock.engine.core import Core
from tuidock.engine.errors import ContainerNotFound
from tuidock.engine.runtime.restarting import PERSON, RESTART
from tuidock.engine.types import ContainerSpec


def test_a_restart_keeps_what_a_stop_removes(core: Core) -> None:
    """Seen to fail without `is_restart` in `conclude`: the restart finds nothing to start."""
    spec = ContainerSpec("busybox", "box", ("sleep", "600"), network="none", remove=True)
    it = core.containers.create(spec)
    core.containers.start(it.id)
    core.containers.stop(it.id, 0, by=RESTART)
    core.containers.conclude(it.id)
    core.containers.start(it.id)
    core.containers.stop(it.id, 0, by=PERSON)
    core.containers.conclude(it.id)
    with pytest.raises(ContainerNotFound):
        core.containers.get(it.id)
