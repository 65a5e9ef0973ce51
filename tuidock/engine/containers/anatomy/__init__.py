"""Anatomy: what is known of how a container was made, and what the kernel says of it."""
