"""Attacks from inside a container on whoever makes it or enters it, and on its neighbours.

Numbers are the rows of the project's hardening list; each docstring says how the test was seen
to fail without its defence.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests import root_only
from tests.runtime.conftest import UID_BASE, Box, collect, read_until
from tuidock.engine.errors import RuntimeFailure, StartFailed
from tuidock.engine.runtime import capabilities
from tuidock.engine.types import Mount

ENTERED = 15
"""How often the victim comes in; an attack of this kind that works does so within a few."""


@pytest.fixture
def unprivileged() -> Iterator[subprocess.Popen[bytes]]:
    """A process of another user of the host."""
    with subprocess.Popen(["sleep", "1000"], user=65534, group=65534, extra_groups=[]) as process:
        yield process
        process.kill()


def as_nobody(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, user=65534, group=65534, extra_groups=[], capture_output=True, text=True, check=False
    )


def enter(box: Box, container: str, *command: str) -> str:
    streams = collect(box.exec(container, *command))
    return (streams["stdout"] + streams["stderr"]).decode()


def digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


@pytest.mark.parametrize(
    "asked",
    [{"cap_add": ("SYS_PTRACE",)}, {"uid_base": 0}],
    ids=["a capability in its own ids", "the host's ids"],
)
def test_writing_over_the_programs_of_the_host(box: Box, asked: dict[str, Any]) -> None:
    """16 (CVE-2019-5736). Whoever comes in is opened for writing through /proc by who is there.

    Seen to fail with the host's ids, by what is seen rather than written, without
    PR_SET_DUMPABLE: our interpreter. With other ids, taking these does the same.
    """
    before = digest(os.path.realpath(sys.executable))
    attack = (
        "while :; do for p in /proc/[0-9]*; do ls -l $p/exe; true >>$p/exe; done; done 2>/dev/null"
    )
    container = box.detached("sh", "-c", attack, **asked)
    for _ in range(ENTERED):
        assert enter(box, container, "echo", "in") == "in\n"
    box.monitor(container).signal(9)
    box.monitor(container).wait(None)
    seen = {line.split(" -> ")[1] for line in box.log(container).splitlines() if " -> " in line}
    assert seen == {"/bin/busybox"}
    assert digest(os.path.realpath(sys.executable)) == before


def test_reading_the_memory_of_who_comes_in(box: Box) -> None:
    """33. The same attackers want its memory, by ptrace's rules.

    Seen to fail without PR_SET_DUMPABLE: maps of our interpreter were read.
    """
    attack = "while :; do for p in /proc/[0-9]*; do grep python $p/maps; done; done 2>/dev/null"
    container = box.detached("sh", "-c", attack, uid_base=0)
    for _ in range(ENTERED):
        enter(box, container, "true")
    box.monitor(container).signal(9)
    box.monitor(container).wait(None)
    assert box.log(container) == ""


def test_coming_in_when_the_container_dies(box: Box) -> None:
    """33. It ends, and another process may get its number: the host's must not be entered.

    Fails when namespaces are joined by number: the command would run outside.
    """
    for _ in range(ENTERED):
        container = box.detached("sleep", "1000")
        os.kill(box.state(container).pid, 9)
        try:
            said = enter(box, container, "readlink", "/proc/self/ns/mnt")
        except RuntimeFailure:
            continue
        assert said.strip() != os.readlink("/proc/self/ns/mnt")


@pytest.mark.root(root_only.OTHERS)
@pytest.mark.parametrize("uid_base", [UID_BASE, 0], ids=["own ids", "the host's ids"])
def test_a_set_user_id_program_left_on_the_host(box: Box, uid_base: int) -> None:
    """29 (CVE-2021-41091). Files of a store are reached by root alone.

    Seen to fail with a store of mode 0755: another user of the host executed root's shell.
    """
    script = "cp /bin/busybox /tmp/sh; chmod 4755 /tmp/sh"
    container = box.create("sh", "-c", script, uid_base=uid_base)
    os.chmod(os.path.dirname(box.layout.root), 0o755)  # as /var/lib is
    collect(box.start(container))
    path = f"{box.layout.container(container)}/upper/tmp/sh"
    assert os.stat(path).st_mode & stat.S_ISUID
    with pytest.raises(PermissionError):
        as_nobody(path, "id", "-u")
    for parent in (box.layout.root, box.layout.runroot):
        assert stat.S_IMODE(os.stat(parent).st_mode) == 0o700


def test_su_and_ping_work_unless_privileges_are_forbidden(box: Box) -> None:
    """As with docker, no_new_privs is off unless asked for, and what it gains ends at the user
    namespace. Seen to fail with nosuid on the root, and with no_new_privs always.
    """
    os.mkdir(f"{box.layer}/suid")
    shutil.copy("/bin/busybox", f"{box.layer}/suid/busybox")
    os.chmod(f"{box.layer}/suid/busybox", 0o4755)
    for name in ("su", "ping"):
        os.symlink("busybox", f"{box.layer}/suid/{name}")
    with open(f"{box.layer}/etc/passwd", "w") as file:
        file.write("root::0:0::/:/bin/sh\nweb::33:34::/:/bin/sh\n")
    script = "/suid/su root -c 'id -u'; /suid/ping -c 1 127.0.0.1 | grep -c ' 0% packet loss'"
    assert box.run("sh", "-c", script, user="web")[1].split() == ["0", "1"]
    said = box.run("sh", "-c", script, user="web", security_opt=("no-new-privileges",))[1]
    assert "must be suid" in said
    assert "1" not in said.split()


def test_release_agent(box: Box) -> None:
    """28 (CVE-2022-0492). No cgroup hierarchy can be mounted, nor its agent be named.

    Seen to fail with a view of cgroups that is not read-only.
    """
    script = (
        "mkdir /tmp/cg; mount -t cgroup -o none,name=mine none /tmp/cg && echo mounted; "
        "for d in /sys/fs/cgroup /sys/fs/cgroup/*; do "
        "echo /bin/sh > $d/release_agent && echo named; "
        "echo 1 > $d/notify_on_release && echo told; done"
    )
    for asked in ({}, {"uid_base": 0}, {"cap_add": ("SYS_ADMIN",)}):
        _, said = box.run("sh", "-c", script, **asked)
        assert "mounted" not in said
        assert "named" not in said
        assert "told" not in said


def test_capabilities_are_dockers_or_less(box: Box) -> None:
    """30. Exactly the default, all, none, and what lies between; with nothing to inherit.

    Seen to fail when everything was granted.
    """
    every = capabilities.bits(capabilities.ALL)
    usual = 0xA80425FB
    for asked, wanted in (
        ({}, usual),
        ({"cap_drop": ("ALL",)}, 0),
        ({"cap_add": ("ALL",)}, every),
        ({"cap_add": ("ALL",), "cap_drop": ("MKNOD",)}, every & ~(1 << 27)),
        ({"cap_add": ("SYS_TIME",), "cap_drop": ("cap_chown",)}, usual & ~1 | 1 << 25),
        ({"privileged": True}, every),
    ):
        said = box.run("grep", "^Cap", "/proc/self/status", **asked)[1]
        found = {each: int(text, 16) for each, text in map(_pair, said.splitlines())}
        assert found["CapBnd"] == found["CapPrm"] == found["CapEff"] == wanted, asked
        assert found["CapInh"] == found["CapAmb"] == 0


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value


NESTED = "unshare -Urm sh -c"
"""In user and mount namespaces of one's own, which need no capability without the filter."""


