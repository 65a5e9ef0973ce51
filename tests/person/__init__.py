"""The program as a person meets it: typed at, looked at, in a real terminal."""
