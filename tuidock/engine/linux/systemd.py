"""What systemd is there for the calling user: files that it leaves, no message is sent.

systemd(1), logind(8): whoever logs in, or lingers, has a service manager of its own, which
may make cgroups for it.
"""

from __future__ import annotations

import os


def runtime_directory() -> str:
    """$XDG_RUNTIME_DIR as logind makes it, also for who did not log in (su, cron)."""
    return f"/run/user/{os.geteuid()}"


def has_manager() -> bool:
    """Whether the user's own service manager runs and listens."""
    return os.path.exists(f"{runtime_directory()}/systemd/private")


def has_booted() -> bool:
    """Whether systemd is the init of this machine, sd_booted(3)."""
    return os.path.isdir("/run/systemd/system")


def lingers(user: str) -> bool:
    """Whether the user's services outlive its sessions, `loginctl enable-linger`."""
    return os.path.exists(f"/var/lib/systemd/linger/{user}")
