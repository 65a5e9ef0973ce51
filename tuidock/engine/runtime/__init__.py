"""Runtime: from a spec to a running process, and the processes that keep it."""
