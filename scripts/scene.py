"""What runs in the pictures: the demo's three, and what a day brings besides.

A shop of two that write logs, one that asks for too much memory, one that fails, one paused.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.registry_fixture import DebianRegistry, make_image
from tuidock.demo.scene import MEBIBYTE, set_scene
from tuidock.engine.core import Core
from tuidock.engine.images import starter
from tuidock.engine.types import ContainerSpec, HealthCheck, Limits
from tuidock.screens.container_row import PROJECT

API = """
import itertools, json, time
paths = ("/orders", "/orders/7731", "/cart", "/health", "/stock?sku=12")
for n in itertools.count():
    level = "error" if n % 17 == 9 else "warn" if n % 7 == 5 else "info"
    said = {"error": "database does not answer", "warn": "slow answer"}.get(level, "served")
    ms = {"error": 5000, "warn": 734}.get(level, 8 + n * 7 % 23)
    print(json.dumps({"level": level, "msg": said, "path": paths[n % 5], "ms": ms}), flush=True)
    time.sleep(0.4)
"""
WORKER = """
import itertools, time
for n in itertools.count(4711):
    word = "ERROR" if n % 19 == 9 else "WARN " if n % 8 == 5 else "INFO "
    what = {"ERROR": "cannot be sent: timed out", "WARN ": "sent at the second attempt"}
    print(f"{word} order {n} {what.get(word, 'sent')} in {n * 13 % 90} ms", flush=True)
    time.sleep(0.7)
"""
GREEDY = """
import time
print("reading sales.csv", flush=True)
rows = []
for year in range(2015, 2030):
    print(f"{year}: {len(rows) * 40960} rows in memory", flush=True)
    rows.append(bytearray(b"x" * (3 << 20)))
    time.sleep(0.3)
"""
_SHOP = ((PROJECT, "shop"),)
_SECRETS = ("LOG_LEVEL=info", "DATABASE_URL=postgres://shop:hunter2@db/shop", "API_TOKEN=s3cr3t")


def _spec(name: str, program: str, memory: int = 64, **more: object) -> ContainerSpec:
    wanted = {"network": "none", "limits": Limits(memory=memory * MEBIBYTE, pids=64), **more}
    command = ("python3", "-c", program) if "\n" in program else ("sh", "-c", program)
    return ContainerSpec(image=starter.REFERENCE, name=name, command=command)._replace(**wanted)


_HEALTH = HealthCheck(test=("CMD-SHELL", "test -d /srv"), interval=2.0)
RUNNING = (
    _spec("api", API, env=_SECRETS, labels=_SHOP, health=_HEALTH),
    _spec("mailer", WORKER, labels=_SHOP),
    _spec("cache", "exec sleep 100000"),
)
ENDED = (
    _spec("report", GREEDY, memory=24),
    _spec("migrate", "echo table orders exists already >&2; exit 3"),
)


@contextmanager
def scene(core: Core) -> Iterator[str]:
    """Everything in its place; the address of a registry that has a few images."""
    set_scene(core)
    for spec in (*RUNNING, *ENDED):
        core.containers.start(core.containers.create(spec).id)
    ended = {spec.name for spec in ENDED}
    _wait_for_ends(core, ended)
    core.containers.pause(next(it.id for it in core.containers.list() if it.name == "cache"))
    with DebianRegistry() as registry:
        _fill(registry)
        yield registry.address


def _wait_for_ends(core: Core, names: set[str]) -> None:
    deadline = time.monotonic() + 60
    while any(it.name in names and it.exit is None for it in core.containers.list()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"of {names} one still runs")
        time.sleep(0.1)


def _fill(registry: DebianRegistry) -> None:
    """The starter image under names that a shop would have, and one with a further layer."""
    made = starter.build()
    for repository, tags in {"shop/api": ("2.3", "2.4"), "shop/mailer": ("1.9",)}.items():
        for tag in tags:
            registry.push(repository, tag, make_image([made.layer, _weight(tag)], made.config))


def _weight(tag: str) -> bytes:
    """A layer that takes a moment to come: a tar archive with one file that does not compress."""
    import io
    import tarfile

    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        info = tarfile.TarInfo(f"srv/catalogue-{tag}.bin")
        info.size = 24 * MEBIBYTE
        tar.addfile(info, io.BytesIO(os.urandom(info.size)))
    return archive.getvalue()
