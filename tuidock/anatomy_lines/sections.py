"""From a container's anatomy to the items of an outline: sections, values, sentences.

Pure. Invariant: every item has its words, by its kind (`anatomy_words`); numbers are shown as the
kernel has them, and beside it as people say them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from tuidock import anatomy_words
from tuidock import format as fmt
from tuidock.anatomy_lines import birth
from tuidock.anatomy_lines.item import Item
from tuidock.engine.anatomy import (
    Anatomy,
    CgroupFile,
    IdRange,
    Living,
    Member,
    Mounted,
    Namespace,
    Privileges,
    StackLayer,
)
from tuidock.engine.types import Container

_OWN, _SHARED = "$text-success", "$text-warning"
SECTIONS = {
    "birth": ("How it was born", "every step of its start, in order, as it was really done"),
    "namespaces": ("Namespaces", "what it has for itself, and what it shares with the host"),
    "ids": ("Users", "who the people in there are out here"),
    "processes": ("Processes", "its own view of them, and the host's"),
    "cgroup": ("Cgroup", "what it uses and may use, as the kernel counts it"),
    "layers": ("Layers", "what its root directory is stacked of"),
    "mounts": ("Mounts", "what it finds at which path"),
    "privileges": ("Privileges", "which of root's powers it has, and what filters its calls"),
    "hidden": ("Hidden and given", "paths that are covered or read-only, and devices"),
}
"""Titles, and what each section is about."""


Maker = Callable[[Living], Iterable[Item]]


def item(
    key: str,
    kind: str,
    label: str,
    left: str = "",
    right: str = "",
    depth: int = 1,
    style: str = "",
    closer: str = "",
) -> Item:
    """An item with the words of its kind, or of a `closer` one where that has some."""
    words = str(anatomy_words.words(closer, kind))
    return Item(key, depth, label, left, right, words, style=style)


Sections = dict[str, list[Item]]
Past = Mapping[str, str]
"""Values by key, as they were at the last look."""


def items(
    it: Container, known: Anatomy | None, living: Living | None, past: Past, idle: str
) -> list[Item]:
    """All sections; `idle` says why there is no `living`."""
    return arranged(standing(it, known), living, past, idle) if known else []


def standing(it: Container, known: Anatomy) -> Sections:
    """What stays as it is; `calls` belongs to the privileges."""
    return {
        "birth": list(birth.section(known.birth, it.id)),
        "layers": list(_layers(known.layers)),
        "hidden": list(_hidden(known)),
        "calls": _calls(known),
    }


def arranged(fixed: Sections, living: Living | None, past: Past, idle: str) -> list[Item]:
    """The same with what moves, in order."""
    found = {**fixed}
    for name, maker in _LIVING.items():
        found[name] = list(_living(name, maker, living, past, idle))
    if living:
        found["privileges"][2:2] = fixed["calls"]
    return [each for name in SECTIONS for each in found[name]]


def section(name: str, summary: str = "", *, closed: bool = False) -> Item:
    """The head of a section."""
    title, about = SECTIONS[name]
    said = f"{summary} · {about}" if summary else about
    return Item(name, 0, title, said, folds=True, closed=closed)


# --- what lives -----------------------------------------------------------------------------------


def _living(name: str, maker: Maker, now: Living | None, past: Past, idle: str) -> Iterator[Item]:
    if now is None:
        yield section(name)
        closer = f"idle.{name}" if idle else ""
        said = idle or "looking …"
        yield item(f"{name}/none", "idle", "not now", said, style="$quiet", closer=closer)
    elif why := dict(now.unread).get(name):
        yield section(name)
        yield item(f"{name}/none", "unread", "unknown", why, style=_SHARED)
    elif past:
        yield from (each._replace(changed=_moved(each, past)) for each in maker(now))
    else:
        yield from maker(now)


def _moved(each: Item, past: Past) -> bool:
    """Another value than before, or one that was not there."""
    return each.depth > 0 and past.get(each.key) != each.left


def values(found: Iterable[Item]) -> dict[str, str]:
    """To be the past of the next look."""
    return {each.key: each.left for each in found}


def _namespaces(now: Living) -> Iterator[Item]:
    own = sum(each.own and not each.shared_with for each in now.namespaces)
    yield section("namespaces", f"{own} of {len(now.namespaces)} its own")
    for each in now.namespaces:
        yield _namespace(each)


def _namespace(each: Namespace) -> Item:
    if not each.own:
        said, style = "the host's", _SHARED
    elif each.shared_with:
        said, style = f"shared with {', '.join(each.shared_with)}", _SHARED
    else:
        said, style = "its own", _OWN
    label = {"mnt": "mnt (mounts)", "net": "net (network)", "uts": "uts (host name)"}
    return item(
        f"namespaces/{each.name}", each.kind, label.get(each.name, each.name),
        f"{each.inode}  {said}", str(each.host), style=style,
    )  # fmt: skip


def _ids(now: Living) -> Iterator[Item]:
    root = next((e.outside - e.inside for e in now.ids if e.name == "uid" and e.inside == 0), 0)
    yield section("ids", f"root in it is uid {root} here")
    kind, style = ("ids.root", _OWN) if root else ("ids.root.host", _SHARED)
    yield item("ids/root", kind, "root", "uid 0", f"uid {root}", style=style)
    for number, each in enumerate(now.ids):
        yield _range(each, number)


def _range(each: IdRange, number: int) -> Item:
    name = "users" if each.name == "uid" else "groups"
    inside, outside = (_span(first, each.size) for first in (each.inside, each.outside))
    return item(f"ids/{number}", each.kind, name, inside, outside)


def _span(first: int, size: int) -> str:
    return f"{first}-{first + size - 1}" if size > 1 else str(first)


def _processes(now: Living) -> Iterator[Item]:
    count = len(now.members)
    yield section("processes", f"{count} {'process' if count == 1 else 'processes'}")
    for each in now.members:
        yield _member(each)
    if pid := next((each for each in now.namespaces if each.name == "pid"), None):
        yield _others(pid, f"{max(0, now.host_processes - count)} others")


def _others(pid: Namespace, others: str) -> Item:
    """Processes of the host, as far as the container sees them."""
    if not pid.own:
        return item(
            "processes/seen", "process.seen", "others", "can be seen", others, style=_SHARED
        )
    seen = f"but for those of {', '.join(pid.shared_with)}" if pid.shared_with else ""
    said = f"cannot be seen {seen}".rstrip()
    return item("processes/hidden", "process.hidden", "others", said, others)


def _member(each: Member) -> Item:
    name = f" ({each.name})" if each.name else ""
    inside = f"pid {each.inside}  uid {each.uid_inside}{name}"
    label = each.command.partition(" ")[0].rpartition("/")[2] or each.command
    host = f"pid {each.pid}  uid {each.uid}  {each.state.partition(' ')[0]}  {each.command}"
    return item(f"processes/{each.pid}", each.kind, label, inside, host)


# --- cgroup ---------------------------------------------------------------------------------------

_NOP = "/bin/sh -c #(nop)"
"""What old builders write before an instruction that runs nothing."""
_BYTES = ("bytes", "memory.current", "memory.peak", "memory.max", "memory.high", "memory.low")
_MUCH = 1 << 60
"""Bytes that mean no limit on cgroup v1."""


def _cgroup(now: Living) -> Iterator[Item]:
    places = dict.fromkeys((each.hierarchy, each.version) for each in now.cgroup)
    yield section("cgroup", f"{len(places)} {'hierarchy' if len(places) == 1 else 'hierarchies'}")
    for hierarchy, version in places:
        files = [each for each in now.cgroup if each.hierarchy == hierarchy]
        name = hierarchy.removeprefix("/sys/fs/cgroup").strip("/") or "unified"
        kind = f"hierarchy.{name.partition(',')[0]}" if version == 1 else "hierarchy.unified"
        kind = kind if anatomy_words.known(kind) else "hierarchy.other"
        head = item(f"cgroup/{hierarchy}", kind, name, f"cgroup v{version}", hierarchy)
        yield head._replace(folds=True)
        for each in files:
            yield _file(each)


def _file(each: CgroupFile) -> Item:
    key = f"cgroup/{each.hierarchy}/{each.name}"
    meaning = f"  ({said})" if (said := _meaning(each)) else ""
    return item(key, each.kind, each.name, f"{each.value or '(empty)'}{meaning}", depth=2)


def _meaning(each: CgroupFile) -> str:
    """A value as people say it; empty where that is the same."""
    value = each.value
    if value in ("max", "-1") or (value.isdecimal() and int(value) >= _MUCH):
        return "no limit"
    if value.isdecimal() and any(word in each.name for word in _BYTES):
        return fmt.size(int(value))
    if each.name == "cpuacct.usage":
        return f"{int(value) / 1e9:.3f} s"
    if each.name == "cpu.max" and not value.startswith("max"):
        quota, period = map(int, value.split())
        return f"{quota / period:g} cores"
    return "no limit" if each.name == "cpu.max" else ""


# --- files ----------------------------------------------------------------------------------------


def _layers(layers: tuple[StackLayer, ...]) -> Iterator[Item]:
    size = sum(each.size for each in layers)
    yield section("layers", f"{len(layers)}, {fmt.size(size)} in all")
    for number, each in enumerate(layers):
        yield _layer(each, len(layers) - number - 1)


def _layer(each: StackLayer, number: int) -> Item:
    if not each.key:
        left = f"{fmt.size(each.size)}  what it wrote itself"
        return item("layers/own", each.kind, "writable", left, "its own alone", style=_SHARED)
    made_by = " ".join(each.created_by.removeprefix(_NOP).split()) or "(its history is not known)"
    shared = (
        f"in {fmt.count(each.images, 'image')}, {fmt.count(each.containers, 'container')}"
        f"  {each.key[:12]}"
    )
    left = f"{fmt.size(each.size)}  {made_by}"
    return item(f"layers/{each.key}", each.kind, f"layer {number}", left, shared)


def _mounts(now: Living) -> Iterator[Item]:
    yield section("mounts", str(len(now.mounts)), closed=True)
    for number, each in enumerate(now.mounts):
        yield _mount(each._replace(root=each.root.replace(now.id, now.id[:12])), number)


def _mount(each: Mounted, number: int) -> Item:
    from_disk = each.source.startswith("/") and each.type not in ("proc", "sysfs")
    host = each.root if from_disk else f"{each.type}{'' if each.root == '/' else each.root}"
    left = f"{each.type}  {','.join(each.options)}"
    how = "mask" if each.kind == "mask" else "read-only"
    closer = f"{how} {each.target}" if each.kind in ("mask", "readonly.path") else ""
    key = f"mounts/{number} {each.target}"
    return item(key, each.kind, each.target, left, host, closer=closer)


# --- privileges -----------------------------------------------------------------------------------


def _privileges(now: Living) -> Iterator[Item]:
    found = now.privileges
    if found is None:
        return
    yield section(
        "privileges", f"{len(found.kept)} capabilities kept, {len(found.dropped)} dropped"
    )
    yield from _modes(found)
    for name, names, style in (("kept", found.kept, _SHARED), ("dropped", found.dropped, _OWN)):
        head = item(f"privileges/{name}", f"privileges.{name}", name, f"{len(names)} capabilities")
        yield head._replace(folds=bool(names), closed=name == "dropped")
        for each in names:
            yield item(f"privileges/{each}", each, each, name, depth=2, style=style)


def _modes(found: Privileges) -> Iterator[Item]:
    filters = f", {found.filters} of them" if found.filters > 1 else ""
    style = _OWN if found.seccomp != "off" else _SHARED
    yield item(
        "privileges/seccomp", "privileges.seccomp", "seccomp", f"{found.seccomp}{filters}",
        style=style,
    )  # fmt: skip
    bare = "set: no program gains rights" if found.no_new_privileges else "not set: set-uid works"
    yield item("privileges/no_new", "privileges.no_new", "no_new_privs", bare)
    now = f"{len(found.effective)} capabilities in force"
    yield item("privileges/user", "privileges.user", "first process", now)


def _calls(known: Anatomy) -> list[Item]:
    if not known.filter_default:
        return []
    verdict = known.filter_default.removeprefix("SCMP_ACT_").lower()
    left = f"{known.allowed_calls} allowed, any other: {verdict}"
    return [item("privileges/calls", "privileges.calls", "system calls", left)]


def _hidden(known: Anatomy) -> Iterator[Item]:
    masked, readonly, devices = known.masked, known.readonly, known.devices
    said = f"{len(masked)} hidden, {len(readonly)} read-only, {len(devices)} devices given"
    yield section("hidden", said, closed=True)
    for path in masked:
        yield item(
            f"hidden/{path}", "masked", path, "nothing, or an empty file", "as it is",
            closer=f"mask {path}",
        )  # fmt: skip
    for path in readonly:
        yield item(
            f"hidden/ro {path}", "readonly", path, "can be read", "can be written by root",
            closer=f"read-only {path}",
        )  # fmt: skip
    for path in devices:
        yield item(f"hidden/dev {path}", "device.given", path, "given", "of the host")


_LIVING: dict[str, Maker] = {
    "namespaces": _namespaces,
    "ids": _ids,
    "processes": _processes,
    "cgroup": _cgroup,
    "mounts": _mounts,
    "privileges": _privileges,
}
