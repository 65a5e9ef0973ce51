"""A pull as a person watches it: a bar for each layer on a terminal, a line a step on a pipe."""

from __future__ import annotations

import sys
import threading

from tuidock.cli import words
from tuidock.engine.events import LayerProgress, Pulled, PullEvent, Resolved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tuidock.engine.core import Core

_WORDS = {
    "exists": "Already exists",
    "waiting": "Waiting",
    "downloading": "Downloading",
    "extracting": "Extracting",
    "retrying": "Retrying",
    "done": "Pull complete",
}


def watch_pull(
    core: Core, reference: str, platform: str, *, quiet: bool, to_stderr: bool = False
) -> Pulled:
    """Pull and show how it goes. SIGINT cancels. Raises EngineError."""
    out = sys.stderr if to_stderr else sys.stdout
    if quiet:
        return _pull(core, reference, platform, lambda event: None)
    if to_stderr:
        print(f"Unable to find image '{reference}' locally", file=out)
    if not out.isatty():
        lines = _Lines(lambda text: print(text, file=out, flush=True))
        return _pull(core, reference, platform, lines.show)
    with _Bars(to_stderr=to_stderr) as bars:
        return _pull(core, reference, platform, bars.show)


def _pull(core: Core, reference: str, platform: str, show: Callable[[PullEvent], None]) -> Pulled:
    """Run the pull in a thread, so that SIGINT reaches us at once and cancels it cleanly."""
    cancelled = threading.Event()
    found: list[Pulled] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            found.append(core.images.pull(reference, platform, show, cancelled))
        except BaseException as error:  # handed to the caller's thread as it is
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:
        cancelled.set()
        thread.join()
    if failed:
        raise failed[0]
    return found[0]


class _Lines:
    """One line for each step of a layer."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.write = write
        self.phases: dict[str, str] = {}

    def show(self, event: PullEvent) -> None:
        if isinstance(event, Resolved):
            self.write(f"{event.reference}: Pulling")
        elif isinstance(event, LayerProgress) and self.phases.get(event.digest) != event.phase:
            self.phases[event.digest] = event.phase
            detail = f" ({event.detail})" if event.detail else ""
            self.write(f"{words.short_id(event.digest)}: {_WORDS[event.phase]}{detail}")


class _Bars:
    """Rich's progress bars; imported here, because only a terminal needs them."""

    def __init__(self, *, to_stderr: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
        from rich.progress import TransferSpeedColumn as Speed

        self.progress = Progress(
            TextColumn("{task.fields[layer]}"),
            TextColumn("{task.description:14}"),
            BarColumn(),
            DownloadColumn(),
            Speed(),
            console=Console(stderr=to_stderr),
        )
        self.tasks: dict[str, object] = {}

    def __enter__(self) -> _Bars:
        self.progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.progress.stop()

    def show(self, event: PullEvent) -> None:
        if isinstance(event, Resolved):
            for digest, size in event.layers:
                self.tasks[digest] = self.progress.add_task(
                    _WORDS["waiting"], total=size, layer=words.short_id(digest)
                )
        elif isinstance(event, LayerProgress) and event.digest in self.tasks:
            complete = event.total if event.phase in ("done", "exists") else event.done
            self.progress.update(
                self.tasks[event.digest],  # type: ignore[arg-type]  # Rich's TaskID is an int
                description=_WORDS[event.phase],
                completed=complete,
            )
