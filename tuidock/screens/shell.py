"""Shells inside the interface: as many for each container as somebody opens.

Invariant: a session belongs to its container; looking at something else leaves it running.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tuidock.engine.api import Session
from tuidock.engine.errors import CommandNotFound
from tuidock.engine.types import Container, ExecSpec, Status
from tuidock.screens.detail import Tab
from tuidock.screens.details import Details
from tuidock.widgets.dialogs import Confirm
from tuidock.widgets.terminal import Terminal

ENVIRONMENT = ("TERM=xterm-256color", "COLORTERM=truecolor")
"""What the terminal is: programs that know no other than xterm's colours use these too."""
ATTACHED, DEBUG = "attached", "debug"

Open = Callable[[], Awaitable[Session]]


class Shell(Terminal):
    """A terminal that belongs to a container."""

    def __init__(self, session: Session, owner: str, label: str, number: int) -> None:
        super().__init__(session, id=f"session-{owner[:12]}-{number}")
        self.owner, self.label, self.number = owner, label, number

    @property
    def called(self) -> str:
        """What people tell it from others by."""
        return f"{self.number} {self.label}" + (f": {self.title}" if self.title else "")


class SessionName(Static):
    """A session in the row of them; a click goes there."""

    class Chosen(Message):
        """That session is wanted."""

        def __init__(self, shell: Shell) -> None:
            super().__init__()
            self.shell = shell

    def __init__(self, shell: Shell, *, current: bool) -> None:
        super().__init__(Content(f" {shell.called} "), classes="-current" if current else "")
        self._shell = shell

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(self.Chosen(self._shell))