def test_what_is_masked_stays_masked(box: Box) -> None:
    """21. What covers cannot be taken away, not even by root of a further user namespace.

    Seen to fail without masks.
    """
    take = "umount /proc/keys; umount /proc/sys; mount -o remount,rw,bind /proc/sys"
    script = (
        f"exec 2>&1; {take}; {NESTED} '{take}; echo 1 >/proc/sys/kernel/cad_pid; cat /proc/keys'"
    )
    for base in (UID_BASE, 0):
        asked = {"security_opt": ("seccomp=unconfined",), "uid_base": base}
        _, said = box.run("sh", "-c", f"{script}; grep -c ' /proc/' /proc/mounts", **asked)
        assert "Read-only file system" in said
        assert "keyring" not in said
        assert int(said.split()[-1]) >= 8


def test_paths_of_the_system_as_asked(box: Box) -> None:
    _, said = box.run("cat", "/proc/mounts", security_opt=("systempaths=unconfined",))
    assert [line.split()[1] for line in said.splitlines() if " /proc" in line] == ["/proc"]


def test_sockets_of_the_engine_seen_from_the_hosts_network(box: Box) -> None:
    """34 (CVE-2020-15257). A container in the host's network finds no abstract socket of ours."""
    _, said = box.run("cat", "/proc/net/unix", network="host")
    assert "Path" in said
    abstract = [line for line in said.splitlines() if line.split()[-1].startswith("@")]
    assert not [line for line in abstract if "tuidock" in line or box.layout.tag in line]


