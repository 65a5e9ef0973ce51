"""The starter image, made of this machine's own shell, tools and Python, with no registry.

Invariant: the same files on the machine give the same bytes, hence the same digest. The
image follows the merged-usr layout whatever the machine does; every library lies in the
loader's own directory, where ld.so looks without a cache.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import tarfile
import time
from collections.abc import Iterable

from tuidock.engine.errors import Unsupported
from tuidock.engine.images.elf import Loader, NotElf, read
from tuidock.engine.images.platforms import host_platform
from tuidock.engine.named import NamedTuple

REFERENCE = "docker.io/tuidock/starter:latest"
OWN_FILES = os.path.join(os.path.dirname(__file__), "rootfs")
SEARCH = "/usr/bin:/bin:/usr/sbin:/sbin"

TOOLBOX = "docker.io/tuidock/tools:latest"
"""The image of a debugger: more tools, and no Python."""
TITLE = "org.opencontainers.image.title"
AGE = "tuidock.tools"
"""The label that says which tools an image was made of."""
REQUIRED = "sh cat ls sleep"
TOOLS = (
    "bash dash [ awk basename chmod chown clear cp cut date dd df dirname du echo env expr"
    " false find free grep head hostname id ip kill ln mawk mkdir mount mv nproc printf ps pwd"
    " readlink realpath rm rmdir sed seq sort stat stty tail tee test timeout top touch tr"
    " true tty uname uniq watch wc which who xargs yes"
)
LOOKING = (
    "busybox curl dig file find fold getent gzip hexdump htop ip less ltrace lsns lsof nano nc"
    " netstat nslookup od pgrep ping pkill pstree sha256sum socat ss strace stty tar"
    " tcpdump traceroute vi vim vmstat wget xxd"
)
"""What people look for in a container that has nothing; what this machine lacks is left out."""
MODULES = (
    "argparse code codecs datetime functools http.server json math mmap os random re readline"
    " rlcompleter shutil signal site socket subprocess sysconfig tempfile threading time"
    " urllib.request encodings.idna encodings.latin_1 encodings.ascii encodings.utf_8"
)
TERMINALS = "ansi dumb linux screen screen-256color tmux-256color vt100 xterm xterm-256color"
DIRECTORIES = "dev etc home opt proc root run srv sys tmp usr usr/bin usr/lib usr/sbin var var/tmp"


class Starter(NamedTuple):
    """An image ready to be added to a store."""

    reference: str
    config: bytes
    """OCI image config, JSON."""
    layer: bytes
    """Its one layer, an uncompressed tar."""


class Entry(NamedTuple):
    """One thing in the image; exactly one of the last three says what it holds."""

    mode: int
    source: str = ""
    """A file of this machine."""
    symlink: str = ""
    hardlink: str = ""
    """Another name in the image."""


Tree = dict[str, Entry]
"""Names in the image, without a leading slash."""


def build() -> Starter:
    """Gather, archive and describe. Raises Unsupported where the machine has no shell."""
    tree = _skeleton()
    libraries = _Libraries(tree)
    _add_tools(tree, libraries, TOOLS)
    _add_python(tree, libraries)
    _add_terminals(tree)
    # Our own files are as old as a checkout of them; that must not change the digest.
    newest = _newest(tree)
    _add_own_files(tree)
    layer = _archive(tree, newest)
    return Starter(REFERENCE, _config(layer, newest, {TITLE: "tuidock starter"}), layer)


def build_toolbox() -> Starter:
    """The tools to look into containers with. Raises Unsupported where there is no shell."""
    tree = _skeleton()
    _add_tools(tree, _Libraries(tree), f"{TOOLS} {LOOKING}")
    _add_terminals(tree)
    newest = _newest(tree)
    layer = _archive(tree, newest)
    labels = {TITLE: "tuidock tools", AGE: age_of_tools()}
    return Starter(TOOLBOX, _config(layer, newest, labels), layer)


def age_of_tools() -> str:
    """Tells the tools that this machine has now from those that it had."""
    found = hashlib.sha256()
    for tool in f"{TOOLS} {LOOKING}".split():
        if path := shutil.which(tool, path=SEARCH):
            known = os.stat(path)
            found.update(f"{tool} {known.st_size} {known.st_mtime_ns}\n".encode())
    return found.hexdigest()[:16]


def _newest(tree: Tree) -> int:
    return max(int(os.stat(entry.source).st_mtime) for entry in tree.values() if entry.source)


# --- gathering ------------------------------------------------------------------------------


def _skeleton() -> Tree:
    tree = {name: Entry(stat.S_IFDIR | 0o755) for name in DIRECTORIES.split()}
    tree["root"] = Entry(stat.S_IFDIR | 0o700)
    tree["tmp"] = tree["var/tmp"] = Entry(stat.S_IFDIR | 0o1777)
    for name in ("bin", "lib", "lib64", "sbin"):
        tree[name] = Entry(0o777, symlink=f"usr/{name}")
    tree["usr/lib64"] = Entry(stat.S_IFDIR | 0o755)
    return tree


def merged(path: str) -> str:
    """The name in a merged-usr image of an absolute path of this machine."""
    name = os.path.normpath(path).lstrip("/")
    return f"usr/{name}" if name.split("/")[0] in ("bin", "lib", "lib64", "sbin") else name


class _Libraries:
    """Puts what programs need beside their loader, each library once."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.loader = Loader()
        self.directory = "usr/lib"

    def add_for(self, path: str) -> None:
        """The interpreter and libraries of one program or extension module."""
        if interpreter := read(path).interpreter:
            self.tree[merged(interpreter)] = Entry(0o755, source=interpreter)
            self.directory = merged(os.path.dirname(os.path.realpath(interpreter)))
        for name, source in self.loader.closure(path).items():
            self.tree.setdefault(f"{self.directory}/{name}", Entry(0o755, source=source))


