"""Text to documents: find the files, read YAML with its places, check each against its kind."""
