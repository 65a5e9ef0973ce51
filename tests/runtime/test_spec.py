"""The OCI configuration: pure functions, and crun as the judge of the result."""

from __future__ import annotations

import glob
import json

import pytest

from tuidock.engine.errors import BadSpec
from tuidock.engine.layout import Layout
from tuidock.engine.runtime import cgroupview, passages, plan
from tuidock.engine.runtime.capabilities import ALL, DEFAULT, available, granted
from tuidock.engine.runtime.spec import exec_process, oci_config
from tuidock.engine.types import ContainerSpec, ExecSpec, Mount

HERE = Layout("/r", "/run")


def config(image: dict[str, object] | None = None, **asked: object) -> dict[str, object]:
    spec = ContainerSpec("test", **{"network": "none", **asked})  # type: ignore[arg-type]
    return oci_config(HERE, "c" * 64, spec, {"config": image or {}}, ["true"], 0, ["a" * 64])


@pytest.mark.parametrize(
    "name",
    [
        "kernel.shm_rmid_forced=1+kernel.core_pattern",
        "kernel.core_pattern",
        "vm.swappiness",
        "kernel.domainname",
        "net/../kernel.core_pattern",
        "net.x\nkernel.y",
        "fs.file-max",
        "fs.mqueue.msg_max2",
        "kernel.hostname",
        "kernel.shmmax ",
        "net.",
        "net..ipv4",
        ".net.ipv4.ip_forward",
        "",
    ],
)
def test_sysctls_of_the_host_are_refused(name: str) -> None:
    """27. Fails with a test for a prefix (CVE-2022-0811)."""
    with pytest.raises(BadSpec):
        config(sysctls=((name, "1"),))


@pytest.mark.parametrize(
    "name", ["kernel.sem", "fs.mqueue.msg_max", "net.ipv4.conf.Eth0.rp_filter"]
)
def test_sysctls_of_its_own_are_taken(name: str) -> None:
    found = config(sysctls=((name, "1 2"),))["linux"]
    assert isinstance(found, dict)
    assert found["sysctl"] == {name: "1 2"}
    for value in ("", "1\n2", "\0"):
        with pytest.raises(BadSpec):
            config(sysctls=((name, value),))
    for other in ({"ipc": "host", "network": "host"}, {"ipc": "host", "network": "container:x"}):
        with pytest.raises(BadSpec, match="not in a separate namespace"):
            config(sysctls=((name, "1"),), **other)


def test_sysctls_of_the_network_need_an_own_network() -> None:
    config(sysctls=(("net.core.somaxconn", "1"),))
    with pytest.raises(BadSpec):
        config(sysctls=(("net.core.somaxconn", "1"),), network="host")
    with pytest.raises(BadSpec):
        config(sysctls=(("net.core.somaxconn", "1\n"),))


def test_an_images_labels_never_become_annotations() -> None:
    """13. Fails when annotations are filled from labels."""
    found = config({"Labels": {"tuidock.layers": "evil", "tuidock.aftermath": "evil"}})
    assert "evil" not in json.dumps(found)


DOCKER_HIDES = (
    "/proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats "
    "/proc/sched_debug /proc/scsi /proc/timer_list /proc/timer_stats "
    "/sys/devices/virtual/powercap /sys/firmware"
).split()
PODMAN_HIDES = (
    "/proc/acpi /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug "
    "/proc/scsi /proc/timer_list /proc/timer_stats /sys/dev/block "
    "/sys/devices/virtual/powercap /sys/firmware /sys/fs/selinux"
).split()
BOTH_PROTECT = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger".split()


def test_what_others_hide_is_hidden() -> None:
    """19, 21. Their lists as of docker 28 and podman 5, and each processor's temperature."""
    linux = config()["linux"]
    assert isinstance(linux, dict)
    heat = glob.glob("/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle")
    assert set(linux["maskedPaths"]) >= {*DOCKER_HIDES, *PODMAN_HIDES, *heat}
    assert set(linux["readonlyPaths"]) >= set(BOTH_PROTECT)


def test_capability_arithmetic() -> None:
    assert set(granted((), (), privileged=False)) == DEFAULT
    assert granted(("net_admin",), ("ALL",), privileged=False) == ["CAP_NET_ADMIN"]
    assert set(granted(("ALL",), ("CAP_MKNOD",), privileged=False)) == set(ALL) - {"CAP_MKNOD"}
    assert granted((), (), privileged=True) == list(ALL)
    with pytest.raises(BadSpec, match="FLY"):
        granted(("FLY",), (), privileged=False)


