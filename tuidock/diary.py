"""The diary: deeds on disk, a line of JSON each, for the next time the interface is opened.

Invariant: at most twice KEPT lines, whose secrets are masked; nobody else may read them.
"""

from __future__ import annotations

import json
import os

from tuidock.deed import KEPT, Deed, tail
from tuidock.masking import masked_words


def beside(memory: str) -> str:
    """The path of the diary that belongs to a state's path."""
    return os.path.join(os.path.dirname(memory), "deeds.jsonl")


class Diary:
    """One file; an empty path is a diary that nothing is written into."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._told = False

    def load(self) -> tuple[Deed, ...]:
        """The last deeds; lines that are not whole are left out. Shortens what is too long."""
        try:
            with open(self._path, encoding="utf-8", errors="replace") as file:
                lines = file.readlines()
        except OSError:
            return ()
        deeds = tail([deed for line in lines if (deed := _read(line))])
        if len(lines) > 2 * KEPT:
            _replace(self._path, deeds)
        return deeds

    def append(self, deed: Deed) -> str:
        """Write one down; why that does not work, the first time that it does not."""
        try:
            if self._path:
                _append(self._path, _line(deed))
        except OSError as error:
            told, self._told = self._told, True
            return "" if told else f"{self._path}: {error.strerror}"
        return ""


def _append(path: str, line: str) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    with open(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(line)


def _line(deed: Deed) -> str:
    safe = deed._replace(words=masked_words(deed.words))
    return json.dumps(safe._asdict()) + "\n"


def _read(line: str) -> Deed | None:
    try:
        found = json.loads(line)
        words = tuple(str(word) for word in found["words"])
        return Deed(float(found["at"]), words, float(found["seconds"]), str(found["problem"]))
    except (ValueError, KeyError, TypeError):
        return None


def _replace(path: str, deeds: tuple[Deed, ...]) -> None:
    """Another client may append meanwhile; its line is lost then, and nothing else."""
    fresh = f"{path}.{os.getpid()}"
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.writelines(map(_line, deeds))
        os.replace(fresh, path)
    except OSError:
        return  # it stays long, and is tried again next time
