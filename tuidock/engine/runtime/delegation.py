"""How an ordinary user's launcher comes into a cgroup of its own, beside which limits can be set.

Where the user has a systemd of its own (user@UID.service), that is asked for a scope: monitors
then die neither with the session nor with the service that a container was started from, and
the part of the tree that systemd delegates to the user is theirs to use. Invariant: where
systemd does not do it, the launcher starts all the same, once, without.
"""

from __future__ import annotations

import os

from tuidock.engine.linux import systemd

_PROGRAMS = ("/usr/bin/systemd-run", "/bin/systemd-run")
_OURS = "tuidock-"
_refused: list[int] = []
"""Wait statuses of what was started that way and failed."""


def words(tag: str) -> list[str]:
    """What the launcher's command line is to begin with; empty where nothing helps."""
    if os.geteuid() == 0 or _refused or not systemd.has_manager() or _in_a_scope_of_ours():
        return []
    program = next((each for each in _PROGRAMS if os.access(each, os.X_OK)), "")
    if not program:
        return []
    unit = f"{_OURS}{tag}-{os.urandom(4).hex()}"
    flags = ["--user", "--scope", "--quiet", "--collect", "--property=Delegate=yes"]
    return [program, *flags, f"--unit={unit}", "--description=tuidock", "--"]


def environment() -> dict[str, str]:
    """Where the user's systemd is found, also by who did not log in (su, cron)."""
    return {"XDG_RUNTIME_DIR": systemd.runtime_directory()}


def refuse(status: int) -> None:
    """The process that was started with `words` ended early: do not try again."""
    _refused.append(status)


def _in_a_scope_of_ours() -> bool:
    with open("/proc/self/cgroup", encoding="utf-8", errors="replace") as file:
        paths = [line.rstrip("\n").partition("::")[2] for line in file]
    return any(
        name.startswith(_OURS) and name.endswith(".scope")
        for path in paths
        for name in path.split("/")
    )
