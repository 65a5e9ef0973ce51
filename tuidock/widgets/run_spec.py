"""From a `ContainerSpec` back to the form and the command line that ask for it.

Pure functions, docker's syntax. Invariant: what comes out, read by the command line, is the same
spec again; and what a spec leaves as it is by default is not mentioned.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from tuidock.engine.types import ContainerSpec, Device, HealthCheck, Limits, Mount, Port
from tuidock.widgets.amounts import cores_text, size_text
from tuidock.widgets.run_flags import YES, words

_DEFAULT = ContainerSpec("")
_RATES = ("device_read_bps", "device_write_bps", "device_read_iops", "device_write_iops")


def values_of(spec: ContainerSpec) -> dict[str, str]:
    """The form that asks for a container like this one."""
    found = {
        **_identity(spec),
        **_process(spec),
        **_limits(spec.limits),
        **_files(spec),
        **_network(spec),
        **_isolation(spec),
        **_health(spec.health),
    }
    return {name: value for name, value in found.items() if value}


def command_line(spec: ContainerSpec, verb: str = "run -d") -> str:
    """The command that makes a container like this one."""
    return line_of(words(spec.image, values_of(spec)), verb)


def line_of(words: Sequence[str], verb: str) -> str:
    """A command line to copy."""
    return f"tuidock {verb} {shlex.join(words)}"


def _identity(spec: ContainerSpec) -> dict[str, str]:
    entry, command = spec.entrypoint, spec.command
    if entry is not None:  # one word is all that the flag takes; the others lead the command
        command = (*entry[1:], *command)
    return {
        "name": spec.name,
        "command": shlex.join(command),
        # No value is no flag; two quotes are an empty one.
        "entrypoint": "" if entry is None else entry[0] if entry else "''",
        "hostname": spec.hostname,
        "label": _several(f"{key}={value}" for key, value in spec.labels),
        "env": _several(spec.env),
        "interactive": _switch(spec.stdin),
        "tty": _switch(spec.tty),
        "rm": _switch(spec.remove),
    }


def _process(spec: ContainerSpec) -> dict[str, str]:
    restart = spec.restart
    tries = f":{restart.maximum_retries}" if restart.maximum_retries else ""
    return {
        "user": spec.user or "",
        "workdir": spec.working_dir or "",
        "group-add": _several(spec.groups),
        "init": _switch(spec.init),
        "restart": restart.name + tries if restart.name != "no" else "",
        "stop-signal": spec.stop_signal or "",
        "stop-timeout": _unless(spec.stop_timeout, _DEFAULT.stop_timeout),
        "ulimit": _several(f"{name}={soft}:{hard}" for name, soft, hard in spec.ulimits),
        "oom-score-adj": _unless(spec.oom_score_adj, 0),
        "runtime": spec.runtime,
    }


def _limits(limits: Limits) -> dict[str, str]:
    found = {
        name.replace("_", "-"): _amount(name, value)
        for name, value in limits._asdict().items()
        if value is not None and name not in _RATES
    }
    found["pids-limit"] = found.pop("pids", "")
    for name in _RATES:
        rates: Iterable[tuple[str, int]] = getattr(limits, name) or ()
        found[name.replace("_", "-")] = _several(f"{path}:{rate}" for path, rate in rates)
    return found


def _amount(name: str, value: object) -> str:
    if name.startswith("memory") and isinstance(value, int) and value >= 0:
        return size_text(value)
    return cores_text(value) if isinstance(value, float) else str(value)


def _files(spec: ContainerSpec) -> dict[str, str]:
    log, usual = spec.log, _DEFAULT.log
    options = [f"max-size={log.max_size}"] if log.max_size != usual.max_size else []
    options += [f"max-file={log.max_files}"] if log.max_files != usual.max_files else []
    awkward = [it for it in spec.mounts if it.kind == "bind" and _awkward(it)]
    binds = [it for it in spec.mounts if it.kind != "tmpfs" and it not in awkward]
    return {
        "volume": _several(f"{it.source}:{it.target}{_tail(it)}" for it in binds),
        "mount": _several(map(_mount, awkward)),
        "tmpfs": _several(it.target + _tail(it) for it in spec.mounts if it.kind == "tmpfs"),
        "read-only": _switch(spec.read_only),
        "device": _several(map(_device, spec.devices)),
        "device-cgroup-rule": _several(spec.device_rules),
        "log-opt": _several(options),
        "shm-size": size_text(spec.shm_size) if spec.shm_size != _DEFAULT.shm_size else "",
    }


def _awkward(mount: Mount) -> bool:
    """A colon in a path has a meaning in the short form."""
    return ":" in mount.source + mount.target


def _mount(mount: Mount) -> str:
    words = [f"type=bind,src={mount.source},dst={mount.target}"]
    return ",".join(words + (["readonly"] if mount.readonly else []))


def _tail(mount: Mount) -> str:
    words = list(mount.options)
    if mount.readonly and "ro" not in words:
        words.insert(0, "ro")
    return ":" + ",".join(words) if words else ""


def _device(device: Device) -> str:
    return f"{device.source}:{device.target}:{device.access}"


def _network(spec: ContainerSpec) -> dict[str, str]:
    return {
        "network": spec.network if spec.network not in ("bridge", "default") else "",
        "publish": _several(map(port_text, spec.ports)),
        "publish-all": _switch(spec.publish_all),
        "dns": _several(spec.dns),
        "add-host": _several(f"{name}:{address}" for name, address in spec.add_hosts),
    }


def port_text(port: Port) -> str:
    """A port as `-p` takes it."""
    protocol = "" if port.protocol == "tcp" else f"/{port.protocol}"
    last = f"-{port.host_last}" if port.host_last else ""
    host = f"{port.host_port}{last}:" if port.host_port else ":" if port.host_ip else ""
    address = f"{port.host_ip}:" if port.host_ip else ""
    return f"{address}{host}{port.container_port}{protocol}"


def _isolation(spec: ContainerSpec) -> dict[str, str]:
    return {
        "privileged": _switch(spec.privileged),
        "cap-add": _several(spec.cap_add),
        "cap-drop": _several(spec.cap_drop),
        "security-opt": _several(spec.security_opt),
        "sysctl": _several(f"{key}={value}" for key, value in spec.sysctls),
        "userns": spec.userns if spec.userns != "auto" else "",
        "pid": spec.pid,
        "ipc": spec.ipc,
        "uts": spec.uts,
    }


def _health(check: HealthCheck) -> dict[str, str]:
    times = ("interval", "timeout", "start_period", "start_interval", "retries")
    found = {
        f"health-{name.replace('_', '-')}": _unless(getattr(check, name), None) for name in times
    }
    found["health-on-failure"] = check.on_failure if check.on_failure != "none" else ""
    test = check.test or ("",)
    if test[0] == "NONE":
        return {**found, "no-healthcheck": YES}
    line = test[1] if test[0] == "CMD-SHELL" else shlex.join(test[1:])
    return {**found, "health-cmd": line}


def _switch(on: bool) -> str:
    return YES if on else ""


def _several(words: Iterable[str]) -> str:
    return shlex.join(words)


def _unless(value: object, usual: object) -> str:
    return "" if value == usual else f"{value:g}" if isinstance(value, float) else str(value)
