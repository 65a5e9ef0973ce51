"""Starting: endpoint, files, launcher, gate, go; undone in reverse when a step fails."""

from __future__ import annotations

from tuidock.engine.containers import bundle, devices, records, sharing
from tuidock.engine.containers.create import EXPOSED
from tuidock.engine.containers.etc import contents
from tuidock.engine.containers.records import Record
from tuidock.engine.errors import EngineError, WrongStatus
from tuidock.engine.layout import Layout
from tuidock.engine.linux.files import remove_path
from tuidock.engine.runtime import client, namespaces, restarting
from tuidock.engine.runtime.state import LOST, read_state
from tuidock.engine.types import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tuidock.engine.network.service import Network
    from tuidock.engine.network.usermode import UserNetwork
    from tuidock.engine.runtime.client import Line
    from tuidock.engine.runtime.state import RunState


def start(
    layout: Layout,
    record: Record,
    network: Callable[[], Network | UserNetwork],
    *,
    attach: bool,
    before: RunState | None = None,
) -> Line | None:
    """Start a container; no-op (None) when it runs. Raises RuntimeFailure, PortInUse.

    With `attach`, the line carries output from the first byte on. `before` is the state that
    its restart policy starts it from; without, a person does.
    """
    with bundle.locked(layout, record.id):
        state = read_state(layout, record.id)
        if state.status is Status.PAUSED:
            raise WrongStatus("cannot start a paused container, try unpause instead")
        if state.status is Status.RUNNING:
            return None
        if state.exit and state.exit.error == LOST.error:
            # Its run directory has gone, and not the machine: a logout, say.
            from tuidock.engine.containers.life import end_what_lives  # hardly ever

            end_what_lives(layout, record.id)
        _refuse_mounted(layout, record)
        if not before:
            restarting.forget_stop(layout, record.id)
        if record.spec.remove:
            _trust_volatile(layout, record)
        devices.refresh(layout, record)
        line = _birth(layout, record, network, attach=attach, before=before)
    records.note(layout, record, "start")
    return line


def _trust_volatile(layout: Layout, record: Record) -> None:
    """Let an overlay that is not synced be mounted again.

    The kernel refuses, as after a crash of the machine it may lack anything; then a `--rm`
    container is about to be removed anyway, and without a crash it lacks nothing.
    """
    remove_path(f"{layout.container(record.id)}/work/work/incompat")


def _refuse_mounted(layout: Layout, record: Record) -> None:
    if not bundle.may_be_mounted(layout, record.id):
        return
    from tuidock.engine.containers import mounting  # hardly ever

    if where := mounting.mounted(layout, record.id):
        raise WrongStatus(
            f"the files of container {record.name} are mounted at {where}",
            f"`tuidock container unmount {record.name}` first",
        )


def _birth(
    layout: Layout,
    record: Record,
    network: Callable[[], Network | UserNetwork],
    *,
    attach: bool,
    before: RunState | None,
) -> Line | None:
    sharing.locate(layout, record)
    if record.spec.network != "bridge":
        if not namespaces.donor(record.spec.network):
            bundle.write_files(layout, record.id, contents(record, None))
        starting = client.start(layout, record.id, gate=False, attach=attach, before=before)
        starting.wait_started()
        return starting.line
    endpoint = network().reserve(record.id, record.spec, _exposed(layout, record))
    try:
        bundle.write_files(layout, record.id, contents(record, endpoint))
        starting = client.start(layout, record.id, gate=True, attach=attach, before=before)
        try:
            wired = network().connect(endpoint, starting.pid)
        except EngineError as error:  # maybe because there is no container any more
            raise starting.abandon() or error from error
        starting.go(wired)
        starting.wait_started()
    except BaseException:
        network().disconnect(record.id)
        raise
    return starting.line


def _exposed(layout: Layout, record: Record) -> list[str]:
    """Ports that the image names; only `--publish-all` asks."""
    if not record.spec.publish_all:
        return []
    annotations = bundle.read_config(layout, record.id)["annotations"]
    assert isinstance(annotations, dict)
    return [port for port in annotations.get(EXPOSED, "").split(",") if port]
