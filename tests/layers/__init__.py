"""Layers: archives made here, by tarfile and by hand, unpacked and stacked for real."""
