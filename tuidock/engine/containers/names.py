"""Names for containers: what is allowed, and one made up when nobody gave one."""

from __future__ import annotations

import os

from tuidock.engine.errors import BadSpec

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_FIRST = set(_LETTERS + _LETTERS.upper() + "0123456789")
_REST = _FIRST | set("_.-")
_LONGEST = 128

_MOODS = (
    "able amber bold brave bright brisk calm clear clever cosy crisp deft eager early fair fast "
    "fine fresh gentle glad grand happy hardy keen kind light lively lucky merry mild neat nimble "
    "noble plain proud quick quiet rapid ready sharp shiny smart snug solid spry steady still "
    "sturdy sunny swift tidy vivid warm wise witty"
).split()
_BOATS = (
    "ark barge bark brig canoe caravel clipper cog coracle corvette cutter dhow dinghy dory dock "
    "drifter ferry felucca frigate galleon galley gig gondola hoy jetty junk kayak ketch knarr "
    "launch liner longship lugger mole packet pier pilot pinnace pontoon prau punt quay raft "
    "sampan schooner scow skiff slip sloop smack tender trawler tug umiak wharf wherry xebec yawl"
).split()


def check(name: str) -> str:
    """Raise BadSpec, in docker's words, for a name that is not allowed."""
    if not 1 < len(name) <= _LONGEST or name[0] not in _FIRST or set(name) - _REST:
        raise BadSpec(
            f"Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
            "use two or more letters, digits, `_`, `.` and `-`",
        )
    return name


def invent() -> str:
    """A pair of words such as `brisk_schooner`; about 4,000 of them, so callers may retry."""
    value = int.from_bytes(os.urandom(4), "little")
    value, mood = divmod(value, len(_MOODS))
    return f"{_MOODS[mood]}_{_BOATS[value % len(_BOATS)]}"
