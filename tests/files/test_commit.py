"""`commit`: the image has what the container wrote, others read it, nothing is left over."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tarfile

import pytest

from tests import busybox
from tests.conftest import AS_ROOT
from tests.files.conftest import Place
from tests.waiting import until
from tuidock.engine.containers import instructions
from tuidock.engine.errors import BadSpec, ContentError, NotFound
from tuidock.engine.filesystem import CommitSpec
from tuidock.engine.types import ContainerSpec, HealthCheck, Port

WORK = """
echo one > /etc/new; rm /www/index.html; rm -r /var; mkdir -p /var/log/deep
mkdir /a; chown 33:34 /a; echo x > /a/x; ln /a/x /a/y; mkfifo /a/fifo; chmod 4755 /a/x
truncate -s 1M /a/holes
rm -r /root; echo file > /root
"""


def run(place: Place, image: str, script: str) -> str:
    """What a container of an image says."""
    made = place.files.create(ContainerSpec(image, command=("sh", "-c", script), network="none"))
    line = place.files.start_attached(made.id)
    said = b""
    while not line.ended:
        line.wait_readable(1.0)
        said += b"".join(data for _stream, data in line.read())
    line.close()
    return said.decode()


def layer(place: Place, reference: str) -> tarfile.TarFile:
    """The topmost layer of an image."""
    top = place.core.images.get(reference).layers[-1]
    with open(place.core.layout.blob(top.digest), "rb") as file:
        return tarfile.open(fileobj=io.BytesIO(gzip.decompress(file.read())))


def test_the_image_has_the_changes_and_the_old_layers(place: Place) -> None:
    """Seen to fail: `/www/index.html` is back without whiteouts, `log` has the image's files
    without opaque marks.
    """
    box = place.container(WORK, env=("A=b",), labels=(("k", "v"),)).id
    before = place.core.images.get("busybox")
    made = place.files.commit(box, CommitSpec("mine:1", "me", "why", ("CMD cat /etc/new",)))
    assert made.tags == ("docker.io/library/mine:1",)
    assert made.layers[:-1] == before.layers
    assert made.labels == {"k": "v"}
    names = sorted(layer(place, "mine:1").getnames())
    assert names == sorted(
        "a a/fifo a/holes a/x a/y etc etc/new root var var/.wh..wh..opq var/log var/log/deep "
        "www www/.wh.index.html".split()
    )
    said = run(
        place,
        "mine:1",
        "cat /etc/new /root; ls /www; ls /var/log; stat -c '%u:%g %a %h' /a /a/x; echo $A; "
        "wc -c < /a/holes",
    )
    assert said.split() == "one file deep 33:34 755 2 0:0 4755 2 b 1048576".split()
    shown = place.core.images.inspect("mine:1")
    assert (shown["Author"], shown["Comment"]) == ("me", "why")
    assert not place.still(box)
    with open(place.core.layout.blob(made.id)) as file:
        history = json.load(file)["history"]
    assert (history[-1]["author"], history[-1]["comment"]) == ("me", "why")
    fresh = place.files.create(ContainerSpec("mine:1", network="none"))
    assert fresh.command == ("/bin/sh", "-c", "cat /etc/new")
    assert [c.kind for c in place.files.changes(fresh.id)] == []


def test_other_programs_read_it(place: Place) -> None:
    """umoci unpacks and skopeo copies it, with the files that a container of ours has."""
    box = place.container(WORK).id
    place.files.commit(box, CommitSpec("mine"))
    image = f"{place.core.layout.oci}:docker.io/library/mine:latest"
    keep = () if AS_ROOT else ("--rootless",)  # else it is to keep owners
    unpack = ("umoci", "unpack", *keep, "--image", image, f"{place.base}/um")
    subprocess.run(unpack, check=True)
    root = f"{place.base}/um/rootfs"
    assert not os.path.exists(f"{root}/www/index.html")
    assert os.listdir(f"{root}/var/log") == ["deep"]
    assert os.stat(f"{root}/a/x").st_nlink == 2
    copy = ["skopeo", "copy", "--insecure-policy", f"oci:{image}"]
    subprocess.run([*copy, f"docker-archive:{place.base}/mine.tar:mine:latest"], check=True)
    with tarfile.open(f"{place.base}/mine.tar") as tar:
        assert "manifest.json" in tar.getnames()


def test_nothing_written_makes_no_layer(place: Place) -> None:
    box = place.container().id
    made = place.files.commit(box, CommitSpec(changes=("ENV X=1",)))
    assert made.tags == ()
    assert made.layers == place.core.images.get("busybox").layers
    with open(place.core.layout.blob(made.id)) as file:
        assert json.load(file)["history"][-1]["empty_layer"] is True
    again = place.files.commit(box, CommitSpec("two"))
    assert again.id != made.id


def test_the_same_files_make_the_same_layer(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """SOURCE_DATE_EPOCH: times count no more. Seen to fail without `latest`."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    script = "mkdir /d; echo x > /d/x; rm /www/index.html; : > /d/y"
    first, second = place.container(script).id, place.container(f"sleep 0.01; {script}").id
    made = [place.files.commit(box, CommitSpec()) for box in (first, second)]
    assert made[0].layers[-1].digest == made[1].layers[-1].digest
    assert made[0].created == 1700000000