class ShellTab(Tab):
    """Terminals of all containers; those of the one that is looked at have a row of names."""

    TITLE = "Shell"
    HOT = "Terminal.-shown"

    DEFAULT_CSS = """
    ShellTab {
        & > Terminal { display: none; height: 1fr; }
        & > Terminal.-shown { display: block; }
        & > #hint { padding: 0 1; color: $text-muted; }
        & > #sessions { height: 1; background: $panel; }
        & SessionName { width: auto; max-width: 40; height: 1; color: $text-muted; }
        & SessionName.-current { background: $primary-muted; color: $text-primary; }
    }
    """

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self._current: dict[str, str] = {}
        """By container, the session that is looked at."""
        self._picture: object = None
        """What is shown, to tell when that has to change."""
        self._wanted = ""
        """The session that gets the keys once it is shown."""
        self._numbers: dict[str, int] = {}

    def compose(self) -> ComposeResult:
        yield Horizontal(id="sessions")
        yield Static(id="hint")

    def sleep(self) -> None:
        """Sessions go on out of sight."""
        self.awake = False

    @property
    def shells(self) -> list[Shell]:
        """All sessions, of all containers."""
        return list(self.query(Shell))

    def of(self, owner: str) -> list[Shell]:
        """Those of one container."""
        return [shell for shell in self.shells if shell.owner == owner]

    # --- what is shown ---------------------------------------------------------------------

    def show(self, subject: Container | None, before: Container | None) -> None:
        self._forget_gone()
        owner = subject.id if subject else ""
        shown = self._shown(owner)
        names = tuple((shell.id, shell.called, shell is shown) for shell in self.of(owner))
        picture = (owner, subject and subject.status, names)
        if before is not None and picture == self._picture:  # the world moved, not this
            return
        self._picture = picture
        for shell in self.shells:
            shell.set_class(shell is shown, "-shown")
        hint = self.query_one("#hint", Static)
        hint.display = shown is None
        hint.update(Content(self._hint(subject)))
        self._name_all(self.of(owner), shown)
        if shown is not None and shown.id == self._wanted and self.awake:
            self._wanted = ""
            self.take_focus()

    def _shown(self, owner: str) -> Shell | None:
        """The session that was looked at last, or the newest."""
        known = self.of(owner)
        wanted = [shell for shell in known if shell.id == self._current.get(owner)]
        return next(reversed(wanted or known), None)

    def _forget_gone(self) -> None:
        """Sessions end with their container; what they said goes when that is removed."""
        containers = self.dock_screen.world.containers
        for shell in self.shells:
            if shell.ended and shell.owner not in containers:
                shell.remove()

    @work(group="names", exclusive=True, exit_on_error=False)
    async def _name_all(self, shells: list[Shell], shown: Shell | None) -> None:
        row = self.query_one("#sessions", Horizontal)
        row.display = len(shells) > 1 or any(shell.title for shell in shells)
        if row.display:
            await row.remove_children()
            await row.mount(*(SessionName(each, current=each is shown) for each in shells))

    def _hint(self, subject: Container | None) -> str:
        if subject is None:
            return ""
        if subject.status is not Status.RUNNING:
            return f"No shell. {self.idle(subject)}"
        key = self.dock_screen.key_of
        return (
            f"No session. {key('container.shell')} opens a shell here, "
            f"{key('container.shell_full')} on the whole terminal, "
            f"{key('container.attach')} attaches to its own input, "
            f"{key('container.another')} asks which."
        )

    @on(Terminal.Titled)
    def _titled(self) -> None:
        if self.awake:
            self.show(self.subject, None)

    @on(SessionName.Chosen)
    def _chosen(self, event: SessionName.Chosen) -> None:
        event.stop()
        self.turn_to(event.shell)

    def turn_to(self, shell: Shell) -> None:
        """Look at a session as soon as its container is the subject, and put the keys there."""
        self._current[shell.owner] = self._wanted = shell.id or ""
        self.show(self.subject, None)

    # --- sessions begin and end ----------------------------------------------------------------

    async def begin(self, it: Container, *, attach: bool) -> None:
        """Go on with the container's session of that kind, or open one."""
        known = [shell for shell in self.of(it.id) if not shell.ended]
        fitting = [shell for shell in known if (shell.label == ATTACHED) == attach]
        shown = self._shown(it.id)
        if fitting:
            self._go_on(it, shown if shown in fitting else fitting[-1])
        elif attach:
            await self.open(it, ATTACHED, self.attach(it))
        else:
            await self.open_shell(it, self._usual_shell(it))

    def _go_on(self, it: Container, shell: Shell | None) -> None:
        if shell is not None:
            self._current[it.id] = shell.id or ""
        self._look(it)

    def _look(self, it: Container) -> None:
        self.show(self.subject, None)
        if self.subject and self.subject.id == it.id and self.awake:
            self.take_focus()

    def _usual_shell(self, it: Container) -> str:
        dock = self.dock_screen.dock
        return dock.state.shells.get(it.image, dock.config.shell)

    async def open_shell(
        self, it: Container, shell: str, user: str | None = None, directory: str | None = None
    ) -> None:
        """A further shell; where there is none, tools of this machine are offered."""
        spec = ExecSpec((shell,), ENVIRONMENT, user, directory, tty=True, stdin=True)
        label = shell.rpartition("/")[2] + (f" {user}" if user else "")
        missing = await self.open(it, label, self.run(it, spec))
        if missing and await self._offer_tools(it, missing):
            await self.open(it, DEBUG, self.debug(it))

    async def _offer_tools(self, it: Container, missing: CommandNotFound) -> bool:
        body = "A debug shell brings the tools of this machine; the files are in /container then."
        question = Confirm(f"{it.name}: {missing.message}", body, yes="Debug")
        answer: bool | None = await self.app.push_screen_wait(question)
        return bool(answer)

    def run(self, it: Container, spec: ExecSpec) -> Open:
        return lambda: self.dock_screen.engine.containers.exec(it.id, spec)

    def debug(self, it: Container) -> Open:
        return lambda: self.dock_screen.engine.containers.debug(it.id)

    def attach(self, it: Container) -> Open:
        return lambda: self.dock_screen.engine.containers.attach(it.id)

    async def open(self, it: Container, label: str, begin: Open) -> CommandNotFound | None:
        """Another session; the error when it is that there is no such command."""
        for shell in self.of(it.id):
            if shell.ended:
                await shell.remove()
        with self.dock_screen.presented():
            try:
                session = await begin()
            except CommandNotFound as error:
                return error
            number = self._numbers[it.id] = self._numbers.get(it.id, 0) + 1
            shell = Shell(session, it.id, label, number)
            await self.mount(shell)
            self._go_on(it, shell)
        return None

    @on(Terminal.Ended)
    async def _session_ended(self, event: Terminal.Ended) -> None:
        """A plain end gives the place back; another one stays to be read until the next."""
        event.stop()
        had_focus = event.terminal.has_focus
        event.terminal.add_class("-ended")
        if event.code == 0:
            await event.terminal.remove()
        self.show(self.subject, None)
        if had_focus:
            self.dock_screen.go_back()

    @on(Terminal.Left)
    def _terminal_left(self, event: Terminal.Left) -> None:
        """To the frame beside, or, where there is none, to the list."""
        event.stop()
        other = self.dock_screen.query_one(Details).other
        if other is not None:
            other.take_focus()
        else:
            self.dock_screen.go_back()
