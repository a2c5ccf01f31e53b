"""The squared calibration error without the bias that noise in the bins adds."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.special import chndtr, chndtrinc

from mlops_spec.stats.calibration_bins import BINS, Bins, equal_mass, obstacle
from mlops_spec.stats.estimate import Estimate, Floats, unknown, z_two_sided
from mlops_spec.stats.influence import Bools
from mlops_spec.stats.newcombe import wilson_bounds

LEAST_ROWS: Final = 50
# From here on the root of a noncentral chi-square is normal to three digits.
_LARGE: Final = 1e4


def debiased_l2(
    positive: Bools, predicted: Floats, level: float, bins: int = BINS, effect: float = 1.0
) -> Estimate:
    """sum of w_b [(p_b - y_b)² - y_b(1 - y_b)/(n_b - 1)]: Kumar, Liang and Ma, NeurIPS 2019.

    In squared probability: its root is comparable with the ECE. It may be below 0, and is 0 on
    average for a perfect model. `effect`: how many rows say as much as one. Each end of the
    interval is that of a scaled noncentral chi-square (Satterthwaite 1946) or the normal one,
    whichever reaches further; the upper end also that of `_cautious`. The normal one alone passes
    a model at its limit in up to 13 % of worlds instead of 5 %, both together in 13 % where the
    positives are few, all three in 6 %. Unknown, with the reason: fewer than 50 rows, no
    probabilities, or bins of a single row.
    """
    why = obstacle(positive, predicted, LEAST_ROWS)
    if why:
        return unknown(len(positive), why)
    found = equal_mass(positive, predicted, bins)
    if found.rows.min() < 2:
        return unknown(len(positive), "a bin has a single row; ask for fewer bins")
    noise = effect * found.observed * (1 - found.observed) / (found.rows - 1)
    gaps = found.predicted - found.observed
    value = float(found.weights @ (gaps**2 - noise))
    errors = effect * _variances(found)
    ends = [_chi_square(found.weights, gaps, errors, level), _normal(found, value, errors, level)]
    low = min(end[0] for end in ends)
    high = max(*(end[1] for end in ends), _cautious(found, value, effect, level))
    return Estimate(value, min(low, value), max(high, value), len(positive))


def _variances(bins: Bins) -> Floats:
    """The variance of each bin's share, by Laplace's rule never 0."""
    share = (bins.observed * bins.rows + 1) / (bins.rows + 2)
    return share * (1 - share) / bins.rows


def _normal(bins: Bins, value: float, errors: Floats, level: float) -> tuple[float, float]:
    """Variance sum of w_b² (4 g² s² + 2 s⁴) for a gap g of variance s²."""
    squared = np.maximum((bins.predicted - bins.observed) ** 2 - errors, 0)
    variance = float((bins.weights**2) @ (4 * squared * errors + 2 * errors**2))
    half = z_two_sided(level) * math.sqrt(variance)
    return value - half, value + half


def _cautious(bins: Bins, value: float, effect: float, level: float) -> float:
    """The normal upper end with the variance that each bin's share may have, not the one it shows.

    Where few positives happened to be seen, their share, its variance and the gap are all too
    small together. The variance is the largest at the ends of Wilson's interval of the share.
    """
    hits, rows = bins.observed * bins.rows / effect, bins.rows / effect
    _, low, high = wilson_bounds(hits, rows, level)
    half = np.clip(0.5, low, high)
    most = np.maximum(half * (1 - half) / rows, effect * _variances(bins))
    gaps = bins.predicted - bins.observed
    variance = float((bins.weights**2) @ (4 * gaps**2 * most + 2 * most**2))
    return value + z_two_sided(level) * math.sqrt(variance)


def _chi_square(weights: Floats, gaps: Floats, errors: Floats, level: float) -> tuple[float, float]:
    """Bounds on sum of w g² from T = sum of w (g + e)²: T/c is noncentral chi-square."""
    raw, noise = float(weights @ gaps**2), float(weights @ errors)
    # The scale of the noise, or of the errors where the gaps are, whichever is larger.
    scale = float(weights**2 @ errors**2) / noise
    if raw > 0:
        scale = max(scale, float((weights * gaps) ** 2 @ errors) / raw)
    freedom, z = noise / scale, z_two_sided(level)
    low = _noncentrality(raw / scale, freedom, (1 + level) / 2, -z)
    return low * scale, _noncentrality(raw / scale, freedom, (1 - level) / 2, z) * scale


def _noncentrality(x: float, freedom: float, probability: float, z: float) -> float:
    """The noncentrality at which a value of at most x has this probability; 0 if it is less."""
    if x > _LARGE:
        return max((math.sqrt(x) + z) ** 2 - (freedom - 1), 0.0)
    if chndtr(x, freedom, 0) <= probability:
        return 0.0
    return float(chndtrinc(x, freedom, probability))
