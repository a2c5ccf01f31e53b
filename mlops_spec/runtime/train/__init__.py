"""From checked rows to a registered version: fit, evaluate, gate, register."""
