"""Why a test needs root: reasons for `pytest.mark.root`, which docs/rootless.md explains.

Invariant: each stands in that page's table, and none is without a test (tests/test_house.py).
"""

LIMITS = "no cgroup for certain, so no limits, no pausing and no telling of an OOM kill"
PROCESSES = "no cgroup for certain, so no pid namespace is shared"
DEVICES = "no device nodes, and no cgroup to forbid them"
MOUNTS = "the test itself mounts"
IDS = "its ids are its own"
OTHERS = "the test acts as another user"
BRIDGE = "no bridge: containers do not see each other"
SEALED = "no mount by which our interpreter could be sealed"
UNDUMPABLE = "only root may look into what is not dumpable"
FILTERS = "only root may read a seccomp filter back"
NAMESPACE = "the host of the test is a network namespace"
PROGRAMS = "the other program that is asked wants root"
TRACED = "strace takes newuidmap its rights"
RUNTIMES = "other runtimes and mounts of bundles are for root"
CHROOT = "the test changes its root directory"
MEMORY = "files that are memory of a process are opened by root alone"

REASONS = {name: value for name, value in globals().items() if name.isupper()}
"""All of them, by name."""
