"""Intervals that hold for many metrics or segments at once, by the distribution of the largest t.

The single-step max-T of Westfall and Young (1993): one critical value for all, smaller than
Bonferroni's where the metrics go together. Up to 20,000 units it comes from a studentised bootstrap
(Hall 1988), which follows skewed losses; beyond from the normal limit with the same correlations
(Hothorn, Bretz and Westfall, Biometrical Journal 50 (2008) 346-363).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mlops_spec.stats.estimate import Estimate, Floats, unknown
from mlops_spec.stats.influence import Bools, Influenced
from mlops_spec.stats.resample import Units

_MOST_BOOTSTRAPPED: Final = 20_000
_DRAWS: Final = 2000
_NORMAL_DRAWS: Final = 20_000
_AT_ONCE: Final = 100
LEAST_UNITS: Final = 10


@dataclass(frozen=True, slots=True)
class Simultaneous:
    """An interval for each metric, all of which hold together, and adjusted two-sided p-values.

    `critical` is how many standard errors wide each half is. A metric that has no standard error is
    unknown, with the reason, has p-value 1 and is not counted.
    """

    critical: float
    estimates: tuple[Estimate, ...]
    p_values: tuple[float, ...]


def max_t(found: Sequence[Influenced], units: Units, level: float, seed: int) -> Simultaneous:
    """Joint intervals of metrics on the same rows; a segment has influence 0 on other rows."""
    if not found or units.count < LEAST_UNITS:
        reason = f"{units.count} units; {LEAST_UNITS} are the least"
        return Simultaneous(
            math.nan, tuple(unknown(one.n, reason) for one in found), (1.0,) * len(found)
        )
    per_unit = np.stack([_per_unit(one.influence, units) for one in found], axis=1)
    values = np.array([one.value for one in found])
    errors = _errors(per_unit)
    usable = np.isfinite(values) & np.isfinite(errors) & (errors > 0)
    largest = _largest(per_unit[:, usable], np.random.default_rng(seed))
    critical = float(np.quantile(largest, level)) if usable.any() else math.nan
    estimates = tuple(
        _estimate(one, float(error), critical) for one, error in zip(found, errors, strict=True)
    )
    return Simultaneous(critical, estimates, _p_values(values, errors, usable, largest))


def _per_unit(influence: Floats, units: Units) -> Floats:
    """Influences summed within a unit, so that their mean over units is that over rows, scaled."""
    if units.of_row is None:
        return influence
    sums = np.bincount(units.of_row, weights=influence, minlength=units.count)
    return sums * units.count / units.rows


def _errors(per_unit: Floats) -> Floats:
    """Standard errors of the means. A unit with influence 0 is outside of the segment."""
    inside = np.maximum((per_unit != 0).sum(axis=0), 2)
    errors: Floats = np.sqrt((per_unit**2).sum(axis=0) * inside / (inside - 1)) / len(per_unit)
    return errors


def _largest(per_unit: Floats, random: np.random.Generator) -> Floats:
    """Draws of the largest |t| when nothing differs."""
    if per_unit.shape[1] == 0:
        return np.zeros(1)
    if len(per_unit) > _MOST_BOOTSTRAPPED:
        return _normal_limit(per_unit, random)
    return np.concatenate([_bootstrapped(per_unit, random) for _ in range(_DRAWS // _AT_ONCE)])


def _bootstrapped(per_unit: Floats, random: np.random.Generator) -> Floats:
    n = len(per_unit)
    drawn = random.integers(0, n, (_AT_ONCE, n)) + n * np.arange(_AT_ONCE)[:, np.newaxis]
    weights = np.bincount(drawn.ravel(), minlength=n * _AT_ONCE).reshape(_AT_ONCE, n).astype(float)
    inside = np.maximum(weights @ (per_unit != 0), 2.0)
    sums = weights @ per_unit
    # Centred on the draw's own segment mean, as the standard error of the data is.
    squares = weights @ per_unit**2 - sums**2 / inside
    spread = np.maximum(squares, 0) * inside / (inside - 1)
    # A draw without a row of some segment has no t there; it counts as 0, as its sum does.
    t = np.abs(sums) / np.sqrt(np.where(spread > 0, spread, math.inf))
    largest: Floats = t.max(axis=1)
    return largest


def _normal_limit(per_unit: Floats, random: np.random.Generator) -> Floats:
    covariance = np.atleast_2d(np.cov(per_unit, rowvar=False))
    errors = np.sqrt(np.diag(covariance))
    vectors, spread, _ = np.linalg.svd(covariance / np.outer(errors, errors))
    draws = random.normal(size=(_NORMAL_DRAWS, len(errors))) * np.sqrt(spread)
    largest: Floats = np.abs(draws @ vectors.T).max(axis=1)
    return largest


def _estimate(found: Influenced, error: float, critical: float) -> Estimate:
    if not (math.isfinite(found.value) and math.isfinite(error) and error > 0):
        reason = "no variance" if error == 0 else "these rows do not define it"
        return unknown(found.n, reason, found.value)
    half = critical * error
    return Estimate(found.value, found.value - half, found.value + half, found.n)


def _p_values(values: Floats, errors: Floats, usable: Bools, largest: Floats) -> tuple[float, ...]:
    """(1 + draws at least as large) / (1 + draws): never 0."""
    t = np.abs(values) / np.where(errors > 0, errors, 1.0)
    return tuple(
        float((1 + (largest >= one).sum()) / (1 + len(largest))) if known else 1.0
        for one, known in zip(t, usable, strict=True)
    )
