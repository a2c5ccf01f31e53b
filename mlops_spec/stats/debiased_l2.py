"""The squared calibration error without the bias that noise in the bins adds."""

from __future__ import annotations

from typing import Final

import numpy as np

from mlops_spec.stats.calibration_bins import BINS, bin_numbers, equal_mass, obstacle
from mlops_spec.stats.estimate import Estimate, Floats, normal, unknown
from mlops_spec.stats.influence import Bools

LEAST_ROWS: Final = 50


def debiased_l2(positive: Bools, predicted: Floats, level: float, bins: int = BINS) -> Estimate:
    """sum of w_b [(p_b - y_b)² - y_b(1 - y_b)/(n_b - 1)]: Kumar, Liang and Ma, NeurIPS 2019.

    In squared probability: its root is comparable with the ECE. It may be below 0, and is 0 on
    average for a perfect model. The interval is normal, with variance sum of w_b² (4 g² s² + 2 s⁴)
    for a gap g = p_b - y_b of variance s². Unknown, with the reason: fewer than 50 rows, no
    probabilities, or bins of a single row.
    """
    why = obstacle(positive, predicted, LEAST_ROWS)
    if why:
        return unknown(len(positive), why)
    found = equal_mass(positive, predicted, bins)
    if found.rows.min() < 2:
        return unknown(len(positive), "a bin has a single row; ask for fewer bins")
    noise = found.observed * (1 - found.observed) / (found.rows - 1)
    gaps = found.predicted - found.observed
    errors = _gap_variances(positive, predicted, bins)
    corrected = np.maximum(gaps**2 - noise, 0)
    variance = (found.weights**2) @ (4 * corrected * errors + 2 * errors**2)
    value = float(found.weights @ (gaps**2 - noise))
    return normal(value, float(variance), level, len(positive))


def _gap_variances(positive: Bools, predicted: Floats, bins: int) -> Floats:
    """The variance of the mean of p - y in each bin."""
    numbers = bin_numbers(predicted, bins)
    gap = predicted - positive
    rows = np.bincount(numbers)
    means = np.bincount(numbers, weights=gap) / rows
    squares = np.bincount(numbers, weights=(gap - means[numbers]) ** 2)
    variances: Floats = squares / (rows - 1) / rows
    return variances
