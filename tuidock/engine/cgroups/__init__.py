"""Control groups: limits, freezing, killing and counting, on cgroup v1, v2 and mixtures of both.

A container has one cgroup, `/tuidock-TAG/ID`, which is a directory of that name in every
hierarchy that counts; which controller lives in which hierarchy is known here and nowhere else.

Placing a process before it runs a line of the image, cheapest first (measured here):

* clone3 with CLONE_INTO_CGROUP and `fd_for_clone()`, then in the single-threaded child
  `enter(cloned=True)`: 0.3 ms. Without clone3: `enter()` in the child.
* `add(pid)` from outside: 10 ms, as the kernel waits for an RCU grace period.

A cgroup namespace must be unshared after that, or its root is the parent's cgroup.
The monitor imports this package, so it stays with the small part of the standard library;
`tuidock run` imports `limits` only, so nothing is imported here.
"""
