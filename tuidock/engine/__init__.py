"""The container engine: images, runtime, cgroups, network, metrics and logs.

Knows nothing of screens or of argument parsing. Imports nothing here, because the
per-container monitor passes through this module; the public door is `tuidock.engine.api`
(asynchronous, for the interface) and `tuidock.engine.core` (blocking, for the command line).
"""
