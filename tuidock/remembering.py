"""What the app keeps between two runs: its state, and the diary of what was done.

Invariant: what cannot be written is told once or at the moment, and never ends anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual.app import App

from tuidock import state as remembered
from tuidock.deed import Deed, tail
from tuidock.diary import Diary, beside
from tuidock.world import World


class Remembering(App[int], inherit_bindings=False):
    """An app with a memory; `world` and its writer are the whole app's."""

    world: World

    def write(self, change: Callable[[World], World]) -> None:
        raise NotImplementedError

    def open_memory(self, path: str) -> None:
        """`path` is that of the state, empty for none."""
        self._memory = path
        self.state = remembered.load(path) if path else remembered.State()
        self.diary = Diary(beside(path) if path else "")

    def remember_columns(self, pane: str, keys: tuple[str, ...]) -> None:
        """Keep a choice of columns for this run and the next ones."""
        self._remember(self.state.with_columns(pane, keys))

    def remember_order(self, pane: str, order: str) -> None:
        """Keep by what a pane is sorted."""
        self._remember(self.state.with_order(pane, order))

    def remember_group(self, pane: str, way: str) -> None:
        self._remember(self.state.with_group(pane, way))

    def remember_form(self, image: str, values: Mapping[str, str]) -> None:
        """Keep what was filled in for an image, for the next container of it."""
        self._remember(self.state.with_form(image, values))

    def remember_shell(self, image: str, shell: str) -> None:
        """Keep the shell that was chosen in containers of an image."""
        self._remember(self.state.with_shell(image, shell))

    def remember_undo(self, steps: Sequence[object]) -> None:
        """Keep how to take changes of limits back."""
        self._remember(self.state._replace(undo=tuple(steps)))

    def _remember(self, state: remembered.State) -> None:
        self.state = state
        if self._memory:
            try:
                remembered.save(self.state, self._memory)
            except OSError as error:
                said = f"{self._memory}: {error.strerror}"
                self.notify(said, title="Not remembered", severity="warning", markup=False)

    def _recall(self) -> None:
        """What was done in earlier runs."""
        past = self.diary.load()
        self.write(lambda world: world._replace(deeds=tail((*past, *world.deeds))))

    def _note(self, deed: Deed) -> None:
        self.write(lambda world: world.with_deed(deed))
        if problem := self.diary.append(deed):
            self.notify(problem, title="Not noted", severity="warning", markup=False)

    def _name_of(self, key: str) -> str:
        it = self.world.containers.get(key)
        return it.name if it else key[:12] if len(key) == 64 else key
