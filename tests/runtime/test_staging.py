"""What another runtime is, and the configuration that is written for it."""

from __future__ import annotations

import os
import stat
from typing import Any

import pytest

from tests.runtime.conftest import KEY, Box
from tuidock.engine.containers.runtimes import find
from tuidock.engine.errors import BadSpec
from tuidock.engine.runtime.staging import staged
from tuidock.engine.runtime.user import User
from tuidock.engine.types import Mount


def test_a_runtime_is_looked_for(tmp_path: Any) -> None:
    assert stat.S_ISREG(os.stat(find("crun")).st_mode)
    plain = tmp_path / "plain"
    plain.write_text("")
    for name in ("no-such", str(plain), "../crun", "a/crun", "/"):
        with pytest.raises(BadSpec):
            find(name)


def test_a_staged_configuration_has_no_name_that_only_we_know(box: Box) -> None:
    container = box.create("true", mounts=(Mount("bind", "/tmp", "/data"),), user="web")
    found = staged(box.config(container), "/stage/mounts", User(33, 34, (29,), "/var/www"))
    binds = [each for each in found["mounts"] if each["source"].startswith("/stage/mounts/")]
    assert {each["destination"] for each in binds} >= {"/data", "/etc/hosts"}
    assert not any("idmap" in option for each in found["mounts"] for option in each["options"])
    assert found["process"]["user"] == {"uid": 33, "gid": 34, "additionalGids": [29]}
    assert "HOME=/var/www" in found["process"]["env"]
    assert KEY in found["annotations"]["tuidock.layers"]
