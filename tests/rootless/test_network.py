"""The network of an ordinary user's containers, on a host that is a namespace of the test's own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest

from tests import root_only
from tests.network.conftest import PATIENCE, inside, listen, namespace, run, talk
from tests.rootless.conftest import IMAGE, Person
from tests.waiting import until
from tuidock.engine.layout import Layout

pytestmark = pytest.mark.root(root_only.NAMESPACE)  # the host is a network namespace of ours
HOST = "192.0.2.1"
CARRIERS = {"slirp4netns": "/usr/bin/slirp4netns", "pasta": "/usr/bin/pasta"}
SERVE = "mkdir /tmp/w; echo hello >/tmp/w/index.html; exec httpd -f -p 80 -h /tmp/w"


@pytest.fixture(params=CARRIERS)
def carrier(request: pytest.FixtureRequest, ann: Person) -> str:
    """The one program that ann has."""
    ann.hidden = [path for name, path in CARRIERS.items() if name != request.param]
    return str(request.param)


@pytest.fixture
def host(ann: Person, carrier: str) -> Iterator[int]:
    """What ann's commands have for a host: lo, one address, a route to everywhere; its pid."""
    with namespace() as pid:
        run("ip", "link", "add", "up0", "type", "bridge", pid=pid)
        run("ip", "address", "add", f"{HOST}/24", "dev", "up0", pid=pid)
        run("ip", "-6", "address", "add", "2001:db8::1/64", "dev", "up0", "nodad", pid=pid)
        run("ip", "link", "set", "up0", "up", pid=pid)
        run("ip", "route", "add", "default", "via", "192.0.2.254", pid=pid)
        before = ann.before
        ann.before = ["nsenter", "-t", str(pid), "-n", *before]
        yield pid
        ann.leave()
        ann.before = before


def fetch(pid: int, ip: str, port: int) -> bytes:
    """What a web server answers to somebody on the host. Raises OSError."""
    with inside(pid):
        client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with client:
        client.settimeout(2)
        client.connect((ip, port))
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return client.makefile("rb").read()


def serves(pid: int, port: int, ip: str = "127.0.0.1") -> bool:
    try:
        return fetch(pid, ip, port).endswith(b"hello\n")
    except OSError:
        return False


def processes(layout: Layout, container: str) -> dict[str, int]:
    """Pids of the uplink and its program, as `ps` shows them."""
    shown = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True).stdout
    lines = [line.split(None, 2) for line in shown.splitlines()]
    title = f"tuidock-uplink {container[:12]} {layout.root}"
    (uplink,) = (pid for pid, _, words in lines if words.startswith(title))
    (program,) = (pid for pid, parent, _ in lines if parent == uplink)
    return {"uplink": int(uplink), "program": int(program)}


