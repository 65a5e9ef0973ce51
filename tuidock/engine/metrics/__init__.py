"""Live measurements of containers."""
