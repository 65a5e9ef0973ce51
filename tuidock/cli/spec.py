"""The flags of `run` and `create`, and the ContainerSpec that they ask for."""

from __future__ import annotations

import os

from tuidock.cli import environment, health, limits, mounts, units
from tuidock.engine.errors import BadSpec
from tuidock.engine.types import ContainerSpec, Device, LogLimits, RestartPolicy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser


def arguments(parser: Parser) -> None:
    """Add the flags that describe a container."""
    parser.switch("-i", "--interactive", help="keep standard input open")
    parser.switch("-t", "--tty", help="give it a terminal")
    parser.flag("--rm", help="remove it when it ends")
    parser.flag("--read-only", help="make its root file system read-only")
    parser.flag("--init", help="run a reaper as its first process")
    parser.flag("--privileged", help="all capabilities, no filters")
    parser.flag("-P", "--publish-all", help="publish all exposed ports to free ports")
    parser.add_argument("--name", default="", help="a name for it")
    parser.add_argument("-h", "--hostname", default="", help="its host name")
    parser.add_argument("-w", "--workdir", metavar="DIR", help="working directory")
    parser.add_argument("-u", "--user", metavar="USER[:GROUP]", help="user to run as")
    parser.add_argument("--entrypoint", metavar="COMMAND", help="instead of the image's")
    parser.add_argument(
        "--network",
        "--net",
        default="default",
        metavar="MODE",
        help="bridge, host, none or container:ID; none by default where root is not",
    )
    parser.add_argument("--userns", default="auto", metavar="MODE", help="auto, host or keep-id")
    parser.add_argument("--pid", default="", metavar="MODE", help="host or container:ID")
    parser.add_argument("--ipc", default="", metavar="MODE", help="host or container:ID")
    parser.add_argument("--uts", default="", metavar="MODE", help="host or container:ID")
    parser.add_argument("--runtime", default="", metavar="PROGRAM", help="crun or runc instead")
    parser.add_argument("--restart", default="no", metavar="POLICY", type=restart_policy)
    parser.add_argument("--stop-signal", metavar="SIGNAL", help="signal to stop it with")
    parser.add_argument("--stop-timeout", default=10.0, metavar="SECONDS", type=units.patience)
    parser.add_argument("--shm-size", default=64 << 20, metavar="BYTES", type=units.size)
    parser.add_argument("--oom-score-adj", default=0, metavar="N", type=units.integer)
    parser.add_argument(
        "--pull", default="missing", choices=("missing", "always", "never"), help="when to pull"
    )
    parser.add_argument("--platform", default="", metavar="OS/ARCH", help="platform to pull")
    parser.add_argument("--cidfile", metavar="FILE", help="write the container's id there")
    _lists(parser)
    health.arguments(parser)
    limits.arguments(parser)
    parser.add_argument("image", metavar="IMAGE")
    parser.command()


def _lists(parser: Parser) -> None:
    environment.arguments(parser)
    parser.several("-l", "--label", metavar="KEY[=VALUE]", help="label")
    parser.several("-v", "--volume", metavar="SOURCE:TARGET[:ro]", help="bind mount")
    parser.several("--mount", metavar="type=bind,src=...", help="mount")
    parser.several("--tmpfs", metavar="DIR[:OPTIONS]", help="memory file system")
    parser.several(
        "-p", "--publish", metavar="[IP:][HOST:]PORT[/udp]", help="publish a port, or a range"
    )
    parser.several("--cap-add", metavar="CAP", help="add a capability")
    parser.several("--cap-drop", metavar="CAP", help="take a capability away")
    parser.several("--security-opt", metavar="OPTION", help="seccomp=FILE|unconfined, ...")
    parser.several("--dns", metavar="IP", help="resolver")
    parser.several("--add-host", metavar="NAME:IP", help="line for /etc/hosts")
    parser.several("--ulimit", metavar="NAME=SOFT[:HARD]", help="resource limit of a process")
    parser.several("--sysctl", metavar="KEY=VALUE", help="kernel parameter of its namespaces")
    parser.several("--device", metavar="HOST[:CONTAINER[:rwm]]", help="device of the host")
    parser.several("--device-cgroup-rule", metavar="'c 188:* rwm'", help="devices it may make")
    parser.several("--group-add", metavar="GROUP", help="further group of the user")
    parser.several("--log-opt", metavar="max-size=10m", help="log rotation")


