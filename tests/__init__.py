"""The suite. `make test` runs it all; CONTRIBUTING.md says which part needs what."""
