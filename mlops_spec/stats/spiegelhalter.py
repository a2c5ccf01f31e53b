"""Spiegelhalter's test that predicted probabilities are right, without any bins."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from mlops_spec.stats.calibration_bins import obstacle
from mlops_spec.stats.estimate import Floats
from mlops_spec.stats.influence import Bools
from mlops_spec.stats.significance import Significance, untested


def spiegelhalter(positive: Bools, predicted: Floats) -> Significance:
    """z = sum (y - p)(1 - 2p) / sqrt(sum (1 - 2p)² p(1 - p)), standard normal if calibrated.

    Spiegelhalter, Statistics in Medicine 5 (1986) 421-433. Above 0: positives where p is low and
    negatives where it is high, as of a model that is too sure. Two-sided. Untested: no rows, no
    probabilities, or predictions that are all 0, 1/2 or 1.
    """
    why = obstacle(positive, predicted, 1)
    if why:
        return untested(len(positive), why)
    weights = 1 - 2 * predicted
    variance = float((weights**2 * predicted * (1 - predicted)).sum())
    if variance <= 0:
        return untested(len(positive), "every prediction is 0, 1/2 or 1")
    z = float((positive - predicted) @ weights) / math.sqrt(variance)
    return Significance(z, 2 * float(ndtr(-np.abs(z))), len(positive))
