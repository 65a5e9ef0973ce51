"""Images and containers that want out. Numbers are the rows of the project's hardening list.

Each docstring says how the test was seen to fail without its defence.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

import pytest

from tests import root_only
from tests.conftest import AS_ROOT
from tests.runtime.conftest import Box, collect
from tuidock.engine.errors import BadSpec, CommandNotExecutable, StartFailed
from tuidock.engine.runtime import rootfs
from tuidock.engine.types import Mount


def mountinfo() -> str:
    with open("/proc/self/mountinfo") as file:
        return file.read()


def test_nothing_of_the_hosts_file_system_is_mounted_inside(box: Box) -> None:
    """Failed when the store was attached to "/": umount2 after pivot_root took the store
    away and left the host's root below the container's.
    """
    _, said = box.run("cat", "/proc/self/mountinfo")
    targets = {line.split()[4]: line for line in said.splitlines()}
    allowed = ("/dev", "/proc", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf")
    for target, line in targets.items():
        assert target == "/" or target.startswith(allowed), line
    assert " overlay " in targets["/"]
    assert len([line for line in said.splitlines() if line.split()[4] == "/"]) == 1


def test_a_start_does_not_show_on_the_host(box: Box) -> None:
    """25. Fails without MS_PRIVATE where the host's mounts are shared."""
    container = box.detached("sleep", "1000")
    assert box.layout.root not in mountinfo()
    pid = box.state(container).pid
    with open(f"/proc/{pid}/mountinfo") as file:
        assert "shared:" not in file.read()


@pytest.mark.parametrize("name", ["dev", "proc", "sys"])
def test_a_link_in_place_of_a_system_directory(box: Box, name: str) -> None:
    """22. Fails without RESOLVE_NO_SYMLINKS: the mount would land where the link points."""
    os.mkdir(f"{box.layer}/elsewhere")
    os.symlink("/elsewhere", f"{box.layer}/{name}")
    with pytest.raises(StartFailed, match=f"/{name}"):
        box.run("true")


def test_a_link_in_place_of_the_engines_files(box: Box) -> None:
    """24. Fails when the target of a bind is resolved from the host's root."""
    victim = f"{box.layout.root}/victim"
    with open(victim, "w") as file:
        file.write("untouched\n")
    os.symlink(f"../../../../..{victim}", f"{box.layer}/etc/hosts")
    os.symlink("/proc/1/root/etc/shadow", f"{box.layer}/etc/resolv.conf")
    with contextlib.suppress(StartFailed):
        box.run("sh", "-c", "echo changed > /etc/hosts")
    with open(victim) as file:
        assert file.read() == "untouched\n"
    assert "engine" not in mountinfo()


@pytest.mark.parametrize("options", [(), ("systempaths=unconfined",)])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_link_of_the_image_to_what_is_missing(
    box: Box, options: tuple[str, ...], read_only: bool
) -> None:
    """24. As in images that systemd-resolved was in. Fails when `make_file` must find a file;
    with a path that the host resolves, the victim would change.
    """
    outside = f"{box.layout.root}/outside"
    os.symlink("../run/there/resolv.conf", f"{box.layer}/etc/resolv.conf")
    os.symlink(f"/link/../../../../..{outside}", f"{box.layer}/etc/hosts")
    os.symlink("/bin", f"{box.layer}/link")
    files = ("/etc/resolv.conf", "/run/there/resolv.conf", "/etc/hosts", outside)
    said = box.run("cat", *files, read_only=read_only, security_opt=options)
    assert said == (0, "resolv.conf of the engine\n" * 2 + "hosts of the engine\n" * 2)
    assert not os.path.exists(outside)


def test_links_in_a_circle_are_an_error(box: Box) -> None:
    os.symlink("/etc/other", f"{box.layer}/etc/resolv.conf")
    os.symlink("resolv.conf", f"{box.layer}/etc/other")
    with pytest.raises(StartFailed, match="symbolic links"):
        box.run("true")


def test_a_volume_below_a_link_stays_in_the_image(box: Box) -> None:
    """18, 23. Fails with os.makedirs: the directory would be made on the host."""
    outside = f"{box.layout.root}/outside"
    os.symlink(f"../../../../../..{outside}", f"{box.layer}/data")
    with pytest.raises(StartFailed, match="No such file"):
        box.run("true", mounts=(Mount("tmpfs", "", "/data/a/b"),))
    assert not os.path.exists(outside)


@pytest.mark.parametrize("number", [3, 4, 5, 8, 12, 17, 20, 39])
def test_a_working_directory_through_a_leaked_descriptor(box: Box, number: int) -> None:
    """17. Fails without close_range before chdir: descriptor n leads to the host."""
    with pytest.raises(StartFailed):
        box.run("ls", working_dir=f"/proc/self/fd/{number}/../../..")


