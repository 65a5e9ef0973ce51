"""What a container starts with has the types of the image-spec, whatever somebody pushed."""

from __future__ import annotations

import pytest

from tests import busybox
from tuidock.engine.core import Core
from tuidock.engine.errors import BadManifest, BadSpec
from tuidock.engine.images.settings import check
from tuidock.engine.layout import Layout
from tuidock.engine.types import ContainerSpec

HOSTILE: list[tuple[str, object]] = [
    ("User", 5),
    ("User", ["a"]),
    ("WorkingDir", {}),
    ("StopSignal", 15),
    ("Env", "A=1"),
    ("Env", [1]),
    ("Entrypoint", "sh"),
    ("Cmd", [["sh"]]),
    ("ExposedPorts", ["80/tcp"]),
    ("Volumes", "x"),
    ("Labels", ["a"]),
    ("Labels", {"a": 1}),
]


@pytest.mark.parametrize(("key", "value"), HOSTILE)
def test_another_type_is_refused(key: str, value: object) -> None:
    with pytest.raises(BadManifest, match=key):
        check({"config": {key: value}})


def test_what_is_missing_is_fine() -> None:
    check({})
    check({"config": None})
    check({"config": dict.fromkeys(key for key, _ in HOSTILE)})
    with pytest.raises(BadManifest):
        check({"config": []})


def test_an_image_of_wrong_types_makes_no_container(layout: Layout) -> None:
    """13. Fails when `Images._config` does not check: an AttributeError comes out of `create`."""
    core = Core(layout)
    core.images.add(busybox.config(Labels=["a"]), [busybox.layer()], "wrong")
    core.images.add(busybox.config(StopSignal="NOSUCH"), [busybox.layer()], "immortal")
    with pytest.raises(BadManifest, match="Labels"):
        core.containers.create(ContainerSpec("wrong"))
    with pytest.raises(BadSpec, match="Invalid signal"):
        core.containers.create(ContainerSpec("immortal"))
    assert not core.containers.list()
    core.close()
