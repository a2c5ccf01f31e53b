"""How predicted log-odds would have to be stretched and shifted to fit what was observed.

Cox, Biometrika 45 (1958) 562-565: logit P(positive) = intercept + slope * logit p. Perfect
calibration is intercept 0, slope 1; a slope below 1 means predictions that are too sure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import expit, logit

from mlops_spec.stats import influence
from mlops_spec.stats.calibration_bins import obstacle
from mlops_spec.stats.estimate import Estimate, Floats, normal, unknown
from mlops_spec.stats.influence import Bools
from mlops_spec.stats.newcombe import wilson_bounds

LEAST_ROWS: Final = 20
# Predictions of exactly 0 or 1 have no log-odds; beyond this they weigh no more.
_LEAST_PROBABILITY: Final = 1e-6
_STEPS: Final = 50
_STEEPEST: Final = 100.0


@dataclass(frozen=True, slots=True)
class Reliability:
    """Intercept and slope in log-odds, with Wald intervals."""

    intercept: Estimate
    slope: Estimate


def reliability(positive: Bools, predicted: Floats, level: float) -> Reliability:
    """The recalibration line by maximum likelihood (Newton).

    Both unknown, with the reason: fewer than 20 rows, one class only, one prediction only, no
    probabilities, or classes that the predictions part without error (no finite slope).
    """
    why = _obstacle(positive, predicted)
    if why:
        return Reliability(unknown(len(positive), why), unknown(len(positive), why))
    odds = logit(np.clip(predicted, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY))
    design = np.stack([np.ones_like(odds), odds], axis=1)
    line, covariance = _fitted(design, positive.astype(float))
    if covariance is None:
        reason = "the predictions part the classes without error"
        return Reliability(unknown(len(positive), reason), unknown(len(positive), reason))
    intercept, slope = (
        normal(float(line[i]), float(covariance[i, i]), level, len(positive)) for i in (0, 1)
    )
    return Reliability(intercept, slope)


def in_the_large(positive: Bools, predicted: Floats, level: float, effect: float = 1.0) -> Estimate:
    """Mean prediction less the share of positives, in probability; 0 when right on average.

    The normal interval, or Wilson's for the share of positives, whichever reaches further: with few
    positives the normal one promises 5 % and misses in up to 60 % of worlds. `effect`: how many
    rows say as much as one.
    """
    why = obstacle(positive, predicted, LEAST_ROWS)
    if why:
        return unknown(len(positive), why)
    found = influence.mean(predicted - positive).estimate(level)
    half = (found.high - found.value) * math.sqrt(effect)
    n, mean = len(positive), float(predicted.mean())
    _, least, most = wilson_bounds(positive.sum() / effect, n / effect, level)
    low, high = (
        min(found.value - half, mean - float(most)),
        max(found.value + half, mean - float(least)),
    )
    return Estimate(found.value, low, high, n)


def _obstacle(positive: Bools, predicted: Floats) -> str:
    why = obstacle(positive, predicted, LEAST_ROWS)
    if not why and (positive.all() or not positive.any()):
        return "one class only"
    if not why and np.ptp(predicted) == 0:
        return "every prediction is the same"
    return why


def _fitted(design: Floats, truth: Floats) -> tuple[Floats, Floats | None]:
    line = np.array([0.0, 1.0])
    for _ in range(_STEPS):
        chance = expit(design @ line)
        information = (design * (chance * (1 - chance))[:, np.newaxis]).T @ design
        if np.linalg.cond(information) > 1e12 or np.abs(line).max() > _STEEPEST:
            return line, None
        step = np.linalg.solve(information, design.T @ (truth - chance))
        # A step of more than 2 in log-odds overshoots where the likelihood is flat.
        line = line + np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-10:
            return line, np.linalg.inv(information)
    return line, None
