"""Thin typed wrappers of system calls; imports nothing of ours and only small stdlib modules."""
