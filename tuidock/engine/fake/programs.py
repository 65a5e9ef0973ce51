"""What a command does inside a fake container: output, an end, and an appetite.

Understands just enough shell for tests: `echo`, `sleep`, `exit`, `true`, `false`, `cat`, and
`sh -c` with `;` between them. Everything is decided before it starts.
"""

from __future__ import annotations

import math
import shlex

from tuidock.engine.named import NamedTuple

KNOWN = frozenset({"sh", "/bin/sh", "bash", "echo", "sleep", "true", "false", "cat", "ls", "id"})


class Step(NamedTuple):
    """One thing a program does: wait, then write."""

    pause: float
    stream: str = ""
    text: bytes = b""


class Load(NamedTuple):
    """What a program wants of the machine: a base and a wave on top of it."""

    cpu: float = 0.0
    cpu_swing: float = 0.0
    memory: int = 2 * 1024 * 1024
    memory_swing: int = 0
    period: float = 20.0
    pids: int = 1
    network: int = 0
    """Bytes a second in each direction."""

    def wave(self, at: float) -> float:
        """0.0 to 1.0."""
        return (1 + math.sin(2 * math.pi * at / self.period)) / 2

    def cpu_at(self, at: float) -> float:
        return self.cpu + self.cpu_swing * self.wave(at)

    def memory_at(self, at: float) -> int:
        return self.memory + int(self.memory_swing * self.wave(at))


class Program(NamedTuple):
    """A whole life: steps, then an exit code; None goes on until somebody ends it."""

    steps: tuple[Step, ...] = ()
    code: int | None = 0
    load: Load = Load()
    repeat: bool = False
    """Run the steps again and again."""
    stop_code: int = 137
    """A first process without a handler ignores the stop signal, and is killed."""


def understand(command: tuple[str, ...], *, stdin: bool = True) -> Program:
    """The program behind a command line; a bare shell waits for input for ever, if there is any."""
    if command[:2] in (("sh", "-c"), ("/bin/sh", "-c"), ("bash", "-c")):
        return script(command[2])
    name, *rest = command
    if name in ("sh", "/bin/sh", "bash", "cat"):
        return Program(code=None if stdin else 0)
    return script(shlex.join([name, *rest]))


def script(text: str) -> Program:
    """A program of simple commands joined by `;`."""
    steps: list[Step] = []
    pause, code = 0.0, 0
    for part in text.split(";"):
        words = shlex.split(part)
        if not words:
            continue
        if words[0] == "sleep":
            pause += math.inf if words[1] in ("inf", "infinity") else float(words[1])
        elif words[0] == "exit":
            code = int(words[1]) if len(words) > 1 else code
            break
        elif words[0] == "echo":
            steps.append(Step(pause, *_echo(words[1:])))
            pause = 0.0
        code = {"false": 1, "exit": code}.get(words[0], 0)
    if math.isinf(pause):
        return Program(tuple(steps), None)
    return Program((*steps, Step(pause)), code)


def _echo(words: list[str]) -> tuple[str, bytes]:
    stream = "stderr" if words and words[-1] in (">&2", "1>&2") else "stdout"
    return stream, " ".join(words[:-1] if stream == "stderr" else words).encode()
