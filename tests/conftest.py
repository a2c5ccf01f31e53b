"""What every test may use. The folder itself is importable, so that tests share `language`."""
