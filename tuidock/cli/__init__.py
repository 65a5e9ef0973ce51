"""The command line: one verb, one small file."""
