"""Devices given to an ordinary user's container: the host's own nodes, with their permissions."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import root_only
from tests.rootless.conftest import IMAGE, Person

pytestmark = pytest.mark.root(root_only.DEVICES)
RUN = ("run", "--rm", "--network", "none")
ZERO = os.makedev(1, 5)


@pytest.fixture
def nodes(ann: Person) -> Iterator[dict[str, str]]:
    """One that is hers, one that is root's."""
    made = {}
    for name, owner in (("hers", ann.uid), ("roots", 0)):
        made[name] = f"/dev/tuidock-{name}-{ann.layout.tag}"
        os.mknod(made[name], 0o20600, ZERO)
        os.chmod(made[name], 0o600)
        os.chown(made[name], owner, 0)
    yield made
    for path in made.values():
        if os.path.lexists(path):
            os.unlink(path)


def test_what_the_user_may_open_its_container_may(ann: Person, nodes: dict[str, str]) -> None:
    flags = ("--device", f"{nodes['hers']}:/dev/a", "--device", f"{nodes['roots']}:/dev/b")
    script = (
        "stat -c %U:%t:%T /dev/a /dev/b; head -c 3 /dev/a | wc -c; head -c 3 /dev/b; mknod x c 1 5"
    )
    said = ann.tuidock(*RUN, *flags, IMAGE, "sh", "-c", script)
    assert said.out.splitlines() == ["root:1:5", "nobody:1:5", "3"], said
    assert "head: /dev/b: Permission denied" in said.err
    assert "mknod: x: Operation not permitted" in said.err


def test_a_node_that_was_exchanged_is_not_taken(ann: Person, nodes: dict[str, str]) -> None:
    """Fails when the first process binds whatever it finds there."""
    ann.does("create", "--network", "none", "--device", nodes["hers"], "--name", "one", IMAGE)
    os.unlink(nodes["hers"])
    os.symlink("/etc/passwd", nodes["hers"])
    said = ann.tuidock("start", "one")
    assert said.code == 1
    assert "not character device 1:5" in said.err
