"""The language: one kind a file."""
