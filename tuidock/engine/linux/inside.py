"""Functions of ours called as root of a user namespace with all ids of an ordinary user.

Files that a container's users own belong to ids that the user may not touch itself: only in
there can they be moved or removed. The call happens in a process of its own, because a
namespace is not left again, and costs some 30 ms. Invariant: arguments and result are JSON.
"""

from __future__ import annotations

import json
import os
import sys

from tuidock.engine.linux import userns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_HOME = os.path.abspath(f"{__file__}/../../../..")
"""The directory that our package lies in."""


def call(module: str, function: str, *arguments: object) -> Any:
    """The result of `module.function(*arguments)`. Raises OSError, its own or the function's."""
    code = f"import sys; sys.path[:0] = [{_HOME!r}]; from {__name__} import main; main()"
    words = [sys.executable, "-I", "-S", "-c", code, json.dumps([module, function, *arguments])]
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        moves = [(os.POSIX_SPAWN_DUP2, writing, 1)]
        child = os.posix_spawn(sys.executable, words, {}, file_actions=moves, setpgroup=0)
    finally:
        os.close(writing)
    with open(reading, encoding="utf-8") as said:
        text = said.read()
    os.waitpid(child, 0)
    if not text:
        raise OSError(0, f"the process that was to do {function} died")
    answer = json.loads(text)
    if "errno" in answer:
        raise OSError(answer["errno"], answer["message"], answer["path"])
    return answer["result"]


def main() -> None:
    """The other process."""
    from importlib import import_module

    module, function, *arguments = json.loads(sys.argv[1])
    answer: dict[str, object]
    try:
        userns.enter(userns.own())
        answer = {"result": getattr(import_module(module), function)(*arguments)}
    except OSError as error:
        answer = {"errno": error.errno, "message": error.strerror or str(error)}
        answer["path"] = os.fsdecode(error.filename) if error.filename else None
    print(json.dumps(answer))
