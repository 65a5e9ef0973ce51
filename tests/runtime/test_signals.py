"""What a container inherits of the signal dispositions of whoever started the launcher."""

from __future__ import annotations

import signal

from tests import busybox
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout
from tuidock.engine.types import ContainerSpec, LogQuery


def test_what_we_ignore_a_container_does_not(layout: Layout) -> None:
    """Fails when the launcher inherits: `nohup tuidock run` would make containers deaf."""
    core = Core(layout)
    core.images.add(busybox.config(), [busybox.layer()], busybox.REFERENCE)
    command = ("grep", "-E", "Sig(Ign|Blk)", "/proc/self/status")
    spec = ContainerSpec(image=busybox.REFERENCE, command=command, network="none")
    key = core.containers.create(spec).id
    before = signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    try:
        core.containers.start(key)
    finally:
        signal.signal(signal.SIGQUIT, before)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR2})
    core.containers.wait(key)
    lines = [line.text for batch in core.containers.logs(key, LogQuery()) for line in batch]
    core.close()
    masks = {int(line.split()[1], 16) & 0x7FFFFFFF for line in lines}  # 32 and up: the C library
    assert masks == {0}
