"""Widgets, each in an application of its own, without an engine."""