def test_what_was_asked_of_the_container_is_in_the_config(place: Place) -> None:
    spec = ContainerSpec(
        "busybox",
        entrypoint=("sh",),
        command=("-c", "true"),
        env=("A=1",),
        user="33",
        working_dir="/tmp",
        ports=(Port(80),),
        stop_signal="INT",
    )
    box = place.files.create(spec).id
    changes = ("ENV B='two words' C=3", "EXPOSE 53/udp", "VOLUME /v", "WORKDIR sub", "LABEL a=b")
    made = place.files.commit(box, CommitSpec("x", changes=changes))
    config = place.core.images.inspect(made.id)["Config"]
    assert isinstance(config, dict)
    assert config["Entrypoint"] == ["sh"]
    assert config["Cmd"] == ["-c", "true"]
    assert config["Env"][-3:] == ["A=1", "B=two words", "C=3"]
    assert config["ExposedPorts"] == {"80/tcp": {}, "53/udp": {}}
    assert (config["User"], config["WorkingDir"]) == ("33", "/tmp/sub")
    assert (config["StopSignal"], config["Volumes"]) == ("INT", {"/v": {}})


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("RUN ls", "not a valid change command"),
        ("", "not a valid change command"),
        ("CMD", "at least one argument"),
        ("ENV A", "two arguments"),
        ("ENV A=1 B", "can't find ="),
        ('LABEL a="', "unexpected end of statement"),
        ("STOPSIGNAL NONSENSE", "Invalid signal"),
        ("VOLUME []", "empty string"),
        ("HEALTHCHECK", "at least one argument"),
        ("HEALTHCHECK curl localhost", "Unknown type"),
        ("HEALTHCHECK --every=1s CMD true", "unknown flag"),
        ("HEALTHCHECK --interval=1 CMD true", "invalid duration"),
        ("HEALTHCHECK --interval=1us CMD true", "less than 1ms"),
        ("HEALTHCHECK --retries=x CMD true", "must be a number"),
        ("HEALTHCHECK CMD", "Missing command"),
        ("HEALTHCHECK NONE now", "takes no arguments"),
        ("EXPOSE 0", "invalid containerPort"),
        ("EXPOSE 80/http", "invalid proto"),
        ("ONBUILD FROM x", "isn't allowed"),
    ],
)
def test_a_wrong_change_is_refused(line: str, why: str) -> None:
    with pytest.raises(BadSpec, match=why):
        instructions.apply({}, line)


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("ENV PATH=/opt/bin:$PATH", "Env", ["PATH=/opt/bin:/bin", "A=one two"]),
        ("ENV B='$A' C=\"${A}!\" D=\\$A", "Env", ["B=$A", "C=one two!", "D=$A"]),
        ("ENV B=${NO:-x $A} C=${A:+y}${NO:+z}", "Env", ["B=x one two", "C=y"]),
        ("ENV OLD form of it", "Env", ["OLD=form of it"]),
        ('LABEL a=$A  b="x y"', "Labels", {"a": "one two", "b": "x y"}),
        ("EXPOSE 80 9000-9002/UDP", "ExposedPorts", ["80/tcp", "9000/udp", "9001/udp", "9002/udp"]),
        ("USER $A", "User", "one two"),
        ("VOLUME /a $PATH", "Volumes", ["/a", "/bin"]),
        ('VOLUME ["/a b"]', "Volumes", ["/a b"]),
        ("STOPSIGNAL SIGRTMIN+3", "StopSignal", "SIGRTMIN+3"),
        ("CMD\techo $A", "Cmd", ["/bin/ash", "-c", "echo $A"]),
        ("HEALTHCHECK NONE", "Healthcheck", {"Test": ["NONE"]}),
        ("HEALTHCHECK CMD test -e /up", "Healthcheck", {"Test": ["CMD-SHELL", "test -e /up"]}),
        (
            'healthcheck --interval=1m0.5s  --retries=2 CMD ["true"]',
            "Healthcheck",
            {"Test": ["CMD", "true"], "Interval": 60_500_000_000, "Retries": 2},
        ),
    ],
)
def test_a_change_is_made_in_dockers_way(line: str, key: str, value: object) -> None:
    settings: dict[str, object] = {"Env": ["PATH=/bin", "A=one two"], "Shell": ["/bin/ash", "-c"]}
    instructions.apply(settings, line)
    found = settings[key]
    if isinstance(value, list) and key == "Env":
        assert isinstance(found, list)
        assert set(value) <= set(found)
    else:
        assert (list(found) if isinstance(value, list) else found) == value  # type: ignore[call-overload]


