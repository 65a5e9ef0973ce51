"""What is left of a removed container for a while: its log, to read what it said last.

Knows one directory of the root, a directory for each container in it. Invariant: at most `KEPT`
of them, `BYTES` in all, none longer than `AGE` once anybody removes or asks again; and what is
left is never why a removal fails.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress

from tuidock.engine.linux.files import remove_path
from tuidock.engine.runtime.state import read_exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tuidock.engine.answers import Removed
    from tuidock.engine.containers.records import Record
    from tuidock.engine.layout import Layout

KEPT = 16
BYTES = 64 << 20
AGE = 3600.0
"""Seconds."""
_ABOUT = "about.json"
_NOTED = {"name", "image", "at", "code", "size"}
_PATIENCE = 60.0
"""Seconds until a directory without a note is what a crash left."""


def keep(layout: Layout, record: Record) -> None:
    """Take the log of a container that is about to be erased; no-op when it said nothing."""
    source, folder = layout.container(record.id), layout.remains(record.id)
    try:
        names = [name for name in os.listdir(source) if name.split(".")[0] == "log"]
        size = sum(os.stat(f"{source}/{name}").st_size for name in names)
        if not 0 < size <= BYTES:
            return
        os.makedirs(folder, mode=0o700, exist_ok=True)
        _note(layout, record, size)
        for name in names:
            os.rename(f"{source}/{name}", f"{folder}/{name}")
    except OSError:  # a full disk, say: then it goes at once, as if nothing were kept
        with suppress(OSError):
            remove_path(folder)
    with suppress(OSError):  # another removal sweeps at the same time
        sweep(layout)


def _note(layout: Layout, record: Record, size: int) -> None:
    ended = read_exit(layout, record.id)
    about = {
        "name": record.name,
        "image": record.image,
        "at": time.time(),
        "code": ended.code if ended else None,
        "size": size,
    }
    with open(f"{layout.remains(record.id)}/{_ABOUT}", "w", encoding="utf-8") as file:
        json.dump(about, file)


def removed(layout: Layout) -> list[Removed]:
    """Those that something is left of, the last one first. Raises OSError."""
    from tuidock.engine.answers import Removed

    return [
        Removed(container_id, it["name"], it["image"], it["at"], it["code"])
        for container_id, it in _known(layout)
    ]


def _known(layout: Layout) -> list[tuple[str, dict[str, Any]]]:
    """(id, what was noted) of those that are young enough, the last one first."""
    found = []
    for container_id in _ids(layout):
        try:
            with open(f"{layout.remains(container_id)}/{_ABOUT}", encoding="utf-8") as file:
                about = json.load(file)
        except (FileNotFoundError, ValueError):  # swept meanwhile, or cut by a power failure
            continue
        # What another version noted, or a hand wrote, is none of ours: it is swept.
        if isinstance(about, dict) and about.keys() == _NOTED and time.time() - about["at"] < AGE:
            found.append((container_id, about))
    return sorted(found, key=lambda it: -it[1]["at"])


def sweep(layout: Layout) -> None:
    """Erase what is too old, too many or too much. Raises OSError."""
    size, wanted = 0, set()
    for container_id, about in _known(layout)[:KEPT]:
        size += about["size"]
        if size > BYTES:
            break
        wanted.add(container_id)
    for container_id in _ids(layout):
        folder = layout.remains(container_id)
        if container_id not in wanted and not _being_made(folder):
            remove_path(folder)


def _being_made(folder: str) -> bool:
    """Whether another removal may be just about to note what it keeps here."""
    try:
        return not os.path.exists(f"{folder}/{_ABOUT}") and _age(folder) < _PATIENCE
    except FileNotFoundError:
        return True


def _age(path: str) -> float:
    return time.time() - os.stat(path).st_mtime


def log(layout: Layout, container_id: str) -> str:
    """Path of what is left of a log; empty when nothing is. `container_id` is the whole id."""
    if container_id not in _ids(layout):
        return ""
    return f"{layout.remains(container_id)}/log"


def _ids(layout: Layout) -> list[str]:
    try:
        return os.listdir(layout.remains(""))
    except FileNotFoundError:
        return []