def gone(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def web(ann: Person, *flags: str) -> str:
    return ann.does("run", "-d", "--name", "web", *flags, IMAGE, "sh", "-c", SERVE).strip()


# --- out ------------------------------------------------------------------------------------


@pytest.mark.parametrize("userns", ["auto", "keep-id"])
def test_a_container_reaches_what_its_host_reaches(ann: Person, host: int, userns: str) -> None:
    """Fails with keep-id when the first process stays undumpable after it took root's ids."""
    server = listen(host, 7000, ip=HOST)
    answered = threading.Thread(target=answer_once, args=(server,))
    answered.start()
    words = ("wget", "-qO-", f"http://{HOST}:7000")
    said = ann.does("run", "--rm", "--userns", userns, IMAGE, *words)
    answered.join()
    server.close()
    assert said == HOST


def answer_once(server: socket.socket) -> None:
    server.settimeout(PATIENCE)
    connection, peer = server.accept()
    with connection:
        connection.recv(1000)  # else to close is to reset
        length = len(peer[0])
        connection.sendall(f"HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n{peer[0]}".encode())


def test_names_are_asked_where_the_host_asks(ann: Person, host: int) -> None:
    """The host's server is on its loopback, as systemd's is: out of reach but for the program."""
    asked = listen(host, 53, "udp", "127.0.0.53")
    asked.settimeout(PATIENCE)
    answered = threading.Thread(target=answer_a_question, args=(asked,))
    answered.start()
    said = ann.does("run", "--rm", IMAGE, "sh", "-c", "cat /etc/resolv.conf; nslookup a.example.")
    answered.join()
    asked.close()
    assert said.startswith("search example.org\nnameserver 10.89.0.3\n")
    assert "198.51.100.7" in said


def answer_a_question(server: socket.socket) -> None:
    """RFC 1035: the header with one answer, the question again, and 198.51.100.7 for it."""
    for _ in range(2):  # A and AAAA
        question, peer = server.recvfrom(512)
        number, kind = question[:2], question[12:].partition(b"\0")[2][:2]
        record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton("198.51.100.7")
        found = kind == b"\0\1"
        header = number + b"\x81\x80\0\1" + (b"\0\1" if found else b"\0\0") + bytes(4)
        body = question[12:].partition(b"\0")[0] + b"\0" + kind + b"\0\1"
        server.sendto(header + body + (record if found else b""), peer)


def test_the_hosts_loopback_is_out_of_reach(ann: Person, host: int) -> None:
    """Fails without --disable-host-loopback: seen with that word taken out of the command, by
    which both addresses of the gateway became the host's own.
    """
    with inside(host):
        six = socket.create_server(("::1", 7001), family=socket.AF_INET6)
    reach = "nc -w 2 $each 7001 </dev/null && echo $each"
    script = f"for each in 10.89.0.2 fd00::2 127.0.0.1; do {reach}; done"
    with six, listen(host, 7001, ip="127.0.0.1"):
        assert ann.tuidock("run", "--rm", IMAGE, "sh", "-c", script).out == ""


# --- in -------------------------------------------------------------------------------------


def test_a_published_port_is_open_and_shown(ann: Person, host: int) -> None:
    web(ann, "-p", "8080:80", "-p", "127.0.0.1:8081:80")
    until(lambda: serves(host, 8080))
    until(lambda: serves(host, 8080, HOST))
    until(lambda: serves(host, 8081))
    with pytest.raises(ConnectionRefusedError):
        fetch(host, HOST, 8081)
    ports = ann.does("ps", "--format", "{{.Ports}}")
    assert ports == "0.0.0.0:8080->80/tcp, 127.0.0.1:8081->80/tcp\n"
    address = ann.does("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "web")
    assert ann.does("exec", "web", "hostname", "-i") == address == "10.89.0.100\n"


def test_a_port_is_open_whoever_is_root_in_there(ann: Person, host: int) -> None:
    """Seen to fail without the umask: with `keep-id` the program's control socket is somebody
    else's, and the uplink may not use it.
    """
    web(ann, "--userns", "keep-id", "-u", "0", "-p", "8080:80")
    until(lambda: serves(host, 8080))


def test_a_free_port_is_chosen(ann: Person, host: int) -> None:
    web(ann, "-p", "80")
    (port,) = re.findall(r":(\d+)->80/tcp", ann.does("ps", "--format", "{{.Ports}}"))
    until(lambda: serves(host, int(port)))


def test_datagrams_are_passed_on(ann: Person, host: int) -> None:
    ann.does("run", "-d", "--name", "web", "-p", "8053:53/udp", IMAGE, "sleep", "1000")
    inside = int(ann.does("inspect", "-f", "{{.State.Pid}}", "web"))
    with listen(inside, 53, "udp") as server:
        talk(server, host, HOST, 8053)


def test_a_taken_port_is_refused_before_anything_starts(ann: Person, host: int) -> None:
    refused = "tuidock: Bind for 0.0.0.0:8080 failed: port is already allocated\n"
    with listen(host, 8080):
        said = ann.tuidock("run", "--name", "one", "-p", "8080:80", IMAGE, "true")
    assert (said.code, said.err.splitlines(keepends=True)[0]) == (125, refused)
    web(ann, "-p", "8080:80")
    said = ann.tuidock("run", "--name", "two", "-p", "8080:80", IMAGE, "true")
    assert (said.code, said.err.splitlines(keepends=True)[0]) == (125, refused)
    said = ann.tuidock("run", "-p", "81:80", IMAGE, "true")
    assert said.code == 125
    assert "sysctl net.ipv4.ip_unprivileged_port_start=81" in said.err


# --- life -----------------------------------------------------------------------------------


def test_the_network_ends_with_its_container(ann: Person, host: int) -> None:
    container = web(ann, "-p", "8080:80")
    found = processes(ann.layout, container)
    ann.does("stop", "-t", "0", "web")
    until(lambda: all(map(gone, found.values())))
    assert os.listdir(os.path.dirname(ann.layout.uplink(container))) == []
    ann.does("start", "web")
    until(lambda: serves(host, 8080))


def test_it_outlives_monitor_and_launcher(ann: Person, host: int) -> None:
    container = web(ann, "-p", "8080:80")
    found = processes(ann.layout, container)
    shown = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True).stdout
    for line in shown.splitlines():
        pid, words = line.split(None, 1)
        if re.match("tuidock-(monitor|launcher|spare)", words) and ann.layout.root in words:
            os.kill(int(pid), 9)
    until(lambda: serves(host, 8080))
    ann.does("rm", "-f", "web")
    until(lambda: all(map(gone, found.values())))


def test_a_program_that_dies_is_replaced(ann: Person, host: int) -> None:
    """Fails when the uplink only waits for the container."""
    found = processes(ann.layout, web(ann, "-p", "8080:80"))
    until(lambda: serves(host, 8080))
    time.sleep(1.1)  # one that dies at once is not started for ever
    os.kill(found["program"], 9)
    until(lambda: gone(found["program"]) and serves(host, 8080))


def test_no_program_outlives_its_uplink(ann: Person, host: int) -> None:
    """Fails without PR_SET_PDEATHSIG: seen with the call taken out."""
    found = processes(ann.layout, web(ann))
    os.kill(found["uplink"], 9)
    until(lambda: gone(found["program"]))


def test_check_ends_what_was_left_behind(ann: Person, host: int) -> None:
    stray = subprocess.Popen(["sleep", "1000"], user=ann.uid, group=ann.uid)
    with open(f"/proc/{stray.pid}/stat") as file:
        began = file.read().rpartition(")")[2].split()[19]
    ann.does("ps")
    script = 'mkdir -p "$1"; echo $2 $3 >$1/program'
    ann.run("sh", "-c", script, "sh", ann.layout.uplink("a" * 64), str(stray.pid), began)
    assert "ended the network of aaaaaaaaaaaa" in ann.does("system", "check")
    assert stray.wait(PATIENCE) == -9


# --- fences -----------------------------------------------------------------------------------


def test_the_program_is_confined(ann: Person, host: int, carrier: str) -> None:
    """Fails without --enable-seccomp and --enable-sandbox: seen with either taken out.

    pasta keeps CAP_SYS_ADMIN of the container's user namespace, to enter its network.
    """
    found = processes(ann.layout, web(ann))
    with open(f"/proc/{found['program']}/status") as file:
        status = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
    assert status["Seccomp"] == "2"
    kept = 1 << 10 | (1 << 21 if carrier == "pasta" else 0)  # CAP_NET_BIND_SERVICE
    assert int(status["CapEff"], 16) & ~kept == 0
    assert set(os.listdir(f"/proc/{found['program']}/root")) <= {"etc", "run"}


def test_it_cannot_be_seen_from_the_container(ann: Person, host: int) -> None:
    web(ann)
    assert "slirp" not in ann.does("exec", "web", "ps")
    assert ann.does("exec", "web", "ls", "/proc/1/fd").split()[:3] == ["0", "1", "2"]


# --- without --------------------------------------------------------------------------------


def test_without_a_program_there_is_no_network_and_a_word(ann: Person, host: int) -> None:
    ann.hidden = list(CARRIERS.values())
    said = ann.tuidock("run", "--rm", IMAGE, "ls", "/sys/class/net")
    assert (said.code, said.out) == (0, "lo\n")
    assert "apt-get install slirp4netns" in said.err
    assert len(said.err.splitlines()) == 1
    for flags in (("--network", "bridge"), ("-p", "80"), ("-P",)):
        said = ann.tuidock("run", *flags, IMAGE, "true")
        assert said.code == 125
        assert "apt-get install slirp4netns" in said.err
    assert ann.does("ps", "-aq") == ""
    assert "network: no network for an ordinary user" in ann.does("doctor")
    ann.hidden = []
    said = ann.tuidock("run", "--rm", "--network", "host", IMAGE, "cat", "/proc/net/dev")
    assert set(re.findall(r"(\w+):", said.out)) == {"lo", "up0"}
    assert said.err == ""
