"""`inspect` of a container, in docker's shape."""

from __future__ import annotations

import json

from tuidock.engine.layout import Layout
from tuidock.engine.runtime import health, namespaces
from tuidock.engine.timestamp import rfc3339
from tuidock.engine.types import UP, Container, ContainerSpec, Limits, Mount, Port, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tuidock.engine.network.ipam import Endpoint
    from tuidock.engine.runtime.health import Probe


def inspect(
    layout: Layout, container: Container, config: Mapping[str, Any], endpoint: Endpoint | None
) -> dict[str, object]:
    """Docker's object, from what is, from the runtime-spec config and from the lease."""
    bundle = layout.container(container.id)
    donor = namespaces.donor(container.spec.network)
    files = layout.container(donor) if donor else bundle
    return {
        "Id": container.id,
        "Created": rfc3339(container.created),
        "Path": container.command[0],
        "Args": list(container.command[1:]),
        "State": _state(container) | _health(layout, container),
        "Image": container.image_id,
        "ResolvConfPath": f"{files}/resolv.conf",
        "HostnamePath": f"{files}/hostname",
        "HostsPath": f"{files}/hosts",
        "LogPath": layout.log(container.id),
        "Name": f"/{container.name}",
        "RestartCount": container.restarts,
        "Driver": "overlay",
        "Platform": "linux",
        "HostConfig": _host_config(container.spec),
        "Mounts": [_mount(each) for each in container.spec.mounts],
        "Config": _config(container, config),
        "NetworkSettings": _network(container, endpoint),
        "BundlePath": bundle,
    }


def _state(container: Container) -> dict[str, object]:
    ended = container.exit
    status = container.status
    return {
        "Status": str(status),
        "Running": status in UP,
        "Paused": status is Status.PAUSED,
        "Restarting": status is Status.RESTARTING,
        "OOMKilled": bool(ended and ended.oom_killed),
        "Dead": False,
        "Pid": container.pid,
        "ExitCode": ended.code if ended else 0,
        "Error": ended.error if ended else "",
        "StartedAt": rfc3339(container.started),
        "FinishedAt": rfc3339(ended.at if ended else 0),
    }


def _health(layout: Layout, container: Container) -> dict[str, object]:
    """Nothing without a check; of an ended container what its probes said last."""
    found = health.read(layout, container.id)
    if found is None:
        return {}
    log = [_probe(each) for each in found.log]
    return {"Health": {"Status": found.status, "FailingStreak": found.streak, "Log": log}}


def _probe(probe: Probe) -> dict[str, object]:
    return {
        "Start": rfc3339(probe.start),
        "End": rfc3339(probe.end),
        "ExitCode": probe.exit_code,
        "Output": probe.output,
    }


def _host_config(spec: ContainerSpec) -> dict[str, object]:
    return {
        **_resources(spec.limits),
        "NetworkMode": spec.network,
        "PidMode": spec.pid,
        "IpcMode": spec.ipc or "shareable",
        "UTSMode": spec.uts,
        "PortBindings": _bindings(spec.ports),
        "PublishAllPorts": spec.publish_all,
        "RestartPolicy": {
            "Name": spec.restart.name,
            "MaximumRetryCount": spec.restart.maximum_retries,
        },
        "AutoRemove": spec.remove,
        "Binds": [
            f"{each.source}:{each.target}" + (":ro" if each.readonly else "")
            for each in spec.mounts
            if each.kind == "bind"
        ],
        "CapAdd": list(spec.cap_add) or None,
        "CapDrop": list(spec.cap_drop) or None,
        "SecurityOpt": list(spec.security_opt) or None,
        "Privileged": spec.privileged,
        "ReadonlyRootfs": spec.read_only,
        "UsernsMode": spec.userns,
        "ShmSize": spec.shm_size,
        "OomScoreAdj": spec.oom_score_adj,
        "Dns": list(spec.dns),
        "ExtraHosts": [f"{name}:{address}" for name, address in spec.add_hosts] or None,
        "Init": spec.init,
        "Runtime": spec.runtime or "tuidock",
        "Devices": [
            {
                "PathOnHost": each.source,
                "PathInContainer": each.target,
                "CgroupPermissions": each.access,
            }
            for each in spec.devices
        ],
        "DeviceCgroupRules": list(spec.device_rules) or None,
        "GroupAdd": list(spec.groups) or None,
        "Ulimits": [{"Name": n, "Soft": soft, "Hard": hard} for n, soft, hard in spec.ulimits],
        "Sysctls": dict(spec.sysctls) or None,
        "LogConfig": {
            "Type": "cri",
            "Config": {"max-size": str(spec.log.max_size), "max-file": str(spec.log.max_files)},
        },
    }


