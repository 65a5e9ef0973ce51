"""The flags that say how a container's health is found out."""

from __future__ import annotations

from tuidock.cli import units
from tuidock.engine.errors import BadSpec
from tuidock.engine.types import HealthCheck

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser

_SECONDS = {
    "interval": "time between two probes, 30s by default",
    "timeout": "time that a probe may take, 30s by default",
    "start-period": "time in which failures do not count",
    "start-interval": "time between probes in that time, 5s by default",
}


def arguments(parser: Parser) -> None:
    """Add them."""
    parser.add_argument("--health-cmd", metavar="COMMAND", help="command that tells its health")
    for name, text in _SECONDS.items():
        parser.add_argument(f"--health-{name}", metavar="TIME", type=units.duration, help=text)
    parser.add_argument(
        "--health-retries",
        metavar="N",
        type=units.integer,
        help="failures that count, 3 by default",
    )
    parser.add_argument(
        "--health-on-failure",
        default="none",
        choices=("none", "kill", "restart", "stop"),
        help="what to do when it is unhealthy",
    )
    parser.flag("--no-healthcheck", help="without the image's health check")


def check(options: Namespace) -> HealthCheck:
    """What they ask for. Raises BadSpec."""
    test: tuple[str, ...] | None = None
    if options.health_cmd:
        test = ("CMD-SHELL", options.health_cmd)
    if options.no_healthcheck:
        if test:  # the other options are looked at with the image's check
            raise BadSpec("--no-healthcheck conflicts with --health-* options", "choose one")
        test = ("NONE",)
    return HealthCheck(
        test,
        options.health_interval,
        options.health_timeout,
        options.health_start_period,
        options.health_start_interval,
        options.health_retries,
        options.health_on_failure,
    )
