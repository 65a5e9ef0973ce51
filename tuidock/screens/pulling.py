"""The dialog of one pull: a bar for each layer; it may be left and come back to."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from tuidock import format as fmt
from tuidock.widgets.pull_view import PullView
from tuidock.world import Pull, World

if TYPE_CHECKING:
    from tuidock.app import TuidockApp


class PullScreen(ModalScreen[None]):
    """Watches `World.pulls[reference]`; closing it leaves the pull running."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "Leave it running", id="pull.close"),
        Binding("c", "cancel", "Cancel the pull", id="pull.cancel"),
        Binding("enter", "close_done", "Close", show=False, id="pull.done"),
    ]

    DEFAULT_CSS = """
    PullScreen {
        align: center middle;
        & > Vertical {
            width: 84; max-width: 94%; height: auto; max-height: 80%;
            border: round $border; background: $surface; padding: 0 1;
            border-title-style: bold;
        }
        #outcome { height: 1; color: $text-muted; }
        PullView { height: auto; max-height: 1fr; }
    }
    """

    def __init__(self, reference: str) -> None:
        super().__init__()
        self._reference = reference

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = f"Pull {self._reference}"
            yield PullView()
            yield Static(id="outcome", markup=False)

    def on_mount(self) -> None:
        self.watch(self.app, "world", self._world_moved)

    def _world_moved(self, world: World) -> None:
        pull = world.pulls.get(self._reference)
        if pull is not None and self.is_mounted:
            self.show(pull)

    def show(self, pull: Pull) -> None:
        self.query_one(PullView).show_layers(pull.layers)
        self.query_one("#outcome", Static).update(_outcome(pull))
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        pull = self._dock.world.pulls.get(self._reference)
        if action == "cancel":
            return pull is not None and pull.running
        return True

    @property
    def _dock(self) -> TuidockApp:
        return cast("TuidockApp", self.app)

    def action_close(self) -> None:
        self.dismiss()

    def action_close_done(self) -> None:
        self.dismiss()

    def action_cancel(self) -> None:
        self._dock.cancel_pull(self._reference)


def _outcome(pull: Pull) -> str:
    if pull.running:
        done = sum(it.done for it in pull.layers)
        total = sum(it.total for it in pull.layers)
        here = f"{fmt.size(done)} of {fmt.size(total)}" if total else "asking the registry"
        return f"{here}    c cancels    esc leaves it running"
    return f"{pull.outcome}: {pull.detail}    esc closes"