def test_propagation_back_to_the_host_is_refused() -> None:
    """25. Fails when mount options are passed through."""
    for word in ("shared", "rshared", "slave", "rslave"):
        with pytest.raises(BadSpec):
            plan.parse(["rbind", word])


def test_the_plan_reads_like_a_story() -> None:
    mounts = (Mount("bind", "/src", "/data", readonly=True),)
    steps = [step.describe() for step in plan.operations(config(mounts=mounts, read_only=True))]
    assert steps[:2] == ["make all mounts private", "overlay 1 layers"]
    assert steps[-2:] == ["make the root read-only", "pivot into the root"]
    assert steps.index("mount proc on /proc") < steps.index("bind /src to /data")
    assert steps.index("mount tmpfs on /dev") < steps.index("bind /dev/null")


def test_what_is_written_ahead_is_what_is_usual() -> None:
    """Fails when a default mount changes here and not in `passages`: nobody would notice else."""
    found = cgroupview.hierarchies()
    usual = plan.operations(config(), found)
    assert [each for each in passages.USUAL if not _within(each.operations, usual)] == []
    memory = plan.operations(config(shm_size=1 << 20), found)
    view = plan.operations(config(), ("other",))
    for others, left in ((memory, [0, 2]), (view, [0, 1])):
        kept = [n for n, each in enumerate(passages.USUAL) if _within(each.operations, others)]
        assert kept == left


def _within(row: tuple[object, ...], steps: list[object]) -> bool:
    return any(tuple(steps[at : at + len(row)]) == row for at in range(len(steps)))


def test_a_mount_of_a_person_replaces_ours() -> None:
    found = config(mounts=(Mount("bind", "/mine", "/etc/hosts"),))["mounts"]
    assert isinstance(found, list)
    assert [m["source"] for m in found if m["destination"] == "/etc/hosts"] == ["/mine"]


def test_a_tmpfs_is_mounted_with_caution() -> None:
    """As docker does: nothing executable in it, unless that was asked for."""

    def options(*asked: str) -> set[str]:
        found = config(mounts=(Mount("tmpfs", "", "/data", options=asked),))["mounts"]
        assert isinstance(found, list)
        return next(set(each["options"]) for each in found if each["destination"] == "/data")

    assert options("size=1m") == {"size=1m", "nosuid", "nodev", "noexec"}
    assert options("exec", "suid") == {"exec", "suid", "nodev"}


def test_words_of_other_machines_do_not_reach_the_kernel() -> None:
    found = config(mounts=(Mount("bind", "/s", "/data", True, ("ro", "z", "cached")),))["mounts"]
    assert isinstance(found, list)
    wanted = ["rbind", "nodev", "ro", "rro"]
    assert [each["options"] for each in found if each["destination"] == "/data"] == [wanted]


@pytest.mark.parametrize(
    "asked",
    [
        {"device_rules": ("c 4294967296:0 r",)},
        {"working_dir": "relative"},
        {"mounts": (Mount("tmpfs", "", "/"),)},
        {"mounts": (Mount("tmpfs", "", "rel"),)},
        {"env": ("=x",)},
        {"env": ("A=\0",)},
        {"ulimits": (("wings", 1, 2),)},
        {"ulimits": (("nofile", 3, 2),)},
        {"security_opt": ("seccomp=/no/file",)},
        {"security_opt": ("nonsense",)},
    ],
)
def test_what_makes_no_container(asked: dict[str, object]) -> None:
    with pytest.raises(BadSpec):
        config(**asked)


def test_a_further_command_begins_with_the_containers_process() -> None:
    found = config({"Env": ["A=1"], "User": "web"}, env=("B=2",), working_dir="/w")
    process = exec_process(found, ExecSpec(("id",), env=("B=3",), tty=True))
    environment = dict(pair.split("=", 1) for pair in process["env"])
    assert (environment["A"], environment["B"], environment["TERM"]) == ("1", "3", "xterm")
    assert process["cwd"] == "/w"
    assert process["user"] == {"username": "web"}
    with pytest.raises(BadSpec, match="invalid environment variable"):
        exec_process(found, ExecSpec(("id",), env=("=x",)))
    assert exec_process(found, ExecSpec(("id",), user="0"))["user"] == {"username": "0"}
    assert set(
        exec_process(found, ExecSpec(("id",), privileged=True))["capabilities"]["bounding"]
    ) == set(available(list(ALL), ()))