def test_our_interpreter_as_the_command(box: Box) -> None:
    """16. Fails without RESOLVE_NO_MAGICLINKS: our own python would run, with the image's
    libraries.
    """
    with pytest.raises(CommandNotExecutable):
        box.run("/proc/self/exe")
    os.symlink("/proc/self/exe", f"{box.layer}/bin/inner")
    with pytest.raises(CommandNotExecutable):
        box.run("/bin/inner")


@pytest.mark.root(root_only.SEALED)
def test_our_interpreter_cannot_be_written(box: Box) -> None:
    """16. Fails without the read-only mount that the launcher is executed from."""
    box.run("true")
    launcher = box.process("tuidock-launcher")
    assert os.statvfs(f"/proc/{launcher}/exe").f_flag & os.ST_RDONLY


@pytest.fixture
def further_group() -> Iterator[None]:
    """The caller is in a group that no container knows; an ordinary user is in what it is in."""
    before = os.getgroups()
    if AS_ROOT:
        os.setgroups([4242])
    yield
    if AS_ROOT:
        os.setgroups(before)


@pytest.mark.usefixtures("further_group")
def test_supplementary_groups_are_the_images(box: Box) -> None:
    """15. Fails without setgroups: root's groups of the host would stay."""
    assert box.run("id", "-G", user="33:34")[1] == "34\n"
    assert box.run("id", "-G", user="root")[1] == "0 44\n"


def test_the_users_own_group_is_a_supplementary_one(box: Box) -> None:
    """15. Fails without it (CVE-2022-36109), which `id -G` does not show: a program that is
    setgid would shed the group that bars its user from a file.
    """
    says = ("grep", "^Groups:", "/proc/self/status")
    assert box.run(*says, user="33:34")[1].split() == ["Groups:", "34"]
    assert box.run(*says, user="web")[1].split() == ["Groups:", "29", "34", "44"]
    container = box.detached("sleep", "1000")
    said = collect(box.exec(container, *says, user="nobody"))["stdout"]
    assert said.split() == [b"Groups:", b"65534"]


def test_groups_are_added_by_name_and_number(box: Box) -> None:
    """15. Also for a further command; fails when exec forgets them."""
    asked = {"user": "33:34", "groups": ("audio", "4000", "web")}
    assert box.run("id", "-G", **asked)[1] == "34 29 4000\n"
    container = box.detached("sleep", "1000", **asked)
    said = collect(box.exec(container, "id", "-G", user="nobody"))["stdout"]
    assert said == b"65534 29 34 4000\n"
    with pytest.raises(StartFailed, match="unable to find group ghosts"):
        box.run("id", groups=("ghosts",))
    for name in ("", "a:b", "a b", "4294967296"):
        with pytest.raises((BadSpec, StartFailed)):
            box.run("id", groups=(name,))


@pytest.mark.parametrize(
    "user", ["4294967296", "4294967295", "99999999999999999999", "-1", "0x0", "1:"]
)
def test_users_that_no_kernel_knows(box: Box, user: str) -> None:
    """14. Fails with int() and truncation: 4294967296 would be root."""
    with pytest.raises(StartFailed):
        box.run("id", user=user)


def test_a_giant_group_file(box: Box) -> None:
    """14. Fails when the file is read whole: a sparse gigabyte."""
    with open(f"{box.layer}/etc/group", "w") as file:
        file.truncate(1 << 30)
    with pytest.raises(StartFailed, match="larger than"):
        box.run("id", user="web")


def test_a_fifo_in_place_of_the_user_file(box: Box) -> None:
    """14. Fails with a plain open: the start would hang for ever."""
    os.unlink(f"{box.layer}/etc/passwd")
    os.mkfifo(f"{box.layer}/etc/passwd")
    with pytest.raises(StartFailed, match="not a regular file"):
        box.run("id")


def test_devices_are_what_they_seem() -> None:
    """19. Fails without fstat: whatever lies at /dev/null would be bound."""
    for path in ("/etc/passwd", "/dev/zero"):
        with open(path) as file, pytest.raises(OSError, match="not character device"):
            rootfs.check_device(file.fileno(), path, (1, 3))
    with open("/dev/null") as file:
        rootfs.check_device(file.fileno(), "/dev/null", (1, 3))