def _add_tools(tree: Tree, libraries: _Libraries, tools: str) -> None:
    names: dict[str, str] = {}  # of the real file: one multi-call binary serves many tools
    for tool in dict.fromkeys(f"{REQUIRED} {tools}".split()):
        path = shutil.which(tool, path=SEARCH)
        if path and _add_program(tree, libraries, f"usr/bin/{tool}", os.path.realpath(path), names):
            continue
        if tool in REQUIRED.split():
            raise Unsupported(f"this machine has no usable {tool!r} to make the starter image of")


def _add_program(
    tree: Tree, libraries: _Libraries, name: str, path: str, names: dict[str, str]
) -> bool:
    """False when it is no program that can be taken along, such as a script."""
    if path in names:
        tree[name] = Entry(0o755, hardlink=names[path])
        return True
    try:
        libraries.add_for(path)
    except (NotElf, FileNotFoundError):
        return False
    names[path] = name
    tree[name] = Entry(0o755, source=path)
    return True


def _add_python(tree: Tree, libraries: _Libraries) -> None:
    """This interpreter and the part of its standard library that a small server needs."""
    stdlib = sysconfig.get_path("stdlib")
    home = f"usr/{sys.platlibdir}/{os.path.basename(stdlib)}"
    program = os.path.realpath(sys.executable)
    libraries.add_for(program)
    tree["usr/bin/python3"] = Entry(0o755, source=program)
    tree[f"{home}/lib-dynload"] = Entry(stat.S_IFDIR | 0o755)
    for path in _module_files(program):
        if not path.startswith(f"{stdlib}/"):
            continue
        tree[f"{home}/{path.removeprefix(stdlib).lstrip('/')}"] = Entry(0o644, source=path)
        if path.endswith(".so"):
            libraries.add_for(path)


def _module_files(program: str) -> list[str]:
    """Files that importing MODULES loads, compiled ones included.

    Asked of the path finder, because a module may put another in its place (collections.abc
    does since 3.13). OpenSSL stays out: it would be a third of the image, and serves nothing.
    """
    script = (
        "import sys\n"
        "for name in ('_hashlib', '_ssl', 'ssl'): sys.modules[name] = None\n"
        f"import {', '.join(MODULES.split())}\n"
        "from importlib.machinery import PathFinder\n"
        "for name in sorted(sys.modules):\n"
        "    package = sys.modules.get(name.rpartition('.')[0])\n"
        "    spec = PathFinder.find_spec(name, getattr(package, '__path__', None))\n"
        "    if spec: print(spec.origin, spec.cached, sep='\\n')\n"
    )
    command = [program, "-I", "-S", "-B", "-X", "frozen_modules=off", "-c", script]
    listing = subprocess.run(command, capture_output=True, text=True, check=True)
    return sorted({path for path in listing.stdout.split("\n") if os.path.isfile(path)})


def _add_terminals(tree: Tree) -> None:
    for directory in ("/lib/terminfo", "/usr/share/terminfo"):
        for name in TERMINALS.split():
            path = f"{directory}/{name[0]}/{name}"
            if os.path.isfile(path):
                tree[merged(path)] = Entry(0o644, source=path)


def _add_own_files(tree: Tree) -> None:
    for directory, _, files in os.walk(OWN_FILES):
        for file in files:
            path = os.path.join(directory, file)
            mode = 0o755 if directory.endswith("bin") else 0o644
            tree[os.path.relpath(path, OWN_FILES)] = Entry(mode, source=path)


# --- writing --------------------------------------------------------------------------------


def _archive(tree: Tree, newest: int) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(_with_parents(tree), key=lambda n: (bool(tree[n].hardlink), n)):
            entry = tree[name]
            header = _header(name, entry, newest)
            if entry.source:
                with open(entry.source, "rb") as file:
                    archive.addfile(header, file)
            else:
                archive.addfile(header)
    return output.getvalue()


def _with_parents(tree: Tree) -> Iterable[str]:
    for name in list(tree):
        while name := os.path.dirname(name):
            tree.setdefault(name, Entry(stat.S_IFDIR | 0o755))
    return tree


def _header(name: str, entry: Entry, newest: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.mode, header.mtime = stat.S_IMODE(entry.mode), newest
    if entry.source:
        status = os.stat(entry.source)
        header.size, header.mtime = status.st_size, min(int(status.st_mtime), newest)
    elif entry.symlink:
        header.type, header.linkname = tarfile.SYMTYPE, entry.symlink
    elif entry.hardlink:
        header.type, header.linkname = tarfile.LNKTYPE, entry.hardlink
    else:
        header.type = tarfile.DIRTYPE
    return header


def _config(layer: bytes, newest: int, labels: dict[str, str]) -> bytes:
    """OCI image config, in the image-spec's words."""
    platform = host_platform()
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(newest))
    document = {
        "created": created,
        "architecture": platform.architecture,
        "os": platform.os,
        "config": {
            "Env": [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "LANG=C.UTF-8",
                "PYTHONUNBUFFERED=1",
            ],
            "Cmd": ["/bin/sh"],
            "Labels": labels,
        },
        "rootfs": {
            "type": "layers",
            "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"],
        },
        "history": [{"created": created, "created_by": "tuidock: this machine's own tools"}],
    }
    if platform.variant:
        document["variant"] = platform.variant
    return json.dumps(document, separators=(",", ":")).encode()
