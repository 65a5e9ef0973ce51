"""What a process costs: time on a processor and memory, from /proc."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

_GONE = (FileNotFoundError, ProcessLookupError)


def naming(words: str) -> Iterator[int]:
    """Processes whose command line holds these words, kernel threads and ourselves aside."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(*_GONE):
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if words in line and " -m bench" not in line:
                yield int(process.name)


def seconds(pids: Iterable[int]) -> float:
    """On a processor so far, of all threads together; what ended no longer counts."""
    total = 0
    for pid in pids:
        for file in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with contextlib.suppress(*_GONE):
                total += int(file.read_text().split()[0])
    return total / 1e9


def resident(pid: int) -> float:
    """Bytes in memory, shared libraries included."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024.0
    raise ProcessLookupError(pid)
