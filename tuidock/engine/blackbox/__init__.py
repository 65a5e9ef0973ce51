"""The black box: what a container used in the last day, on disk, also after it died."""