def test_a_new_entry_point_has_no_old_command() -> None:
    settings: dict[str, object] = {"Cmd": ["old"]}
    instructions.apply_all(settings, ('ENTRYPOINT ["a"]',))
    assert settings == {"Entrypoint": ["a"]}
    instructions.apply_all(settings, ('CMD ["b"]', 'ENTRYPOINT ["c"]'))
    assert settings == {"Entrypoint": ["c"], "Cmd": ["b"]}


def test_a_health_check_is_committed_and_probed(place: Place) -> None:
    """That of a line, and that which the container was given by flags."""
    box = place.container(health=HealthCheck(("CMD-SHELL", "test -e /up"), retries=7)).id
    config = place.core.images.inspect(place.files.commit(box, CommitSpec()).id)["Config"]
    assert isinstance(config, dict)
    assert config["Healthcheck"] == {"Test": ["CMD-SHELL", "test -e /up"], "Retries": 7}
    line = "HEALTHCHECK --interval=100ms --retries=1 CMD test -e /up"
    place.files.commit(box, CommitSpec("mine", changes=(line,)))
    spec = ContainerSpec("mine", command=("sleep", "100"), network="none", stop_timeout=0.0)
    made = place.files.create(spec).id
    place.files.start(made)
    until(lambda: place.files.get(made).health == "unhealthy")
    place.sh(made, "touch /up")
    until(lambda: place.files.get(made).health == "healthy")


def test_an_image_that_is_gone_cannot_be_built_upon(place: Place) -> None:
    box = place.container().id
    place.core.images.remove("busybox", force=True)
    identifier = place.files.get(box).image_id
    place.core.db.execute("DELETE FROM image WHERE id = ?", (identifier,))
    with pytest.raises(NotFound, match="was removed"):
        place.files.commit(box, CommitSpec("x"))


def test_names_that_mean_something_else_in_a_layer_are_refused(place: Place) -> None:
    """A file `.wh.passwd` would delete /etc/passwd in the image."""
    box = place.container("touch /etc/.wh.passwd").id
    with pytest.raises(ContentError, match="no image can hold"):
        place.files.commit(box, CommitSpec("x"))
    assert place.core.images.list()[0].tags == ("docker.io/library/busybox:latest",)
    assert not [n for n in os.listdir(place.core.layout.ingest) if not n.startswith(".")]


def test_however_an_archive_comes_its_blob_is_the_same(place: Place) -> None:
    """Seen to fail when deflate is fed as the pieces come."""
    data = busybox.layer()
    digests = set()
    for size in (4096, 70_001, 1 << 21):
        pieces = (data[at : at + size] for at in range(0, len(data), size))
        image = place.core.images.add(busybox.config(Labels={"size": f"{size}"}), [pieces], "x")
        digests.add(image.layers[0].digest)
    assert len(digests) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_client_that_ends_early_leaves_container_and_store_as_they_were(
    place: Place, number: signal.Signals
) -> None:
    """Ended while the container is held still, where it can be.

    Seen to fail: it stays frozen after SIGKILL when the keeper gets no signal from its parent's
    death.
    """
    box = place.container("truncate -s 30G /big").id
    environment = {
        **os.environ,
        "TUIDOCK_ROOT": place.core.layout.root,
        "TUIDOCK_RUNROOT": place.core.layout.runroot,
    }
    words = [sys.executable, "-m", "tuidock", "commit", box, "big"]
    client = subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True)
    until(lambda: place.still(box) if AS_ROOT else not _swept(place))
    client.send_signal(number)
    _, said = client.communicate(timeout=60)
    assert "Traceback" not in said
    assert client.returncode != 0
    until(lambda: not place.still(box))
    assert [image.tags for image in place.core.images.list()] == [
        ("docker.io/library/busybox:latest",)
    ]
    until(lambda: _swept(place))
    place.sh(box, "truncate -s 3 /big")
    assert place.files.commit(box, CommitSpec("big")).layers[-1].size < 1000


def _swept(place: Place) -> bool:
    place.core.images.sweep()
    return not [n for n in os.listdir(place.core.layout.ingest) if not n.startswith(".")]
