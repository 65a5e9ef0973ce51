"""Control groups: limits, freezing, killing and counting, on cgroup v1, v2 and mixtures of both.

A container has one cgroup, `/tuidock-TAG/ID`, which is a directory of that name in every
hierarchy that counts; which controller lives in which hierarchy is known here and nowhere else.
The monitor imports this package, so it stays with the small part of the standard library.
"""

from tuidock.engine.cgroups.cgroup import Cgroup, open_cgroup

__all__ = ["Cgroup", "open_cgroup"]
