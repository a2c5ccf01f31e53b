"""The command line: one command a file. Commands compute, views print."""
