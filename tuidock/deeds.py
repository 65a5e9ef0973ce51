"""Deeds: what was changed from the interface, each as the command line that does the same.

An engine behind `noted` tells of every call that changes something. Invariant: a method of the
engine's door either only reads (`engine.readonly`) or has its words in COMMANDS.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from tuidock.deed import Deed
from tuidock.engine.api import A_SHELL
from tuidock.engine.errors import EngineError
from tuidock.engine.filesystem import CommitSpec
from tuidock.engine.pruning import PruneQuery
from tuidock.engine.readonly import PARTS
from tuidock.engine.types import Container, ContainerSpec, ExecSpec, Limits

if TYPE_CHECKING:
    from tuidock.engine.api import Engine

CANCELLED = "cancelled"

Name = Callable[[str], str]
"""From a container's key to what people call it."""
Note = Callable[[Deed], None]
Words = Callable[..., list[str]]


def _update(name: Name, key: str, limits: Limits, keep: bool = True) -> list[str]:
    from tuidock.widgets.limits_command import words  # the first screen does without

    return words(limits, [name(key)], keep=keep)


def _create(name: Name, spec: ContainerSpec) -> list[str]:
    from tuidock.widgets.run_spec import command_line  # the first screen does without

    words = shlex.split(command_line(spec))
    return ["create", *words[words.index("-d") + 1 :]]


def _exec(name: Name, key: str, spec: ExecSpec) -> list[str]:
    flags = ["-it"] if spec.tty and spec.stdin else ["-t"] if spec.tty else []
    flags += ["-u", spec.user] if spec.user else []
    flags += ["-w", spec.working_dir] if spec.working_dir else []
    flags += ["--privileged"] if spec.privileged else []
    flags += [word for variable in spec.env for word in ("-e", variable)]
    return ["exec", *flags, name(key), *spec.command]


def _commit(name: Name, key: str, asked: CommitSpec) -> list[str]:
    flags = [word for change in asked.changes for word in ("-c", change)]
    flags += ["-a", asked.author] if asked.author else []
    flags += ["-m", asked.comment] if asked.comment else []
    return ["commit", *flags, name(key), *([asked.reference] if asked.reference else [])]


def _timed(verb: str) -> Words:
    def words(name: Name, key: str, timeout: float | None = None) -> list[str]:
        return [verb, *([] if timeout is None else ["-t", f"{timeout:g}"]), name(key)]

    return words


def _plain(verb: str) -> Words:
    return lambda name, key: [verb, name(key)]


def _prune(name: Name, query: PruneQuery | None = None) -> list[str]:
    return ["container", "prune", "-f"]


def _forced(verb: str, named: bool) -> Words:
    def words(name: Name, key: str, force: bool = False) -> list[str]:
        return [verb, *(["-f"] if force else []), name(key) if named else key]

    return words


def _pull(name: Name, reference: str, platform: str = "") -> list[str]:
    return ["pull", *(["--platform", platform] if platform else []), reference]


def _extract(name: Name, key: str, path: str, pieces: object, owners: bool = False) -> list[str]:
    return ["cp", *(["-a"] if owners else []), "-", f"{name(key)}:{path}"]


COMMANDS: dict[str, Words] = {
    "images.pull": _pull,
    "images.remove": _forced("rmi", named=False),
    "images.tag": lambda name, source, target: ["tag", source, target],
    "containers.create": _create,
    "containers.start": _plain("start"),
    "containers.stop": _timed("stop"),
    "containers.restart": _timed("restart"),
    "containers.kill": lambda name, key, signal="KILL": ["kill", "-s", signal, name(key)],
    "containers.signal": lambda name, key, pid, signal: [
        *("kill", "-s", signal, "--pid", str(pid)),
        name(key),
    ],
    "containers.pause": _plain("pause"),
    "containers.unpause": _plain("unpause"),
    "containers.remove": _forced("rm", named=True),
    "containers.rename": lambda name, key, new: ["rename", name(key), new],
    "containers.prune": _prune,
    "containers.update": _update,
    "containers.exec": _exec,
    "containers.attach": _plain("attach"),
    "containers.debug": lambda name, key, asked=A_SHELL: ["debug", name(key), *asked.command],
    "files.copy_out": lambda name, key, path, local: ["cp", f"{name(key)}:{path}", local],
    "files.copy_in": lambda name, local, key, path: ["cp", local, f"{name(key)}:{path}"],
    "files.revert": lambda name, key, path: ["revert", name(key), path],
    "files.extract": _extract,
    "files.commit": _commit,
}
"""From the engine's methods and their arguments to words after `tuidock`."""
FLOWS = frozenset({"images.pull"})
"""Those that answer in pieces."""


def noted(engine: Engine, note: Note, name: Name, now: Callable[[], float] = time.time) -> Engine:
    """The same engine; `note` is told of each deed once it is over."""
    return cast("Engine", _Noting(engine, "", _Scribe(note, name, now)))


class _Scribe:
    """Takes the time of a deed and writes it down."""

    def __init__(self, note: Note, name: Name, now: Callable[[], float]) -> None:
        self._note, self._now = note, now
        self._name = name
        self._made: dict[str, str] = {}
        """Names of containers that were made here, and that nobody else may know yet."""

    def begin(self, words: Words, *arguments: Any, **more: Any) -> Callable[[str], None]:
        """What to call at the end, with the problem."""
        said = ("tuidock", *words(self._called, *arguments, **more))
        at, began = self._now(), time.monotonic()

        def end(problem: str = "") -> None:
            self._note(Deed(at, said, time.monotonic() - began, problem))

        return end

    def _called(self, key: str) -> str:
        return self._made.get(key) or self._name(key)

    def learn(self, result: object) -> None:
        if isinstance(result, Container):
            self._made[result.id] = result.name


class _Noting:
    def __init__(self, inner: object, place: str, scribe: _Scribe) -> None:
        self._inner, self._place, self._scribe = inner, place, scribe

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._inner, method)
        whole = f"{self._place}{method}"
        if whole in PARTS:
            return _Noting(found, f"{method}.", self._scribe)
        if whole not in COMMANDS:
            return found
        way = self._flow if whole in FLOWS else self._call
        return partial(way, found, COMMANDS[whole])

    async def _call(self, call: Any, words: Words, *arguments: Any, **more: Any) -> Any:
        end = self._scribe.begin(words, *arguments, **more)
        problem = CANCELLED
        try:
            result = await call(*arguments, **more)
            self._scribe.learn(result)
            problem = ""
            return result
        except EngineError as error:
            problem = error.message
            raise
        finally:
            end(problem)

    async def _flow(
        self, call: Any, words: Words, *arguments: Any, **more: Any
    ) -> AsyncIterator[Any]:
        end = self._scribe.begin(words, *arguments, **more)
        problem = CANCELLED
        try:
            async with aclosing(call(*arguments, **more)) as pieces:
                async for piece in pieces:
                    yield piece
            problem = ""
        except EngineError as error:
            problem = error.message
            raise
        finally:
            end(problem)
