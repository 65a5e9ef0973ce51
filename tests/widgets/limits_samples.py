"""What tests of the limits console share: a machine, a sample, the kinds by name."""

from __future__ import annotations

from tuidock.engine.types import Bounds, Limits, Sample
from tuidock.widgets.limits_kinds import FIXED
from tuidock.widgets.limits_model import LimitsModel, Subject

BY_FIELD = {kind.field: kind for kind in FIXED}
CPU, MEMORY, PIDS = (BY_FIELD[name] for name in ("cpus", "memory", "pids"))
CORES, SWAP, HIGH = (BY_FIELD[name] for name in ("cpuset_cpus", "memory_swap", "memory_high"))
MIB = 2**20
MACHINE = Bounds((0, 1, 2, 3), 8 << 30, 1 << 30, ("/dev/sda",))


def sample(
    cpu: float = 0.5, memory: int = 100 * MIB, peak: int = 120 * MIB, pids: int = 7, at: float = 1.0
) -> Sample:
    made = Sample("c", at, cpu, 9.0, None, 0.0, memory, 0, None, peak, 0, pids, None, 0, 0, 0, 0)
    return made._replace(memory_anon=memory * 4 // 5)


def model(limits: Limits = Limits(), *samples: Sample) -> LimitsModel:  # noqa: B008
    made = LimitsModel()
    made.bounds = MACHINE
    made.show([Subject("c", "web", limits, samples)])
    return made
