"""A debugger: a container of tools in the namespaces of another one.

For images without a shell. Nothing of the host is lent: the tools are an image, made of copies, and
what is written to them lands in the debugger's own upper layer. Invariant: the debugger has the
user namespace of the other, so its root is that container's root and never more.
"""

from __future__ import annotations

import os

from tuidock.engine.named import NamedTuple
from tuidock.engine.types import ContainerSpec, Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.types import Container

LABEL = "tuidock.debugs"
"""Its value is the id of the container that is looked into."""
PIDS = 512
"""Most processes of a debugger: it must not take those of the host."""
_SCRIPT = """\
ln -s "$CONTAINER_ROOT" /container 2>/dev/null
cd /container 2>/dev/null || cd /
[ $# -eq 0 ] || exec "$@"
echo "Tools of this machine in the namespaces of $CONTAINER_NAME. Its files are in /container."
for shell in bash ash dash sh; do
    command -v $shell >/dev/null && PS1="debug $CONTAINER_NAME:\\$PWD# " exec $shell
done
"""


class Debug(NamedTuple):
    """What is wanted of a debugger."""

    command: tuple[str, ...] = ()
    """Instead of a shell."""
    image: str = ""
    """Instead of the tools of this machine."""
    tty: bool = True
    stdin: bool = True


def debugger(it: Container, asked: Debug, pid: int) -> ContainerSpec:
    """The spec of a debugger for a running container, whose process has `pid` in its namespace.

    Its name is the other's with a mark, so that several may look into one container.

    It may trace: without that the files of a process of another user could not be seen.
    """
    shared = f"container:{it.id}"
    return ContainerSpec(
        image=asked.image,
        name=f"{it.name}-debug-{os.urandom(2).hex()}",
        entrypoint=("sh",),
        command=("-c", _SCRIPT, "sh", *asked.command),
        env=(f"CONTAINER_NAME={it.name}", f"CONTAINER_ROOT=/proc/{pid}/root"),
        labels=((LABEL, it.id),),
        user="0",
        working_dir="/",
        tty=asked.tty,
        stdin=asked.stdin,
        network=shared,
        pid=shared,
        ipc=shared,
        uts=shared,
        limits=Limits(pids=PIDS),
        remove=True,
        cap_add=("SYS_PTRACE",),
        userns="host" if it.spec.userns == "host" or it.spec.privileged else "auto",
        stop_timeout=0.0,
    )
