"""Statistics with their uncertainty: numpy and scipy alone, no I/O (docs/adr/0050)."""
