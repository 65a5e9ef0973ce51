"""Image references: what a person types, and the one full form that everything inside uses.

`debian` means `docker.io/library/debian:latest`, as it does for docker. A reference that was
parsed is safe to put in a URL, and a digest that was checked is safe to put in a path.
The grammar is that of the OCI distribution-spec. Imports nothing: every `run` comes by here.
"""

from __future__ import annotations

from tuidock.engine.errors import BadReference
from tuidock.engine.named import NamedTuple

DOCKER_HUB = "docker.io"
DEFAULT_TAG = "latest"

_HEX = "0123456789abcdef"
_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"
_ALNUM = _LOWER + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_HINT = "a reference looks like `debian:12` or `ghcr.io/owner/name:tag`"


class Reference(NamedTuple):
    """A repository and a name in it: a digest if there is one, else a tag."""

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def repository(self) -> str:
        """`docker.io/library/debian`."""
        return f"{self.host}/{self.path}"

    @property
    def name(self) -> str:
        """What a registry is asked for: the digest, which no tag can contradict, or the tag."""
        return self.digest or self.tag

    def __str__(self) -> str:
        return (
            f"{self.repository}@{self.digest}" if self.digest else f"{self.repository}:{self.tag}"
        )

    @property
    def familiar(self) -> str:
        """As docker prints it: without what docker.io implies."""
        return familiar(str(self))


def parse(text: str) -> Reference:
    """Read what a person typed. A tag beside a digest is dropped, as docker does.

    Raises BadReference.
    """
    rest, at, digest = text.partition("@")
    if at and not is_digest(digest):
        raise _bad(text, "a digest is `sha256:` and 64 hexadecimal digits")
    name, tag = _split_tag(rest)
    host, path = _split_host(name)
    if not _is_host(host) or not all(_is_component(part) for part in path.split("/")):
        raise _bad(text, _why(name))
    if tag is not None and not is_tag(tag):
        raise _bad(text, "a tag has up to 128 letters, digits and `_.-`")
    if len(host) + len(path) > 254:
        raise _bad(text, "a repository name has at most 255 characters")
    if is_hex_id(name):
        raise _bad(text, "64 hexadecimal digits are an id, never a name")
    return Reference(host, path, "" if digest else tag or DEFAULT_TAG, digest)


def parse_repository(text: str) -> Reference:
    """Read `host/path`, without tag or digest. Raises BadReference."""
    reference = parse(text)
    if reference.digest or _split_tag(text)[1] is not None:
        raise _bad(text, "a repository is named without tag and digest")
    return reference


def check_digest(text: str) -> str:
    """Pass a digest through that may become part of a path, or raise BadReference."""
    if not is_digest(text):
        raise BadReference(f"invalid digest {text[:100]!r}", "sha256 and 64 hexadecimal digits")
    return text


def is_digest(text: str) -> bool:
    """Exactly `sha256:` and 64 lower-case hexadecimal digits."""
    return text.startswith("sha256:") and is_hex_id(text[7:])


def is_hex_id(text: str) -> bool:
    return len(text) == 64 and not text.strip(_HEX)


def is_tag(text: str) -> bool:
    return 0 < len(text) <= 128 and text[0] not in ".-" and not text.strip(_ALNUM + "_.-")


def is_loopback(host: str) -> bool:
    """True for a registry on this machine, which is spoken to without TLS."""
    name = host.rpartition(":")[0] if _has_port(host) else host
    if name == "localhost" or name.endswith(".localhost") or name == "[::1]":
        return True
    octets = name.split(".")
    return len(octets) == 4 and octets[0] == "127" and all(_is_octet(o) for o in octets)


def familiar(full: str) -> str:
    """Shorten a full reference or repository for printing."""
    if not full.startswith(f"{DOCKER_HUB}/"):
        return full
    return full[len(DOCKER_HUB) + 1 :].removeprefix("library/")


def _split_tag(rest: str) -> tuple[str, str | None]:
    """A colon starts a tag only behind the last slash; before it, it starts a port."""
    name, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag or tag.endswith("]"):
        return rest, None
    return name, tag


def _split_host(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        host, path = first, rest
    else:
        host, path = DOCKER_HUB, name
    if host in ("index.docker.io", "registry-1.docker.io", "www.docker.io"):
        host = DOCKER_HUB
    if host == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    return host, path


def _is_component(part: str) -> bool:
    """Lower-case words, joined by `.`, `_`, `__` or any number of `-`."""
    if not part or part[0] not in _LOWER or part[-1] not in _LOWER or part.strip(_LOWER + "._-"):
        return False
    runs = part.translate({ord(c): " " for c in _LOWER}).split()
    return all(run in (".", "_", "__") or not run.strip("-") for run in runs)


def _is_host(host: str) -> bool:
    name, port = host, "1"
    if _has_port(host):
        name, _, port = host.rpartition(":")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        return False
    if name.startswith("["):
        return name.endswith("]") and ":" in name and not name[1:-1].strip(_HEX + "ABCDEF:.")
    return all(
        label and not label.strip(_ALNUM + "-") and label[0] != "-" and label[-1] != "-"
        for label in name.split(".")
    )


def _has_port(host: str) -> bool:
    return ":" in host and not host.endswith("]")


def _is_octet(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) < 256


def _why(name: str) -> str:
    if name != name.lower():
        return "repository name must be lowercase"
    return _HINT


def _bad(text: str, why: str) -> BadReference:
    return BadReference(f"invalid reference format: {text[:300]!r}", why)
