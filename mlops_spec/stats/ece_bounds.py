"""Bounds on the expected calibration error that keep their level, though the ECE is biased up.

T = sum of w_b |g_b + e_b| estimates E = sum of w_b |g_b| from gaps g_b with errors e_b.
Upwards: T >= S = sum of w_b sign(g_b)(g_b + e_b), normal around E with variance sum of w_b² s_b²,
so that T + z √(sum of w_b² s_b²) is below E with at most the error of z, whatever the gaps are.
Downwards: T <= E + sum of w_b |e_b|, so that T less the upper quantile of that noise is above E
with at most the same error. The noise is what a perfect model shows (consistency resampling;
ece.py), or what normal errors of the observed shares give, whichever is larger.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mlops_spec.stats.calibration_bins import BINS, equal_mass
from mlops_spec.stats.ece import expected_calibration_error
from mlops_spec.stats.estimate import Estimate, Floats, unknown, z_two_sided
from mlops_spec.stats.influence import Bools


@dataclass(frozen=True, slots=True)
class BoundedError:
    """The ECE with its interval, and what a perfectly calibrated model shows on such rows."""

    estimate: Estimate
    floor: float


def bounded_ece(
    positive: Bools, predicted: Floats, level: float, seed: int, effect: float = 1.0
) -> BoundedError:
    """The ECE over 15 bins of equal mass; each end is a one-sided bound at (1 + level) / 2.

    `effect`: how many rows say as much as one (the design effect of the residuals). Unknown, with
    the reason: fewer than 50 rows, or no probabilities.
    """
    found = expected_calibration_error(positive, predicted, (1 + level) / 2, seed)
    if not found.known:
        return BoundedError(unknown(found.n, found.reason), math.nan)
    bins = equal_mass(positive, predicted, BINS)
    z, stretch = z_two_sided(level), math.sqrt(effect)
    # Laplace's rule: a bin without a positive has a variance all the same.
    share = (bins.observed * bins.rows + 1) / (bins.rows + 2)
    errors = bins.weights * np.sqrt(share * (1 - share) / bins.rows)
    spread = math.sqrt(float((errors**2).sum()))
    folded = math.sqrt(2 / math.pi) * float(errors.sum())
    noise = max(found.critical, folded + z * math.sqrt(1 - 2 / math.pi) * spread) * stretch
    low, high = max(0.0, found.value - noise), min(1.0, found.value + z * spread * stretch)
    return BoundedError(Estimate(found.value, low, high, found.n), found.floor * stretch)
