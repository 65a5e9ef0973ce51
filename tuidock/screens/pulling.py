"""The dialog of one pull: a bar for each layer; it may be left and come back to.

Invariant: it only looks at `World.pulls`; the pull itself belongs to the app.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tuidock.engine.events import LayerProgress
from tuidock.widgets.modal import Modal
from tuidock.widgets.pull_view import PullView
from tuidock.world import Pull, World

if TYPE_CHECKING:
    from tuidock.app import TuidockApp


class PullScreen(Modal[None]):
    """One pull in view; closing it leaves the pull running."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Leave it running", id="pull.close"),
    ]

    DEFAULT_CSS = """
    PullScreen {
        align: center middle;
        & > PullView {
            width: 92; max-width: 96%; height: 22; max-height: 92%;
            border: round $border; background: $surface;
            border-title-style: bold; border-subtitle-color: $quiet;
        }
    }
    """

    def __init__(self, reference: str) -> None:
        super().__init__()
        self.reference = reference
        self._shown = Pull(reference)

    def compose(self) -> ComposeResult:
        view = PullView(self.reference)
        view.border_title = "Pull"
        view.border_subtitle = "esc leaves it running"
        yield view

    def on_mount(self) -> None:
        self.watch(self.app, "world", self._world_moved, init=False)
        self.call_after_refresh(lambda: self._world_moved(self._dock.world))

    @property
    def _dock(self) -> TuidockApp:
        return cast("TuidockApp", self.app)

    def _world_moved(self, world: World) -> None:
        pull = world.pulls.get(self.reference)
        if pull is not None and self.is_mounted:
            self._feed(pull)

    def _feed(self, pull: Pull) -> None:
        """Hand on what the view has not seen yet."""
        view, before = self.query_one(PullView), self._shown
        self._shown = pull
        if pull.resolved and pull.resolved is not before.resolved:
            view.feed(pull.resolved)
        for progress in _moved(pull, before):
            view.feed(progress)
        if pull.pulled and not before.pulled:
            view.feed(pull.pulled)
        if pull.error and not before.error:
            view.fail(pull.error)
        if not pull.running:
            view.border_subtitle = "esc closes"

    @on(PullView.CancelRequested)
    def _cancel_requested(self) -> None:
        self._dock.cancel_pull(self.reference)

    @on(PullView.Closed)
    def _view_closed(self) -> None:
        self.dismiss()


def _moved(pull: Pull, before: Pull) -> list[LayerProgress]:
    seen = set(before.layers)
    return [it for it in pull.layers if it not in seen]
