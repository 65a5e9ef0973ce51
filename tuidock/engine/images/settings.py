"""What of an image's configuration a container starts with, written by whoever made the image.

Invariant: what passes here has the types that the image-spec gives it, so that nobody who reads
it needs to ask again.
"""

from __future__ import annotations

from tuidock.engine.errors import BadManifest

_TEXTS = ("User", "WorkingDir", "StopSignal")
_LISTS = ("Env", "Entrypoint", "Cmd")
_OBJECTS = ("ExposedPorts", "Volumes", "Labels")
_HINT = "whoever made the image must mend it"


def check(config: dict[str, object]) -> None:
    """Raises BadManifest for a field of `config.config` that is of another type."""
    settings = config.get("config")
    if settings is None:
        return
    if not isinstance(settings, dict):
        raise BadManifest("the image's config.config is no object", _HINT)
    for key in (*_TEXTS, *_LISTS, *_OBJECTS):
        value = settings.get(key)
        if value is not None and not _fits(key, value):
            raise BadManifest(f"the image's {key} has the wrong type", _HINT)


def _fits(key: str, value: object) -> bool:
    if key in _TEXTS:
        return isinstance(value, str)
    if key in _LISTS:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if not isinstance(value, dict):
        return False
    return key != "Labels" or all(isinstance(each, str) for each in value.values())
