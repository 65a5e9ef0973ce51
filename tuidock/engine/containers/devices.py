"""The devices of the host that a container's bundle lists: found when it is made, and for a
privileged one, which has all there are, again at each start.
"""

from __future__ import annotations

import os

from tuidock.engine.containers import bundle
from tuidock.engine.runtime import devices
from tuidock.engine.runtime.spec import give_devices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.containers.records import Record
    from tuidock.engine.layout import Layout
    from tuidock.engine.types import ContainerSpec


def nodes(spec: ContainerSpec) -> list[devices.Node]:
    """The devices that it is to have, beside the harmless ones. Raises BadSpec.

    Those of an ordinary user that were not asked for one by one would be of no use to it.
    """
    every = devices.host() if _has_all(spec) else []
    return [*every, *devices.find(spec.devices)]


def refresh(layout: Layout, record: Record) -> None:
    """Devices come and go while a privileged container does not run. Raises BadSpec."""
    if not _has_all(record.spec):
        return
    config = bundle.read_config(layout, record.id)
    give_devices(config, nodes(record.spec))
    bundle.write_config(layout, record.id, config)


def _has_all(spec: ContainerSpec) -> bool:
    return spec.privileged and os.geteuid() == 0
