"""Everything that can go wrong, in words for a person.

    EngineError(message, hint)
    ├─ NotFound          ContainerNotFound · ImageNotFound
    ├─ Conflict          NameInUse · InUse · WrongStatus · PortInUse
    ├─ InvalidInput      BadReference · BadSpec
    ├─ RegistryError     Unreachable · AuthenticationRequired · RateLimited · ManifestUnknown
    ├─ ContentError      DigestMismatch · SizeMismatch · UnsafeLayer · BadManifest
    ├─ HostError         NeedsRoot · Unsupported · StorageFull
    ├─ NetworkError
    ├─ RuntimeFailure    StartFailed · CommandNotFound · CommandNotExecutable · MonitorGone
    └─ Cancelled

`message` is one sentence part that fits after `tuidock: `; `hint` says what to do, or is
empty. A foreign error (OSError, requests, netlink) is translated where it is understood,
with `raise ... from`. Anything else that reaches a person is a bug in tuidock.
"""

from __future__ import annotations


class EngineError(Exception):
    """Root of all errors that the engine raises on purpose."""

    exit_code = 1
    """What the command line exits with; `run` and `exec` use 125 to 127 as docker does."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """As it is, however its class is made: errors cross from one process to another."""
        return _again, (type(self), self.message, self.hint), self.__dict__


def _again(kind: type[EngineError], message: str, hint: str) -> EngineError:
    error = kind.__new__(kind)
    EngineError.__init__(error, message, hint)
    return error


class NotFound(EngineError):
    """Something that was named does not exist."""


class ContainerNotFound(NotFound):
    """`No such container: x`."""

    def __init__(self, key: str) -> None:
        super().__init__(f"No such container: {key}", "`tuidock ps -a` lists all containers")


class ImageNotFound(NotFound):
    """`No such image: x`."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"No such image: {reference}", f"get it with `tuidock pull {reference}`")


class Conflict(EngineError):
    """What was asked contradicts what is."""


class ReadOnly(Conflict):
    """A change was asked of an engine that only reads."""

    def __init__(self, what: str) -> None:
        super().__init__(f"read-only: {what} is refused", "tuidock was opened with --read-only")


class NameInUse(Conflict):
    """Another container has that name."""

    def __init__(self, name: str, by: str) -> None:
        super().__init__(
            f'Conflict. The container name "/{name}" is already in use by container "{by}"',
            f"remove it with `tuidock rm {name}`, or choose another name",
        )


class InUse(Conflict):
    """Something cannot be removed because something else needs it."""


class WrongStatus(Conflict):
    """The verb does not fit the status of the container."""


class PortInUse(Conflict):
    """A port of the host is taken."""

    def __init__(self, ip: str, port: int) -> None:
        super().__init__(
            f"Bind for {ip}:{port} failed: port is already allocated",
            "publish another port, or stop what listens there",
        )


class InvalidInput(EngineError):
    """A value that no state of the engine could make right."""


class BadReference(InvalidInput):
    """Not an image reference."""


class BadSpec(InvalidInput):
    """A container cannot be made this way."""


class RegistryError(EngineError):
    """A registry said no, or nothing."""


class Unreachable(RegistryError):
    """No connection, or none that works."""


class AuthenticationRequired(RegistryError):
    """The registry wants other credentials than it got."""


class RateLimited(RegistryError):
    """The registry asks to come back later."""


class ManifestUnknown(RegistryError):
    """No such repository, tag or digest there, as far as the registry tells."""


class ContentError(EngineError):
    """Bytes that are not what they claim to be."""


class DigestMismatch(ContentError):
    """The hash of the content is not its name."""


class SizeMismatch(ContentError):
    """More or fewer bytes than promised."""


class UnsafeLayer(ContentError):
    """A layer that reaches outside, or is a bomb."""


class BadManifest(ContentError):
    """A manifest, index or config that the specification does not allow."""


class HostError(EngineError):
    """The machine refuses."""


class NeedsRoot(HostError):
    """Only root may do that here."""


class Unsupported(HostError):
    """This kernel lacks a feature."""


class StorageFull(HostError):
    """No space left (ENOSPC or EDQUOT)."""


class NetworkError(EngineError):
    """A network could not be made."""


class RuntimeFailure(EngineError):
    """A container or a command in it could not be run."""

    exit_code = 125


class StartFailed(RuntimeFailure):
    """A step of the container's birth failed; the message names the step."""


class CommandNotFound(RuntimeFailure):
    """The command is not in the image."""

    exit_code = 127


class CommandNotExecutable(RuntimeFailure):
    """The command is there and cannot be executed."""

    exit_code = 126


class MonitorGone(RuntimeFailure):
    """The container's monitor does not answer."""


class Cancelled(EngineError):
    """Stopped because somebody asked for it."""

    exit_code = 130
