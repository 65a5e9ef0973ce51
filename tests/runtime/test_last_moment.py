"""Between the death of a container and its record."""

from __future__ import annotations

from tests import busybox
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout
from tuidock.engine.types import ContainerSpec, Status


def test_nobody_ever_sees_an_end_without_its_record(layout: Layout) -> None:
    """Fails when only the process counts: its monitor needs a moment to write down how it died,

    and whoever looks then sees code 255, or that of the run before.
    """
    core = Core(layout)
    core.images.add(busybox.config(), [busybox.layer()], busybox.REFERENCE)
    command = ("sh", "-c", "n=$(cat /n); echo $((n + 1)) > /n; exit $n")
    spec = ContainerSpec(image=busybox.REFERENCE, command=command, network="none")
    key = core.containers.create(spec).id
    codes = []
    for _ in range(40):
        core.containers.start(key)
        while (seen := core.containers.get(key)).status is not Status.EXITED:
            pass
        assert seen.exit is not None
        codes.append(seen.exit.code)
        core.containers.wait(key)
    core.close()
    assert codes == list(range(40))
