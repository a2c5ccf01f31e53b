"""The expected calibration error with what a perfectly calibrated model would show by chance.

ECE (Naeini et al. 2015) is biased up: with 2,000 rows and 15 bins a perfect model has about 0.027.
So it comes with that floor and with the p-value of consistency resampling (Bröcker and Smith,
Weather and Forecasting 22 (2007) 651-661). All in probability (0.01 is one percentage point).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from mlops_spec.stats.calibration_bins import BINS, Bins, bin_numbers, equal_mass, obstacle
from mlops_spec.stats.estimate import Floats
from mlops_spec.stats.influence import Bools
from mlops_spec.stats.multiplicity import Places

_DRAWS: Final = 1000
_MOST_DRAWN: Final = 20_000
_AT_ONCE: Final = 50
LEAST_ROWS: Final = 50


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """`value` is the ECE, `floor` its mean and `critical` its quantile under perfect calibration.

    `p_value` is that of "perfectly calibrated". Where `reason` is not "", the numbers are NaN and
    the p-value is 1.
    """

    value: float
    floor: float
    critical: float
    p_value: float
    n: int
    bins: int
    reason: str = ""

    @property
    def known(self) -> bool:
        return not self.reason


def expected_calibration_error(
    positive: Bools, predicted: Floats, level: float, seed: int, bins: int = BINS
) -> CalibrationError:
    """sum of w_b |mean prediction - share of positives| over bins of equal mass."""
    why = obstacle(positive, predicted, LEAST_ROWS)
    if why:
        return CalibrationError(math.nan, math.nan, math.nan, 1.0, len(positive), 0, why)
    found = equal_mass(positive, predicted, bins)
    value = float(found.weights @ np.abs(found.predicted - found.observed))
    drawn = _perfect(predicted, found, bins, np.random.default_rng(seed))
    return CalibrationError(
        value,
        float(drawn.mean()),
        float(np.quantile(drawn, level)),
        float((1 + (drawn >= value - 1e-12).sum()) / (1 + len(drawn))),
        len(positive),
        len(found.rows),
    )


def _perfect(predicted: Floats, found: Bins, bins: int, random: np.random.Generator) -> Floats:
    """The ECE of labels drawn from the predictions."""
    if len(predicted) <= _MOST_DRAWN:
        ordered, starts = _in_bins(predicted, bins)
        parts = [_redrawn(ordered, starts, random) for _ in range(_DRAWS // _AT_ONCE)]
        observed = np.concatenate(parts) / found.rows
    else:
        # One binomial a bin has slightly more variance than its rows, whose p differ little.
        hits = random.binomial(found.rows.astype(int), found.predicted, (_DRAWS, len(found.rows)))
        observed = hits / found.rows
    errors: Floats = np.abs(observed - found.predicted) @ found.weights
    return errors


def _in_bins(predicted: Floats, bins: int) -> tuple[Floats, Places]:
    ordered = np.sort(predicted)
    numbers = bin_numbers(ordered, bins)
    return ordered, np.flatnonzero(np.diff(numbers, prepend=-1))


def _redrawn(ordered: Floats, starts: Places, random: np.random.Generator) -> Floats:
    """Positives in each bin for some draws of all labels."""
    labels = random.random((_AT_ONCE, len(ordered)), dtype=np.float32) < ordered
    hits: Floats = np.add.reduceat(labels, starts, axis=1, dtype=np.float64)
    return hits