def spec(options: Namespace) -> ContainerSpec:
    """What the flags ask for. Raises BadSpec."""
    from tuidock.engine.network.ports import parse as parse_ports

    entrypoint = options.entrypoint
    return ContainerSpec(
        image=options.image,
        name=options.name,
        command=tuple(options.command),
        entrypoint=None if entrypoint is None else tuple(filter(None, [entrypoint])),
        env=tuple(environment.variables(options)),
        labels=tuple(_pair(each) for each in options.label),
        user=options.user,
        working_dir=options.workdir,
        hostname=options.hostname,
        tty=options.tty,
        stdin=options.interactive,
        network=options.network,
        ports=tuple(port for each in options.publish for port in parse_ports(each)),
        publish_all=options.publish_all,
        mounts=tuple(mounts.mounts(options)),
        limits=limits.limits(options),
        remove=options.rm,
        read_only=options.read_only,
        cap_add=tuple(options.cap_add),
        cap_drop=tuple(options.cap_drop),
        security_opt=tuple(_security(each) for each in options.security_opt),
        privileged=options.privileged,
        userns=options.userns,
        restart=options.restart,
        stop_signal=options.stop_signal,
        stop_timeout=options.stop_timeout,
        shm_size=options.shm_size,
        log=_log_limits(options.log_opt),
        add_hosts=tuple(_host(each) for each in options.add_host),
        dns=tuple(options.dns),
        oom_score_adj=options.oom_score_adj,
        ulimits=tuple(_ulimit(each) for each in options.ulimit),
        sysctls=tuple(_pair(each) for each in options.sysctl),
        init=options.init,
        devices=tuple(_device(each) for each in options.device),
        device_rules=tuple(options.device_cgroup_rule),
        groups=tuple(options.group_add),
        pid=options.pid,
        ipc=options.ipc,
        uts=options.uts,
        health=health.check(options),
        runtime=options.runtime,
    )


def restart_policy(text: str) -> RestartPolicy:
    """`no`, `always`, `unless-stopped`, `on-failure[:n]`. Raises BadSpec."""
    name, colon, count = text.partition(":")
    if name not in ("no", "always", "unless-stopped", "on-failure"):
        raise BadSpec(f"invalid restart policy '{text}'", "no, always, unless-stopped, on-failure")
    if not colon:
        return RestartPolicy(name, 0)
    if name != "on-failure":
        raise BadSpec(f"maximum retry count cannot be used with restart policy '{name}'")
    if not (count.isascii() and count.isdigit()):
        raise BadSpec("maximum retry count must be a number, 0 or more", "on-failure:3")
    return RestartPolicy(name, int(count))


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key, value


def _security(text: str) -> str:
    """With the whole path of a seccomp profile, for it is read again from anywhere."""
    key, separator, value = text[:7], text[7:8], text[8:]
    if key != "seccomp" or separator not in ("=", ":"):
        return text
    known = value in ("", "unconfined", "default", "builtin")
    return text if known else f"seccomp={os.path.abspath(value)}"


def _host(text: str) -> tuple[str, str]:
    name, separator, address = text.partition(":")
    if not separator or not name or not address:
        raise BadSpec(f"bad format for add-host: '{text}'", "write NAME:ADDRESS")
    return name, address


def _device(text: str) -> Device:
    source, *rest = text.split(":")
    access = rest.pop() if len(rest) == 2 or (rest and set(rest[-1]) <= set("rwm")) else "rwm"
    if not access or set(access) - set("rwm") or len(set(access)) < len(access):
        raise BadSpec(f"bad mode specified: {access}", "some of r, w and m, each once")
    target = rest.pop() if rest else source
    if rest or not source.startswith("/") or not target.startswith("/"):
        raise BadSpec(f"bad format for device: '{text}'", "write /dev/host[:/dev/name[:rwm]]")
    return Device(source, target, access)


def _ulimit(text: str) -> tuple[str, int, int]:
    name, _, values = text.partition("=")
    soft, *hard = values.split(":")
    if not values:
        raise BadSpec(f"invalid ulimit argument: {text}", "write NAME=SOFT[:HARD]")
    if len(hard) > 1:
        raise BadSpec(
            f"too many limit value arguments - {values}, can only have up to two, `soft[:hard]`"
        )
    return name, units.integer(soft), units.integer(hard[0] if hard else soft)


def _log_limits(texts: list[str]) -> LogLimits:
    fields = dict(_pair(each) for each in texts)
    unknown = set(fields) - {"max-size", "max-file"}
    if unknown:
        raise BadSpec(f"unknown log opt '{min(unknown)}'", "max-size and max-file are known")
    found = LogLimits()
    if "max-size" in fields:
        found = found._replace(max_size=units.size(fields["max-size"]))
    if "max-file" in fields:
        found = found._replace(max_files=units.integer(fields["max-file"]))
    return found
