"""`tuidock port`."""

from __future__ import annotations

from tuidock.engine.errors import NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.add_argument("container", metavar="CONTAINER")
    parser.add_argument("port", nargs="?", default="", metavar="PRIVATE_PORT[/PROTO]")


def main(core: Core, options: Namespace) -> int:
    published = [
        (f"{port.container_port}/{port.protocol}", f"{port.host_ip or '0.0.0.0'}:{port.host_port}")
        for port in core.containers.get(options.container).ports
    ]
    if not options.port:
        print("".join(f"{inner} -> {outer}\n" for inner, outer in sorted(published)), end="")
        return 0
    number, _, protocol = options.port.partition("/")
    wanted = f"{number}/{protocol or 'tcp'}"
    found = [outer for inner, outer in published if inner == wanted]
    if not found:
        raise NotFound(f"No public port '{options.port}' published for {options.container}")
    print("\n".join(found))
    return 0
