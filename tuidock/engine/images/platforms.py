"""Platforms: how they are written, which one this host is, and which one of an index fits.

Names are Go's (`amd64`, `arm64`), as the image-spec asks; what `uname` says is translated.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from tuidock.engine.errors import InvalidInput, ManifestUnknown
from tuidock.engine.images.manifest import Descriptor, Index
from tuidock.engine.types import Platform

_ARCHITECTURES = {
    "x86_64": Platform("linux", "amd64"),
    "aarch64": Platform("linux", "arm64", "v8"),
    "armv7l": Platform("linux", "arm", "v7"),
    "armv6l": Platform("linux", "arm", "v6"),
    "i386": Platform("linux", "386"),
    "i686": Platform("linux", "386"),
    "ppc64le": Platform("linux", "ppc64le"),
    "riscv64": Platform("linux", "riscv64"),
    "s390x": Platform("linux", "s390x"),
}
_ALIASES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm", "i386": "386"}
_ARM = ("v5", "v6", "v7", "v8")


def host_platform() -> Platform:
    """This machine, as an image index names it."""
    machine = os.uname().machine
    return _ARCHITECTURES.get(machine, Platform("linux", machine))


def parse_platform(text: str) -> Platform:
    """Read `linux/arm64/v8`, or `arm64` alone; empty is the host. Raises InvalidInput."""
    if not text:
        return host_platform()
    parts = text.lower().split("/")
    if len(parts) == 1:
        parts = ["linux", parts[0]]
    if len(parts) > 3 or not all(
        part.replace("_", "").replace("-", "").isalnum() for part in parts
    ):
        raise InvalidInput(
            f"invalid platform {text[:100]!r}", "write it as os/architecture[/variant]"
        )
    return Platform(parts[0], _ALIASES.get(parts[1], parts[1]), *parts[2:])


def choose(index: Index, wanted: Platform, reference: str) -> Descriptor:
    """The manifest of the index that fits best. Raises ManifestUnknown when none does."""
    fitting = [
        (score, entry) for entry in index.manifests if (score := fit(entry.platform, wanted))
    ]
    if fitting:
        return max(fitting, key=lambda pair: pair[0])[1]
    known = ", ".join(str(p) for p in offered(index)) or "nothing"
    raise ManifestUnknown(
        f"no matching manifest for {wanted} in the manifest list entries of {reference}",
        f"it is there for {known}; name one of them with --platform",
    )


def offered(index: Index) -> Sequence[Platform]:
    """The platforms of an index, without the attestations that builders hide in it."""
    found = [e.platform for e in index.manifests if e.platform and e.platform.os != "unknown"]
    return tuple(dict.fromkeys(found))


def fit(offer: Platform | None, wanted: Platform) -> int:
    """0: cannot run; the higher, the closer to what was wanted."""
    if offer is None or offer[:2] != wanted[:2]:
        return 0
    have, want = _variant(offer), _variant(wanted)
    if have == want:
        return 100
    if wanted.architecture == "arm" and have in _ARM and want in _ARM:
        return max(0, 50 + _ARM.index(have)) if _ARM.index(have) < _ARM.index(want) else 0
    return 10 if not have or (not want and wanted.architecture != "amd64") else 0


def _variant(platform: Platform) -> str:
    """What a missing variant means: arm64 is v8, arm is v7, amd64 the baseline v1."""
    implied = {"arm64": "v8", "arm": "v7", "amd64": "v1"}
    return platform.variant or implied.get(platform.architecture, "")