def _resources(limits: Limits) -> dict[str, object]:
    return {
        "Memory": limits.memory or 0,
        "MemorySwap": limits.memory_swap or 0,
        "MemoryReservation": limits.memory_reservation or 0,
        "NanoCpus": round((limits.cpus or 0) * 1e9),
        "CpuShares": limits.cpu_shares or 0,
        "CpusetCpus": limits.cpuset_cpus or "",
        "PidsLimit": limits.pids,
        "BlkioWeight": limits.blkio_weight or 0,
        "BlkioDeviceReadBps": _rates(limits.device_read_bps),
        "BlkioDeviceWriteBps": _rates(limits.device_write_bps),
        "BlkioDeviceReadIOps": _rates(limits.device_read_iops),
        "BlkioDeviceWriteIOps": _rates(limits.device_write_iops),
    }


def _rates(rates: tuple[tuple[str, int], ...] | None) -> list[dict[str, object]] | None:
    return [{"Path": path, "Rate": rate} for path, rate in rates] if rates else None


def _config(container: Container, config: Mapping[str, Any]) -> dict[str, object]:
    process = config.get("process", {})
    user = process.get("user", {})
    return {
        "Hostname": config.get("hostname", container.spec.hostname),
        "User": container.spec.user or user.get("username", ""),
        "Tty": container.spec.tty,
        "OpenStdin": container.spec.stdin,
        "Env": process.get("env", []),
        "Cmd": list(container.command),
        "Image": container.image,
        "WorkingDir": process.get("cwd", "/"),
        "Entrypoint": list(container.spec.entrypoint) if container.spec.entrypoint else None,
        "Labels": dict(container.labels),
        "StopSignal": container.spec.stop_signal or "",
        "StopTimeout": container.spec.stop_timeout,
        **_healthcheck(config.get("annotations", {})),
    }


def _healthcheck(about: Mapping[str, str]) -> dict[str, object]:
    if health.CHECK not in about:
        return {}
    check = json.loads(about[health.CHECK])
    check.pop("Shell", None)
    return {"Healthcheck": check, "HealthcheckOnFailureAction": about[health.ON_FAILURE]}


def _network(container: Container, endpoint: Endpoint | None) -> dict[str, object]:
    """No network of its own when it has another container's."""
    place: dict[str, object] = {
        "IPAddress": container.address,
        "IPPrefixLen": endpoint.prefix if endpoint and container.address else 0,
        "Gateway": endpoint.gateway if endpoint and container.address else "",
    }
    own = {} if namespaces.donor(container.spec.network) else {container.spec.network: place}
    return {**place, "Ports": _bindings(container.ports), "Networks": own}


def _bindings(ports: tuple[Port, ...]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        number = f"{port.host_port}-{port.host_last}" if port.host_last else str(port.host_port)
        host = {"HostIp": port.host_ip or "0.0.0.0", "HostPort": number}
        found.setdefault(f"{port.container_port}/{port.protocol}", []).append(host)
    return found


def _mount(mount: Mount) -> dict[str, object]:
    return {
        "Type": mount.kind,
        "Source": mount.source,
        "Destination": mount.target,
        "Mode": ",".join(mount.options),
        "RW": not mount.readonly,
        "Propagation": "rprivate" if mount.kind == "bind" else "",
    }
