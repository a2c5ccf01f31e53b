"""Intervals for what has neither a closed form nor influences, with bounded work (docs/adr/0058).

Up to 5,000 rows the BCa bootstrap with 2,000 draws. Beyond, the rows (or clusters) are parted at
random into sections: the statistic of each is one observation of its error, and t tells how far
their mean may be off (sectioning: Asmussen and Glynn, Stochastic Simulation (2007), III.5b). That
costs two passes over the rows where the bootstrap costs two thousand.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from mlops_spec.stats.bca import bca
from mlops_spec.stats.estimate import Estimate, Floats, unknown
from mlops_spec.stats.resample import Units

MOST_DRAWN: Final = 5_000
# As many sections as define the statistic: a rare class may be missing in small ones.
_SECTIONS: Final = (50, 20, 10)
_LEAST_UNITS: Final = 10

# The statistic of the rows at these places, in which a row may stand several times.
Chosen = npt.NDArray[np.int64]
Statistic = Callable[[Chosen], float]


def resampled(statistic: Statistic, units: Units, level: float, seed: int = 0) -> Estimate:
    """The value on all rows with its interval. Deterministic in the seed.

    Rows on which the statistic raises, or is not finite, do not define it. Unknown, with the
    reason, when all rows, one draw in twenty or one of ten sections do not.
    """
    defined = _or_nan(statistic)
    if units.rows <= MOST_DRAWN:
        places = np.arange(units.rows)
        return bca(lambda w: defined(np.repeat(places, w.astype(int))), units, level, seed)
    value = defined(np.arange(units.rows))
    if not math.isfinite(value):
        return unknown(units.rows, "these rows do not define it")
    if units.count < _LEAST_UNITS:
        return unknown(units.rows, f"{units.count} units; {_LEAST_UNITS} are the least", value)
    return _sectioned(defined, value, units, level, np.random.default_rng(seed))


def method_of_size(rows: int) -> str:
    """How an interval of this many rows is made, in words."""
    return "BCa bootstrap" if rows <= MOST_DRAWN else "sections of the rows"


def _sectioned(
    statistic: Statistic, value: float, units: Units, level: float, random: np.random.Generator
) -> Estimate:
    for sections in _SECTIONS:
        if sections > units.count:
            continue
        of_unit = random.permutation(units.count) % sections
        of_row = of_unit if units.of_row is None else of_unit[units.of_row]
        parts = np.array([statistic(np.flatnonzero(of_row == one)) for one in range(sections)])
        if np.isfinite(parts).all():
            return _student(value, parts, units.rows, level)
    return unknown(units.rows, "a tenth of the rows does not define it", value)


def _student(value: float, parts: Floats, rows: int, level: float) -> Estimate:
    """Gaps are measured from the value of all rows, so that a bias of small parts widens it."""
    n = len(parts)
    error = math.sqrt(float(((parts - value) ** 2).sum()) / (n * (n - 1)))
    if error == 0:
        return unknown(rows, "every part of the rows gives the same value", value)
    half = float(stdtrit(n - 1, (1 + level) / 2)) * error
    return Estimate(value, value - half, value + half, rows)


def _or_nan(statistic: Statistic) -> Statistic:
    def defined(chosen: Chosen) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found: Any = statistic(chosen)
                return float(found)
            # The statistic is the user's: a draw it cannot take is one that does not define it.
            except Exception:
                return math.nan

    return defined