@pytest.mark.root(root_only.DEVICES)
def test_device_nodes_of_the_image_do_not_open(box: Box) -> None:
    """7. Fails without nodev on the root, where the container has the host's ids."""
    os.mknod(f"{box.layer}/zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    code, said = box.run("sh", "-c", "cat /zero | head -c 1", uid_base=0)
    assert "Permission denied" in said, (code, said)


@pytest.mark.cgroup2
@pytest.mark.root(root_only.LIMITS)
def test_cgroups_cannot_be_written(box: Box) -> None:
    """28. Fails without the read-only mounts."""
    writes = "echo 1 > $d/cgroup.procs && echo written $d; mkdir $d/x && echo made $d"
    script = f"for d in /sys/fs/cgroup /sys/fs/cgroup/*; do {writes}; done"
    _, said = box.run("sh", "-c", script, uid_base=0)
    assert "can't create /sys/fs/cgroup" in said
    assert "Read-only file system" in said
    assert "written" not in said
    assert "made" not in said
    script = "d=/sys/fs/cgroup; test -d $d/pids && d=$d/pids; mkdir $d/x && echo made"
    assert box.run("sh", "-c", script, uid_base=0, privileged=True) == (0, "made\n")


@pytest.mark.root(root_only.MOUNTS)
def test_read_only_volumes_are_so_all_the_way_down(box: Box) -> None:
    """26. Fails without AT_RECURSIVE: the tmpfs below stayed writable."""
    import subprocess

    source = f"{box.layout.root}/volume"
    os.makedirs(f"{source}/below")
    subprocess.run(["mount", "-t", "tmpfs", "none", f"{source}/below"], check=True)
    try:
        mounts = (Mount("bind", source, "/v", readonly=True),)
        _, said = box.run("sh", "-c", "touch /v/x; touch /v/below/x; ls -a /v/below", mounts=mounts)
        assert said.count("Read-only file system") == 2, said
        assert not os.path.exists(f"{source}/below/x")
    finally:
        subprocess.run(["umount", f"{source}/below"], check=True)


def test_no_capability_is_inherited(box: Box) -> None:
    """30. Fails when inheritable or ambient sets keep what the engine had."""
    said = box.run("grep", "^Cap", "/proc/self/status", user="web")[1]
    words = dict(line.split(":\t") for line in said.splitlines())
    assert words["CapInh"] == words["CapAmb"] == words["CapPrm"] == words["CapEff"] == "0" * 16
    assert words["CapBnd"] == "00000000a80425fb"


def test_capabilities_as_asked(box: Box) -> None:
    said = box.run(
        "grep", "^Cap[BE]", "/proc/self/status", cap_drop=("ALL",), cap_add=("NET_ADMIN",)
    )[1]
    assert {line.split()[1] for line in said.splitlines()} == {"0000000000001000"}


def test_masked_and_read_only_parts_of_proc(box: Box) -> None:
    script = (
        "cat /proc/keys /proc/timer_list | wc -c; ls /sys/firmware | wc -l; "
        "echo x > /proc/sys/kernel/hostname"
    )
    said = box.run("sh", "-c", script, uid_base=0)[1]
    assert said.startswith("0\n0\n")
    assert "Read-only file system" in said


def test_no_new_privileges(box: Box) -> None:
    said = box.run("grep", "NoNewPrivs", "/proc/self/status", security_opt=("no-new-privileges",))[
        1
    ]
    assert said.split()[1] == "1"


def test_namespaces_cannot_be_made_inside(box: Box) -> None:
    """Fails without the seccomp filter: user namespaces are free for all on this kernel."""
    assert "Operation not permitted" in box.run("unshare", "-U", "true")[1]
    code, _ = box.run("unshare", "-U", "true", security_opt=("seccomp=unconfined",))
    assert code == 0


def test_what_a_command_of_the_image_inherits(box: Box) -> None:
    """17, 39. Fails when a descriptor, an ignored signal or a variable of the engine leaks."""
    os.environ["TUIDOCK_SECRET"] = "leak"
    try:
        said = box.run("sh", "-c", "ls /proc/self/fd; grep Sig[IB] /proc/self/status; env")[1]
    finally:
        del os.environ["TUIDOCK_SECRET"]
    assert said.split("SigBlk")[0].split() == ["0", "1", "2", "3"], "3 is of ls itself"
    assert "SigBlk:\t0000000000000000" in said
    assert "SigIgn:\t0000000000000000" in said
    assert "leak" not in said


def test_sockets_of_the_engine_are_its_owners_alone(box: Box) -> None:
    """34, 29. Fails with the usual umask, or with abstract names."""
    container = box.detached("sleep", "1000")
    for path in (box.layout.launcher_socket, f"{box.layout.run(container)}/monitor.sock"):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(box.layout.run(container)).st_mode) == 0o700
    with open("/proc/net/unix") as file:
        assert not [line for line in file if "@" in line and "tuidock" in line]


def test_exec_into_a_container_that_breaks_its_devpts(box: Box) -> None:
    """20. Fails without the check of the file system: any file could pose as the terminal."""
    container = box.detached("sh", "-c", "echo up; sleep 1000")
    pid = box.state(container).pid
    line = box.exec(container, "sh", "-c", "ln -s /etc/passwd /tmp/x; echo", tty=True)
    collect(line)
    assert os.path.exists(f"/proc/{pid}")
