"""What `--security-opt` asks, in docker's words.

Invariant: an option that cannot be had is refused, and none is taken in silence but those that
turn off what this host does not have.
"""

from __future__ import annotations

import os

from tuidock.engine.errors import BadSpec
from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_TRUTH = {"": True, "true": True, "1": True, "false": False, "0": False}
_LABELS = ("user", "role", "type", "level", "filetype", "nested")
_APPARMOR, _SELINUX = "/sys/module/apparmor/parameters/enabled", "/sys/fs/selinux/enforce"


class Security(NamedTuple):
    """The options, sorted out."""

    no_new_privileges: bool = False
    seccomp: str = "default"
    """`default`, `unconfined`, or the path of a profile."""
    system_paths: bool = True
    """Whether parts of /proc and /sys are masked or read-only."""


def parse(options: Sequence[str]) -> Security:
    """Raises BadSpec for what is unknown, or cannot be had."""
    found = Security()
    for option in options:
        found = _with(found, option)
    return found


def _with(found: Security, option: str) -> Security:
    key, _, value = option.partition("=" if "=" in option.split(":")[0] else ":")
    match key:
        case "no-new-privileges" if value in _TRUTH:
            return found._replace(no_new_privileges=_TRUTH[value])
        case "seccomp" if value:
            name = "default" if value == "builtin" else value
            return found._replace(seccomp=name)
        case "systempaths" if value == "unconfined":
            return found._replace(system_paths=False)
        case "apparmor" if value:
            _check_apparmor(value)
            return found
        case "label" if value:
            _check_label(value)
            return found
    raise BadSpec(
        f'invalid --security-opt: "{option}"',
        "seccomp=FILE|unconfined, no-new-privileges, systempaths=unconfined, apparmor=unconfined "
        "and label=disable are known",
    )


def _check_apparmor(profile: str) -> None:
    if profile != "unconfined" and _says(_APPARMOR, "Y"):
        raise BadSpec(
            f'cannot apply AppArmor profile "{profile}": containers here have none',
            "leave it out, or use --security-opt apparmor=unconfined",
        )


def _check_label(text: str) -> None:
    if text == "disable":
        return
    if text.partition(":")[0] not in _LABELS:
        raise BadSpec(f'bad label option "{text}", must be of form: [type|level|role|user]:value')
    if os.path.exists(_SELINUX):
        raise BadSpec(
            f'cannot apply SELinux label "{text}": containers here have none',
            "leave it out, or use --security-opt label=disable",
        )


def _says(path: str, word: str) -> bool:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip() == word
    except OSError:
        return False
