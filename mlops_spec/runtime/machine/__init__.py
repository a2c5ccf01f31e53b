"""Programs, ports and files of this machine."""
