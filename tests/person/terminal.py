"""A terminal with a person before it: tmux on a socket of its own.

Every wait has a deadline and fails with the screen as it then is.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

PACE = 0.05
"""Seconds between two keys."""
LATE = 60.0
"""Seconds after which nothing more is to be expected, on a machine that has much else to do."""


class Terminal:
    """One program in one tmux window; `close` ends both."""

    def __init__(
        self,
        command: Sequence[str],
        directory: Path,
        env: Mapping[str, str] | None = None,
        columns: int = 140,
        rows: int = 40,
    ) -> None:
        self._socket = str(directory / "tmux")
        self._code = directory / "exit-code"
        self._code.write_text("")
        settings = directory / "tmux.conf"
        settings.write_text(
            "set -g default-terminal tmux-256color\n"
            "set -g remain-on-exit on\n"
            "set -g escape-time 0\n"
            "set -g status off\n"
        )
        self._tmux(
            *("-f", str(settings), "new-session", "-d"),
            *("-x", str(columns), "-y", str(rows)),
            # Written down by a shell: tmux now and then misses the death of a pane's process.
            shlex.join(["sh", "-c", '"$@"; echo $? >"$0"', str(self._code), *command]),
            env={**os.environ, "COLORTERM": "truecolor", **(env or {})},
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names: `Enter`, `Escape`, `Up`, `C-p`, or one character.

        One after the other as fingers do: an escape and a letter within 0.1 s would be Alt and
        that letter.
        """
        for key in keys:
            self._tmux("send-keys", key)
            time.sleep(4 * PACE if key == "Escape" else PACE)

    def type(self, text: str) -> None:
        """Type text as it is."""
        self._tmux("send-keys", "-l", text)
        time.sleep(PACE)

    def tab(self, times: int = 1) -> None:
        """Go to the next field, and see the cursor arrive there, before typing on."""
        for _ in range(times):
            before = self._cursor()
            self.press("Tab")
            self._wait(lambda before=before: self._cursor() != before, "another field", LATE)

    def screen(self) -> str:
        """What is to be seen, without colours."""
        return self._tmux("capture-pane", "-p").rstrip()

    def picture(self) -> str:
        """What is to be seen, with colours as escape sequences."""
        return self._tmux("capture-pane", "-p", "-e")

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def wait_for(self, pattern: str, seconds: float = LATE) -> re.Match[str]:
        """Look until the pattern (a regular expression) is on the screen."""
        return self._wait(lambda: re.search(pattern, self.screen(), re.MULTILINE), pattern, seconds)

    def wait_gone(self, pattern: str, seconds: float = LATE) -> None:
        """Look until the pattern is no longer on the screen."""
        self._wait(lambda: not re.search(pattern, self.screen()), f"no {pattern}", seconds)

    def wait_end(self, seconds: float = LATE) -> int:
        """Wait until the program has ended. Returns its exit code."""

        code = self._wait(self._code.read_text, "the end of the program", seconds)
        return int(code)

    def _cursor(self) -> str:
        return self._tmux("display", "-p", "#{cursor_x},#{cursor_y}")

    def close(self) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True)

    def _wait(self, look, wanted: str, seconds: float):  # type: ignore[no-untyped-def]
        deadline = time.monotonic() + seconds
        while not (found := look()):
            if time.monotonic() > deadline:
                frame = "\n".join(f"| {line}" for line in self.screen().splitlines())
                raise AssertionError(f"not seen in {seconds:g} s: {wanted}\n{frame}")
            time.sleep(0.05)
        return found

    def _tmux(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        command = ["tmux", "-S", self._socket, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout
