"""The limits that the console turns, as one table: names, units, steps, flags.

Pure data and functions. Invariant: one kind is one flag of `tuidock update`, and what `typed`
writes, `parse` reads back and the flag takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tuidock import format as fmt
from tuidock.engine.types import Limits
from tuidock.widgets import amounts, cores

Value = float | str
"""Cores, bytes, a count, or a list of CPUs; 0 and the empty text are no limit of our own."""

WEIGHT_LEAST, WEIGHT_MOST = 10, 1000
SHARES_LEAST, SHARES_MOST = 2, 262144
LEAST_RATE = 4096


class Kind(NamedTuple):
    """One of the limits that can be turned."""

    field: str
    """Of `Limits`."""
    title: str
    group: str
    """`cpu`, `memory`, `pids` or `io`: what the words below are about."""
    flag: str
    parse: Callable[[str], Value]
    typed: Callable[[float], str]
    """As a person types it."""
    step: Callable[[float, int], float]
    first: float = 0.0
    """Where stepping starts when there is neither limit nor use."""
    measure: str = ""
    """What of a sample it bounds: see `limits_measures`."""
    room: float = 0.0
    """How many times the peak a suggestion is; 0 for none."""
    none: str = "no limit"
    """What holds when nothing is set."""
    lift: Value = 0.0
    """What is asked of the engine for "no limit"."""
    device: str = ""

    @property
    def key(self) -> str:
        """Unique among the kinds of one console."""
        return f"{self.field}:{self.device}" if self.device else self.field

    @property
    def is_list(self) -> bool:
        return self.field == "cpuset_cpus"

    def of(self, limits: Limits) -> Value:
        """Its value among some limits; 0 or empty without one."""
        found = getattr(limits, self.field)
        if self.device:
            found = dict(found or ()).get(self.device)
        return found or ("" if self.is_list else 0.0)

    def text(self, value: Value) -> str:
        """A value in words."""
        if isinstance(value, str):
            return value or self.none
        if value < 0:
            return "no limit"
        unit = " core" if self.field == "cpus" and value == 1 else ""
        unit = " cores" if self.field == "cpus" and value != 1 else unit
        tail = "/s" if self.device else ""
        return self.typed(value) + unit + tail if value else self.none


def _size(text: str) -> Value:
    return float(amounts.parse_size(text.removesuffix("/s")))


def _bytes(count: float) -> str:
    return amounts.size_text(int(count))


def _count(text: str) -> Value:
    return float(amounts.parse_count(text.removesuffix("/s")))


def _whole(count: float) -> str:
    return str(int(count))


def _list(text: str) -> Value:
    """`0` lifts the limit, as everywhere; CPU 0 alone is `0-0`."""
    return "" if text.strip() in ("", "0") else cores.list_text(cores.parse_list(text))


def _step_memory(count: float, steps: int) -> float:
    return amounts.step_size(int(count), steps)


def _step_rate(count: float, steps: int) -> float:
    return amounts.step_size(int(count), steps, least=LEAST_RATE, finest=LEAST_RATE)


def _step_count(count: float, steps: int) -> float:
    return amounts.step_count(int(count), steps)


def _step_weight(count: float, steps: int) -> float:
    return min(WEIGHT_MOST, max(WEIGHT_LEAST, amounts.step_count(int(count), steps)))


def _step_shares(count: float, steps: int) -> float:
    stepped = amounts.step_size(int(count), steps, least=SHARES_LEAST, finest=1)
    return min(SHARES_MOST, stepped)


MIB = float(amounts.MIB)

FIXED = (
    Kind("cpus", "CPU quota", "cpu", "--cpus", amounts.parse_cores, amounts.cores_text,
         amounts.step_cores, 1.0, "cpu", 1.5),
    Kind("cpu_shares", "CPU weight", "cpu", "--cpu-shares", _count, _whole, _step_shares, 1024.0,
         none="1024"),
    Kind("cpuset_cpus", "CPU cores", "cpu", "--cpuset-cpus", _list, str, lambda n, _: n,
         none="all", lift=""),
    Kind("memory", "Memory max", "memory", "-m", _size, _bytes, _step_memory, 256 * MIB,
         "memory", 1.25),
    Kind("memory_high", "Memory high", "memory", "--memory-high", _size, _bytes, _step_memory,
         256 * MIB, "memory"),
    Kind("memory_reservation", "Mem. soft", "memory", "--memory-reservation", _size, _bytes,
         _step_memory, 64 * MIB, "memory", none="none"),
    Kind("memory_swap", "Mem. + swap", "memory", "--memory-swap", _size, _bytes, _step_memory,
         512 * MIB, "swap", none="2 × max", lift=-1.0),
    Kind("pids", "Processes", "pids", "--pids-limit", _count, _whole, _step_count, 100.0, "pids",
         2.0),
    Kind("blkio_weight", "I/O weight", "io", "--blkio-weight", _count, _whole, _step_weight, 500.0,
         none="default"),
)  # fmt: skip
"""Those that every container has."""


def rates(device: str) -> tuple[Kind, ...]:
    """Those of one block device, `/dev/sda`."""
    size = {"parse": _size, "typed": _bytes, "step": _step_rate, "first": 10 * MIB, "room": 1.5}
    count = {"parse": _count, "typed": _whole, "step": _step_count, "first": 100.0, "room": 1.5}
    rows = (
        ("device_read_bps", "read", size),
        ("device_write_bps", "write", size),
        ("device_read_iops", "reads", count),
        ("device_write_iops", "writes", count),
    )
    name = device.removeprefix("/dev/")
    return tuple(
        Kind(field, f"{name} {word}", "io", f"--{field.replace('_', '-')}", measure=word,
             device=device, **units)  # type: ignore[arg-type]  # each dict fits its fields
        for field, word, units in rows
    )  # fmt: skip


def kinds(disks: Sequence[str], limits: Sequence[Limits] = ()) -> tuple[Kind, ...]:
    """All rows: the fixed ones, then those of each disk that is here or has a limit."""
    limited = [
        device
        for each in limits
        for field in (
            "device_read_bps",
            "device_write_bps",
            "device_read_iops",
            "device_write_iops",
        )
        for device, _ in getattr(each, field) or ()
    ]
    devices = dict.fromkeys([*disks, *limited])
    return (*FIXED, *(kind for device in devices for kind in rates(device)))


def limits_of(values: dict[Kind, Value]) -> Limits:
    """Values as `Containers.update` takes them: whole bytes and counts, 0 for no limit."""
    fields: dict[str, object] = {}
    for kind, value in values.items():
        exact = value if isinstance(value, str) or kind.field == "cpus" else int(value)
        if kind.device:
            before = fields.get(kind.field, ())
            assert isinstance(before, tuple)
            exact = (*before, (kind.device, exact))  # type: ignore[assignment]
        fields[kind.field] = exact
    return Limits(**fields)  # type: ignore[arg-type]  # each kind has its field's type


def shown(kind: Kind, amount: float) -> str:
    """A measured amount, in few columns."""
    if kind.measure in ("memory", "swap"):
        return fmt.size(amount)
    if kind.measure in ("read", "write"):
        return fmt.rate(amount)
    return f"{amount:.2f}" if kind.measure == "cpu" else f"{amount:.0f}"
