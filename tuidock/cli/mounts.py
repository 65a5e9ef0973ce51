"""`-v`, `--mount` and `--tmpfs`: the mounts that a person asks for.

Invariant: a word that is not understood is refused, for one that is passed over might have been
meant as `ro`.
"""

from __future__ import annotations

import os

from tuidock.cli import units
from tuidock.engine.errors import BadSpec
from tuidock.engine.types import Mount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable

_TRUTH = {"": True, "true": True, "1": True, "false": False, "0": False}
_SYNONYMS = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}
_FIELDS = {
    "bind": frozenset("type source target readonly bind-propagation consistency idmap".split()),
    "tmpfs": frozenset("type target readonly tmpfs-size tmpfs-mode".split()),
}
_HINT = "write type=bind,src=/path,dst=/target"


def mounts(options: Namespace) -> Iterable[Mount]:
    """What the three flags ask for. Raises BadSpec."""
    for text in options.volume:
        yield _volume(text)
    for text in options.mount:
        yield _mount(text)
    for text in options.tmpfs:
        target, _, flags = text.partition(":")
        words = _words(flags)
        yield Mount("tmpfs", "", target, "ro" in words, words)


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))


def _volume(text: str) -> Mount:
    source, target, mode, *more = [*text.split(":"), "", ""]
    if not source or not target.startswith("/") or any(more):
        raise BadSpec(f"invalid volume specification: '{text}'", "write SOURCE:/TARGET[:ro]")
    if not source.startswith(("/", ".", "~")):
        raise BadSpec(
            f"named volume '{source}' is not supported yet", "bind a directory: /path:/target"
        )
    path, words = os.path.abspath(os.path.expanduser(source)), _words(mode)
    return Mount("bind", path, target, "ro" in words, words)


def _mount(text: str) -> Mount:
    fields = _fields(text)
    kind, source = fields.get("type", "volume"), fields.get("source", "")
    if kind not in _FIELDS or not fields.get("target", "").startswith("/"):
        raise BadSpec(f"invalid mount: '{text}'", _HINT)
    for key in fields:
        if key not in _FIELDS[kind]:
            raise BadSpec(f"unexpected key '{key}' in '{text}'", _HINT)
    if kind == "bind" and not source:
        raise BadSpec('invalid mount config for type "bind": field Source must not be empty', _HINT)
    path = os.path.abspath(source) if source else ""
    return Mount(kind, path, fields["target"], _flag(fields, "readonly"), _options(fields))


def _fields(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(","))
    return {_SYNONYMS.get(key.strip().lower(), key.strip()): value for key, _, value in pairs}


def _flag(fields: dict[str, str], key: str) -> bool:
    """Whether it is there, and not said to be false."""
    value = fields.get(key, "false")
    if value not in _TRUTH:
        raise BadSpec(f"invalid value for {key}: {value}", "true or false")
    return _TRUTH[value]


def _options(fields: dict[str, str]) -> tuple[str, ...]:
    found = []
    if "tmpfs-size" in fields:
        found.append(f"size={units.size(fields['tmpfs-size'])}")
    if mode := fields.get("tmpfs-mode"):
        if set(mode) - set("01234567"):
            raise BadSpec(f"invalid value for tmpfs-mode: {mode}", "an octal number")
        found.append(f"mode={mode}")
    if "bind-propagation" in fields:
        found.append(fields["bind-propagation"])
    return (*found, *(["idmap"] if _flag(fields, "idmap") else []))
