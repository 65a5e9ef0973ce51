"""The file system of a container, seen and changed from outside, running or stopped.

    Core ─► visit ─spawn─► keeper ─fork─► guest: enters (entering), does one errand (errands)
      ▲        │ tar, answers   └ freezes, thaws, waits
      └────────┘

The guest has the container's ids and mounts, a single descriptor to resolve paths from, and runs
nothing of the container's; tar is packed on one side and restored on the other. No code but the
guest's handles a path of the container.
"""
