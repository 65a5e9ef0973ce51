"""The flags that say how a container's health is found out."""

from __future__ import annotations

from tuidock.cli import units
from tuidock.engine.errors import BadSpec
from tuidock.engine.types import HealthCheck

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser

_SECONDS = ("interval", "timeout", "start-period", "start-interval")


def arguments(parser: Parser) -> None:
    """Add them."""
    parser.add_argument("--health-cmd", metavar="COMMAND", help="command that tells its health")
    for name in _SECONDS:
        parser.add_argument(f"--health-{name}", metavar="SECONDS", type=units.duration)
    parser.add_argument("--health-retries", metavar="N", type=units.integer)
    parser.add_argument(
        "--health-on-failure", default="none", choices=("none", "kill", "restart", "stop")
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
