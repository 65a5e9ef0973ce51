"""What a person sees of a mistake in tuidock itself: one sentence, and where the rest lies."""

from __future__ import annotations

import os
import tempfile
import time
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from tuidock.widgets.modal import Modal


def keep_traceback(text: str) -> str:
    """Write a traceback into the user's directory of logs; its path, empty when that failed."""
    from platformdirs import user_log_path

    name = f"bug-{time.strftime('%Y%m%d-%H%M%S')}.txt"
    for place in (str(user_log_path("tuidock")), tempfile.gettempdir()):
        path = os.path.join(place, name)
        try:
            os.makedirs(place, mode=0o700, exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            continue
        return path
    return ""


class BugScreen(Modal[None]):
    """A bug in tuidock; containers are not touched by it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "Go on", id="bug.close"),
    ]

    DEFAULT_CSS = """
    BugScreen {
        align: center middle;
        & > Vertical {
            width: 72; max-width: 94%; height: auto; max-height: 80%;
            border: round $error; background: $surface; padding: 1 2;
            border-title-color: $text-error; border-title-style: bold;
        }
        & Static { width: 1fr; }
    }
    """

    def __init__(self, error: Exception, path: str) -> None:
        super().__init__()
        self._error = error
        self._path = path

    def compose(self) -> ComposeResult:
        where = f"The traceback is in {self._path}" if self._path else "It could not be written."
        text = (
            f"{type(self._error).__name__}: {self._error}\n\n"
            f"Your containers are not touched. {where}\n\nesc goes on"
        )
        with Vertical() as frame:
            frame.border_title = "A bug in tuidock"
            yield Static(text, markup=False)
