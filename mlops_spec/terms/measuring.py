"""On how many rows the runtime measures a model, at most: what a limit can be held to."""

from __future__ import annotations

from typing import Final

# Answered as requests, as a service would: enough to bound a share of 0.1 % at 95 %.
CONSISTENCY_ROWS: Final = 3_000
STABILITY_ROWS: Final = 20_000  # answered again with noise
LATENCY_TURNS: Final = 20_000  # of one row each
LEAKAGE_ROWS: Final = 20_000  # ranked by one feature
