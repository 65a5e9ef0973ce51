"""A container's anatomy as lines, for the screen and for the command line alike."""
