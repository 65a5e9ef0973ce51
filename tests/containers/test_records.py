"""A ContainerSpec survives the database whole, also from a newer or an older version."""

from __future__ import annotations

import json

import pytest

from tuidock.engine import store
from tuidock.engine.containers import names, records
from tuidock.engine.errors import BadSpec, ContainerNotFound
from tuidock.engine.layout import Layout
from tuidock.engine.types import (
    ContainerSpec,
    Limits,
    LogLimits,
    Mount,
    Port,
    RestartPolicy,
)

FULL = ContainerSpec(
    image="debian",
    name="web",
    command=("a", "b"),
    entrypoint=("/e",),
    env=("A=1",),
    labels=(("k", "v"),),
    ports=(Port(80, "tcp", 8080, "127.0.0.1"),),
    mounts=(Mount("bind", "/a", "/b", True, ("ro",)),),
    limits=Limits(memory=1 << 30, cpus=1.5, cpuset_cpus="0-1"),
    restart=RestartPolicy("on-failure", 3),
    log=LogLimits(1000, 5),
    add_hosts=(("h", "1.2.3.4"),),
    ulimits=(("nofile", 10, 20),),
)


def record(number: int, name: str) -> records.Record:
    return records.Record(
        f"{number:064x}", name, "debian", "sha256:x", float(number), ("sh",), FULL, ("k",), 0
    )


def test_a_spec_survives() -> None:
    assert records.decode_spec(records.encode_spec(FULL)) == FULL
    assert records.decode_spec(records.encode_spec(ContainerSpec("x"))) == ContainerSpec("x")


def test_unknown_fields_are_ignored_and_missing_ones_have_their_defaults() -> None:
    text = json.dumps({"image": "x", "from_the_future": 1, "limits": {"memory": 5, "new": 2}})
    assert records.decode_spec(text) == ContainerSpec("x", limits=Limits(memory=5))


def test_a_container_is_found_by_name_id_and_prefix(layout: Layout) -> None:
    db = store.connect(layout)
    first, second = record(0xA0, "web"), record(0xA1, "db")
    for each in (first, second):
        records.insert(db, each)
    assert records.find(db, "web") == first
    assert records.find(db, "/web") == first
    assert records.find(db, first.id) == first
    with pytest.raises(BadSpec, match="Multiple IDs"):
        records.find(db, "0000")
    for key in ("", "nosuch", "ffff", "0000*", "web2"):
        with pytest.raises(ContainerNotFound):
            records.find(db, key)
    assert [it.name for it in records.everything(db)] == ["db", "web"]
    db.close()


def test_a_half_removed_container_is_gone_and_its_name_is_free(layout: Layout) -> None:
    db = store.connect(layout)
    records.insert(db, record(1, "web"))
    records.mark_removing(db, record(1, "web").id)
    with pytest.raises(ContainerNotFound):
        records.find(db, "web")
    records.insert(db, record(2, "web"))
    assert records.half_removed(db) == [record(1, "").id]
    db.close()


@pytest.mark.parametrize("name", ["", "a", "-a", ".a", "a b", "a/b", "../x", "ä1", "a" * 129])
def test_names_that_are_not_allowed(name: str) -> None:
    with pytest.raises(BadSpec, match="Invalid container name"):
        names.check(name)


def test_invented_names_are_allowed() -> None:
    for _ in range(50):
        assert names.check(names.invent())
