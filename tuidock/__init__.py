"""tuidock: a terminal interface that is itself a container engine.

Imports nothing, because the per-container monitor passes through this module.
"""

__version__ = "0.1.0"
