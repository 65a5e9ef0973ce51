"""Measurements beside the other engines: `make bench`. Never a test, never an assertion."""
