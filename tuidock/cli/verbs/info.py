"""`tuidock info`."""

from __future__ import annotations

from tuidock.cli import words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.add_argument("-f", "--format", default="", metavar="TEMPLATE")


def main(core: Core, options: Namespace) -> int:
    info = core.info()
    row = {
        "ServerVersion": info.version,
        "Containers": info.containers,
        "ContainersRunning": info.running,
        "ContainersPaused": info.paused,
        "ContainersStopped": info.containers - info.running - info.paused,
        "Images": info.images,
        "Driver": "overlay",
        "CgroupVersion": info.cgroup,
        "KernelVersion": info.kernel,
        "OperatingSystem": info.operating_system,
        "Architecture": info.architecture,
        "NCPU": info.cpus,
        "MemTotal": info.memory,
        "Name": info.hostname,
        "DockerRootDir": info.root,
        "RunRoot": info.runroot,
        "Rootless": info.rootless,
    }
    if options.format:
        from tuidock.cli.template import render

        print("\n".join(render(options.format, [row])))
        return 0
    shown = {**row, "MemTotal": words.binary_size(info.memory)}
    print("\n".join(f"{key}: {value}" for key, value in shown.items()))
    return 0
