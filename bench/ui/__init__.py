"""Figures of the interface, measured on a real pseudo-terminal: `make bench-ui`."""
