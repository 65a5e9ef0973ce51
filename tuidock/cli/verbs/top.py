"""`tuidock top`: what `ps -ef` shows, or what the machine's `ps` shows with options of its own."""

from __future__ import annotations

import time

from tuidock.cli.table import render
from tuidock.engine.errors import BadSpec, Unsupported
from tuidock.engine.logs.sanitise import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core
    from tuidock.engine.types import Process

_TITLES = ("UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD")
_NARROWEST = 20
_DAY = 86400


def arguments(parser: Parser) -> None:
    parser.add_argument("container", metavar="CONTAINER")
    parser.command()


def main(core: Core, options: Namespace) -> int:
    processes = core.containers.top(options.container)
    if options.command:
        print(_by_ps(options.command, {str(each.pid) for each in processes}))
    else:
        now = time.time()
        print(render(_TITLES, [_row(each, now) for each in processes], _NARROWEST))
    return 0


def _row(process: Process, now: float) -> list[str]:
    minutes, seconds = divmod(int(process.cpu_seconds), 60)
    age = max(now - process.started, 1)
    started = time.strftime("%H:%M" if age < _DAY else "%b%d", time.localtime(process.started))
    return [
        process.user,
        str(process.pid),
        str(process.parent),
        str(int(process.cpu_seconds * 100 / age)),
        started,
        process.terminal or "?",
        f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}",
        plain(process.command),
    ]


def _by_ps(options: Sequence[str], pids: set[str]) -> str:
    """The lines of `ps` that tell of these processes. Raises BadSpec, Unsupported."""
    lines = _ask_ps(options, pids)
    titles = lines[0].split()
    if "PID" not in titles:
        raise BadSpec("Couldn't find PID field in ps output", "ask for it: -o pid,...")
    column, last = titles.index("PID"), len(titles) - 1
    rows = [line.split(None, last) for line in lines[1:]]
    kept = [row for row in rows if len(row) > column and row[column] in pids]
    cells = [[plain(cell) for cell in row] + [""] * (last + 1 - len(row)) for row in kept]
    return render(titles, cells, _NARROWEST)


def _ask_ps(options: Sequence[str], pids: set[str]) -> list[str]:
    """Its lines, if possible about these processes alone, as `-o` alone shows a terminal's own."""
    import subprocess

    try:
        for words in ([*options, "-q", ",".join(sorted(pids))], list(options)):
            done = subprocess.run(["ps", *words], capture_output=True, text=True, check=False)
            if not done.returncode:
                break
    except FileNotFoundError:
        raise Unsupported("there is no `ps` here", "without options none is needed") from None
    if done.returncode or not done.stdout:
        reason = done.stderr.strip().split("\n")[0] or f"exit status {done.returncode}"
        raise BadSpec(f"Error running ps: {reason}")
    return done.stdout.splitlines()
