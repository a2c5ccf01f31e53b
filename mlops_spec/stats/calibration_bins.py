"""Predicted probabilities in bins of equal mass, with what was observed in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from mlops_spec.stats.estimate import Floats
from mlops_spec.stats.influence import Bools

BINS: Final = 15


@dataclass(frozen=True, slots=True)
class Bins:
    """For each bin: rows, mean prediction, share of positives, and mean p(1 - p) of its rows."""

    rows: Floats
    predicted: Floats
    observed: Floats
    variance: Floats

    @property
    def weights(self) -> Floats:
        shares: Floats = self.rows / self.rows.sum()
        return shares


def equal_mass(positive: Bools, predicted: Floats, bins: int = BINS) -> Bins:
    """About equally many rows a bin; equal predictions are never parted, so bins may be fewer."""
    bin_of = bin_numbers(predicted, bins)
    rows = np.bincount(bin_of).astype(float)
    return Bins(
        rows,
        np.bincount(bin_of, weights=predicted) / rows,
        np.bincount(bin_of, weights=positive.astype(float)) / rows,
        np.bincount(bin_of, weights=predicted * (1 - predicted)) / rows,
    )


def bin_numbers(predicted: Floats, bins: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The bin of each row, from 0, none empty."""
    edges = np.quantile(predicted, np.arange(1, bins) / bins)
    numbers = np.searchsorted(np.unique(edges), predicted, side="left")
    return np.unique(numbers, return_inverse=True)[1].astype(np.int64)


def obstacle(positive: Bools, predicted: Floats, least: int) -> str:
    """Why these rows tell nothing about calibration; "" when they do."""
    if len(predicted) != len(positive):
        return "as many predictions as rows are needed"
    if len(predicted) < least:
        return f"{len(predicted)} rows; {least} are the least"
    # NaN fails both comparisons.
    if not ((predicted >= 0) & (predicted <= 1)).all():
        return "a prediction is not a probability"
    return ""
