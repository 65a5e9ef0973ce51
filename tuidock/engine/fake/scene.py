"""A harbour worth looking at: images, a registry and containers for screens and screenshots."""

from __future__ import annotations

from tuidock.engine.fake import GIB, FakeEngine, Load, Program, Step
from tuidock.engine.fake.images import digest, full
from tuidock.engine.types import (
    ContainerSpec,
    HealthCheck,
    Image,
    Layer,
    Limits,
    Platform,
    Port,
)

MIB = 1024**2
AMD64 = Platform("linux", "amd64")
ARM64 = Platform("linux", "arm64", "v8")


def image(name: str, sizes: tuple[float, ...], command: str = "sh", age: float = 0.0) -> Image:
    """An image whose layers have `sizes` MiB; equal sizes at the start mean a shared base."""
    layers = tuple(
        Layer(
            digest(f"layer {sizes[: index + 1]}"),
            digest(f"diff {sizes[: index + 1]}"),
            int(size * MIB),
            "application/vnd.oci.image.layer.v1.tar+gzip",
        )
        for index, size in enumerate(sizes)
    )
    return Image(
        id=digest(f"config {name}"),
        tags=(full(name),),
        digests=(),
        created=1_759_000_000.0 - age,
        size=int(sum(sizes) * 2.4 * MIB),
        platform=AMD64,
        layers=layers,
        labels={},
        command=tuple(command.split()),
    )


def stock(engine: FakeEngine) -> FakeEngine:
    """Images in the store and more of them in two registries."""
    here = [
        image("busybox:1.37", (1.9,), "sh", 9e6),
        image("debian:12", (48.5,), "bash", 2e6),
        image("nginx:1.29", (48.5, 18.2, 0.1), "nginx -g daemon;off", 1e6),
        image("postgres:17", (48.5, 9.1, 62.0, 0.3), "postgres", 3e6),
        image("redis:8", (48.5, 1.2, 17.9), "redis-server", 5e5),
        image("ghcr.io/acme/api:2.4", (48.5, 41.0, 12.7), "api serve", 1e5),
    ]
    elsewhere = [
        image("localhost:5000/busybox:latest", (1.9,), "sh"),
        image("localhost:5000/debian:latest", (48.5,), "bash"),
        image("localhost:5000/acme/api:2.4", (48.5, 41.0, 12.7), "api serve"),
        image("localhost:5000/acme/api:2.5", (48.5, 41.0, 13.4), "api serve"),
        image("localhost:5000/acme/mailer:1.0", (48.5, 88.3, 21.0, 4.2), "mailer"),
        image("alpine:3.22", (3.6,), "sh"),
    ]
    for it in here:
        engine.images.add(it)
    for it in [*here, *elsewhere]:
        engine.registry.offer(it.tags[0], it, ARM64)
    return engine


def _chatter(*texts: str, pause: float = 1.0) -> tuple[Step, ...]:
    return tuple(
        Step(pause, "stderr" if "WARN" in text or "ERROR" in text else "stdout", text.encode())
        for text in texts
    )


_ACCESS = _chatter(
    '10.89.0.1 - "GET / HTTP/1.1" 200 4312 "Mozilla/5.0"',
    '10.89.0.1 - "GET /style.css HTTP/1.1" 304 0 "Mozilla/5.0"',
    '10.89.0.4 - "POST /api/orders HTTP/1.1" 201 187 "acme-api/2.4"',
    '10.89.0.4 - "GET /api/orders/7731 HTTP/1.1" 200 912 "acme-api/2.4"',
    "WARN upstream 10.89.0.4:8000 took 1.204 s",
    '10.89.0.1 - "GET /favicon.ico HTTP/1.1" 404 153 "Mozilla/5.0"',
    pause=0.7,
)
_ORDERS = _chatter(
    "INFO  order 7731 accepted, 3 items",
    "INFO  payment 7731 authorised in 84 ms",
    "WARN  stock of item 118 is low: 4 left",
    "INFO  order 7731 shipped",
    "ERROR mail to customer 2207 refused: mailbox full",
    pause=1.3,
)


_AGES = (86_400 * 9, 86_400 * 2, 86_400, 7_300, 7_200, 4_100, 4_000)


def _program(steps: tuple[Step, ...], load: Load, *, stop_code: int = 0) -> Program:
    return Program(steps, None, load, repeat=bool(steps), stop_code=stop_code)


async def harbour(engine: FakeEngine) -> FakeEngine:
    """`stock`, and seven containers in every state."""
    stock(engine)
    at_work = {
        ("nginx", "-g", "daemon;off"): _program(
            _ACCESS, Load(0.04, 0.25, 38 * MIB, 14 * MIB, 17, 5, 180_000)
        ),
        ("api", "serve"): _program(_ORDERS, Load(0.35, 1.3, 210 * MIB, 150 * MIB, 31, 9, 95_000)),
        ("postgres",): _program(
            _chatter("LOG:  checkpoint complete: wrote 412 buffers (2.5%)", pause=6),
            Load(0.1, 0.5, 420 * MIB, 60 * MIB, 43, 12, 60_000),
        ),
        ("redis-server",): _program(
            _chatter("1:M * Background saving terminated with success", pause=5),
            Load(0.02, 0.05, 61 * MIB, 3 * MIB, 11, 4, 40_000),
        ),
        ("sh", "-c", "while true; do compress; done"): _program(
            _chatter("packed 64 MiB in 0.9 s", pause=0.9),
            Load(0.9, 0.8, 90 * MIB, 120 * MIB, 23, 2),
        ),
    }
    engine.containers.programs.update(at_work)
    limits = Limits
    specs = [
        ContainerSpec("debian:12", "migrate", ("sh", "-c", "echo schema is current; exit 0")),
        ContainerSpec("debian:12", "import", ("sh", "-c", "echo reading dump.sql; exit 3")),
        ContainerSpec("redis:8", "cache", limits=limits(memory=96 * MIB)),
        ContainerSpec(
            "debian:12",
            "crunch",
            ("sh", "-c", "while true; do compress; done"),
            limits=limits(cpus=1.0, memory=256 * MIB, pids=64),
        ),
        ContainerSpec(
            "postgres:17",
            "db",
            limits=limits(memory=GIB),
            env=("POSTGRES_DB=shop",),
            health=HealthCheck(("CMD-SHELL", "echo accepting connections"), interval=2.0),
        ),
        ContainerSpec(
            "ghcr.io/acme/api:2.4",
            "api",
            env=("DATABASE_URL=postgres://db/shop", "WORKERS=8", "LOG_LEVEL=info"),
            limits=limits(cpus=2.0, memory=512 * MIB, pids=200),
            ports=(Port(8000, host_port=8000),),
        ),
        ContainerSpec(
            "nginx:1.29",
            "web",
            limits=limits(cpus=0.5, memory=128 * MIB),
            ports=(Port(80, host_port=8080), Port(443, host_port=8443)),
        ),
    ]
    for age, spec in zip(_AGES, specs, strict=True):
        it = await engine.containers.create(spec)
        await engine.containers.start(it.id)
        engine.containers.backdate(it.id, age)
        await engine.clock.sleep(0)
    await engine.containers.pause("cache")
    engine.containers.calls.clear()
    return engine