@pytest.mark.root(root_only.OTHERS)
def test_somebody_elses_order(box: Box, unprivileged: subprocess.Popen[bytes]) -> None:
    """34. Other users of the host reach neither launcher nor monitor."""
    container = box.detached("sleep", "1000")
    socket = f"{box.layout.run(container)}/monitor.sock"
    code = "import os, sys; os.chdir(os.path.dirname(sys.argv[1]))"
    for path in (socket, box.layout.launcher_socket):
        done = as_nobody("/usr/bin/python3", "-c", code, path)
        assert "PermissionError" in done.stderr
    assert unprivileged.poll() is None


def test_what_one_container_knows_of_another(box: Box) -> None:
    """39 (CVE-2020-14370). Variables are of one container and one command only.

    Fails when a spare starter keeps what the one before it was given.
    """
    first = box.detached("sleep", "1000", env=("SECRET=one",))
    for number in range(4):
        assert "one" not in box.run("env", env=(f"OTHER={number}",))[1]
    assert "SECRET=two" in enter(box, first, "sh", "-c", "SECRET=two env")
    assert "SECRET=one" in enter(box, first, "env")
    assert "two" not in enter(box, first, "env")
    for path in ("/proc/1/environ", "/proc/self/environ"):
        assert "OTHER" not in enter(box, first, "cat", path)


def test_a_directory_that_leads_out(box: Box) -> None:
    """17 (CVE-2024-21626). Every descriptor that a leak could have, also for a further command."""
    container = box.detached("sleep", "1000")
    for number in range(3, 64):
        try:
            said = enter_at(box, container, f"/proc/self/fd/{number}")
        except (StartFailed, RuntimeFailure):
            continue
        assert said.startswith("/"), (number, said)
        assert not os.path.samefile("/", f"/proc/{box.state(container).pid}/root")
        assert "tuidock" not in said


def enter_at(box: Box, container: str, directory: str) -> str:
    streams = collect(box.exec(container, "sh", "-c", "pwd; ls", working_dir=directory))
    return (streams["stdout"] + streams["stderr"]).decode()


@pytest.mark.root(root_only.MOUNTS)
def test_read_only_is_so_for_all_that_is_below(box: Box) -> None:
    """26. Remounting does not help, not even in a further user namespace.

    Seen to fail without the recursive flag, and with CAP_SYS_ADMIN, which may.
    """
    source = f"{box.layout.root}/volume"
    os.makedirs(f"{source}/below")
    subprocess.run(["mount", "-t", "tmpfs", "none", f"{source}/below"], check=True)
    try:
        mounts = (Mount("bind", source, "/v", readonly=True),)
        attack = "mount -o remount,rw,bind /v; mount -o remount,rw,bind /v/below; "
        attack += "umount /v/below; touch /v/x /v/below/x"
        script = f"{attack}; {NESTED} '{attack}'"
        box.run("sh", "-c", script, mounts=mounts, security_opt=("seccomp=unconfined",))
        assert os.listdir(source) == ["below"]
        assert os.listdir(f"{source}/below") == []
    finally:
        subprocess.run(["umount", f"{source}/below"], check=True)


def test_a_terminal_of_its_own(box: Box) -> None:
    """Injected input (TIOCSTI) stays in the container's terminal: it is no terminal of ours."""
    line = box.start(box.create("sh", tty=True))
    line.write(b"tty; exit\n")
    said = read_until(line, b"/dev/")
    collect(line)
    assert b"/dev/console" in said or b"/dev/pts/0" in said
