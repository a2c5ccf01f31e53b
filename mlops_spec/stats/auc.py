"""The area under the ROC curve with DeLong's variance, in O(n log n)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mlops_spec.stats.estimate import Estimate, Floats, normal, unknown, within
from mlops_spec.stats.proportions import wilson


def auc(positive: npt.NDArray[np.bool_], score: Floats, level: float) -> Estimate:
    """DeLong's interval. A perfect ranking has variance 0 and would give [1, 1]; Wilson's bound for
    the smaller class stands in for it.
    """
    if not _both_classes(positive) or not np.isfinite(score).all():
        return unknown(len(positive))
    areas, covariance = delong(positive, score[np.newaxis])
    area = float(areas[0])
    if covariance[0, 0] <= 0:
        rarer = int(min(positive.sum(), (~positive).sum()))
        bound = wilson(round(area * rarer), rarer, level)
        return Estimate(area, bound.low, bound.high, len(positive))
    return within(normal(area, float(covariance[0, 0]), level, len(positive)), 0.0, 1.0)


def auc_difference(
    positive: npt.NDArray[np.bool_], first: Floats, second: Floats, level: float
) -> Estimate:
    """AUC of the first minus AUC of the second on the same rows (DeLong et al. 1988)."""
    scores = np.stack([first, second])
    if not _both_classes(positive) or not np.isfinite(scores).all():
        return unknown(len(positive))
    areas, covariance = delong(positive, scores)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return normal(float(areas[0] - areas[1]), float(variance), level, len(positive))


def delong(positive: npt.NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """Areas of each row of scores, and their covariance, by mid-ranks (Sun and Xu 2014)."""
    cases, controls = scores[:, positive], scores[:, ~positive]
    m, n = cases.shape[1], controls.shape[1]
    ranks = np.stack([midranks(row) for row in np.concatenate([cases, controls], axis=1)])
    of_cases = (ranks[:, :m] - np.stack([midranks(row) for row in cases])) / n
    of_controls = 1 - (ranks[:, m:] - np.stack([midranks(row) for row in controls])) / m
    areas = of_cases.mean(axis=1)
    covariance = _covariance(of_cases) / m + _covariance(of_controls) / n
    return areas, covariance


def midranks(values: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle: Floats = last - (counts - 1) / 2
    return middle[inverse]


def _covariance(placements: Floats) -> Floats:
    if placements.shape[1] < 2:
        return np.full((len(placements), len(placements)), math.inf)
    return np.atleast_2d(np.cov(placements))


def _both_classes(positive: npt.NDArray[np.bool_]) -> bool:
    return bool(positive.any()) and not bool(positive.all())
