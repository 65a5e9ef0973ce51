"""Debuggers of the fake engine: a container of the other's image, and a shell in it."""

from __future__ import annotations

import asyncio

from tuidock.engine.api import A_SHELL
from tuidock.engine.debugging import Debug, debugger
from tuidock.engine.errors import WrongStatus
from tuidock.engine.fake.session import FakeSession
from tuidock.engine.types import Container, ContainerSpec, ExecSpec, Status


class DebugVerbs:
    """For whoever has containers that can be made, started and entered."""

    async def get(self, key: str) -> Container:
        raise NotImplementedError

    async def create(self, spec: ContainerSpec) -> Container:
        raise NotImplementedError

    async def start(self, key: str) -> None:
        raise NotImplementedError

    async def exec(self, key: str, spec: ExecSpec) -> FakeSession:
        raise NotImplementedError

    async def remove(self, key: str, force: bool = False) -> None:
        raise NotImplementedError

    async def debug(self, key: str, asked: Debug = A_SHELL) -> FakeSession:
        it = await self.get(key)
        if it.status not in (Status.RUNNING, Status.PAUSED):
            raise WrongStatus(f"Container {it.name} is not running", "start it first")
        spec = debugger(it, asked._replace(image=asked.image or it.image), 1)
        made = await self.create(spec._replace(entrypoint=None, command=("sleep", "infinity")))
        await self.start(made.id)
        wanted = ExecSpec(asked.command or ("sh",), tty=asked.tty, stdin=asked.stdin)
        session = await self.exec(made.id, wanted)
        session.when_over(lambda code: self._ended(made.id))
        return session

    def _ended(self, key: str) -> None:
        self._ending = asyncio.ensure_future(self.remove(key, force=True))
