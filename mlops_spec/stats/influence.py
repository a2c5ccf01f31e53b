"""Metrics that are functions of means, with the influence of each row on them (delta method).

Var(metric) ≈ Var(influence) / n, and for two models on the same rows the variance of the difference
is that of the difference of their influences: pairing costs nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from mlops_spec.stats.estimate import Estimate, Floats, normal, unknown

Bools = npt.NDArray[np.bool_]
Classes = npt.NDArray[np.int64]


_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Influenced:
    """A metric's value, each row's influence on it (mean 0), and its denominator."""

    value: float
    influence: Floats
    n: int

    @property
    def flat(self) -> bool:
        """Whether all rows have one influence: then nothing is known of what other rows would do.

        Up to the rounding of sums of floats.
        """
        most = float(np.abs(self.influence).max(initial=0.0))
        return most <= _ROUNDING * max(abs(self.value), _ROUNDING)

    def estimate(self, level: float, degrees: int | None = None) -> Estimate:
        """Value ± z times its error; ± t with `degrees` of freedom where fewer rows decide it."""
        rows = len(self.influence)
        if rows < 2 or not math.isfinite(self.value):
            return unknown(self.n)
        variance = float(self.influence.var(ddof=1)) / rows
        if degrees is None:
            return normal(self.value, variance, level, self.n)
        half = float(stdtrit(max(degrees, 1), (1 + level) / 2)) * math.sqrt(variance)
        return Estimate(self.value, self.value - half, self.value + half, self.n)


def difference(
    first: Influenced, second: Influenced, level: float, degrees: int | None = None
) -> Estimate:
    """First minus second, on the same rows."""
    return minus(first, second).estimate(level, degrees)


def minus(first: Influenced, second: Influenced) -> Influenced:
    """The difference of two metrics on the same rows, as a metric."""
    return Influenced(
        first.value - second.value, first.influence - second.influence, min(first.n, second.n)
    )


def mean(loss: Floats) -> Influenced:
    """The mean of a loss a row: Brier, log loss, absolute error."""
    value = float(loss.mean())
    return Influenced(value, loss - value, len(loss))


def root_mean(squared: Floats) -> Influenced:
    """The root of a mean: RMSE from squared errors."""
    value = math.sqrt(float(squared.mean()))
    scale = 2 * value if value > 0 else 1.0
    return Influenced(value, (squared - value * value) / scale, len(squared))


def ratio(top: Floats, bottom: Floats, n: int) -> Influenced:
    """mean(top) / mean(bottom): precision, recall, F1. NaN where the denominator is empty."""
    base = float(bottom.mean())
    if base <= 0:
        return Influenced(math.nan, np.zeros_like(top), 0)
    value = float(top.mean()) / base
    return Influenced(value, (top - value * bottom) / base, n)


def skill(loss: Floats, constant: Floats) -> Influenced:
    """1 - loss / loss of the best constant prediction: R², Brier skill."""
    lost = ratio(loss, constant, len(loss))
    return Influenced(1 - lost.value, -lost.influence, lost.n)


def average(parts: list[Influenced], n: int) -> Influenced:
    """The plain mean of several metrics on the same rows: what `macro` means."""
    return Influenced(
        float(np.mean([part.value for part in parts])),
        np.mean([part.influence for part in parts], axis=0),
        n,
    )


def recall_of(truth: Bools, decided: Bools) -> Influenced:
    return ratio((truth & decided).astype(float), truth.astype(float), int(truth.sum()))


def precision_of(truth: Bools, decided: Bools) -> Influenced:
    return ratio((truth & decided).astype(float), decided.astype(float), int(decided.sum()))


def f1_of(truth: Bools, decided: Bools) -> Influenced:
    """2 · hits / (positives + positive decisions)."""
    top = 2 * (truth & decided).astype(np.float64)
    bottom = truth.astype(np.float64) + decided.astype(np.float64)
    return ratio(top, bottom, int((truth | decided).sum()))


def balanced_accuracy(truth: Classes, decided: Classes) -> Influenced:
    """Mean recall over the classes that occur; NaN where only one does."""
    present = np.unique(truth)
    if len(present) < 2:
        return Influenced(math.nan, np.zeros(len(truth)), 0)
    return average([recall_of(truth == c, decided == c) for c in present], len(truth))


def f1_weighted(truth: Classes, decided: Classes) -> Influenced:
    """Mean F1 over the classes, weighted by how often each occurs: weights are estimates too."""
    present, n = np.unique(truth), len(truth)
    value, influence = 0.0, np.zeros(n)
    for one in present:
        inside = truth == one
        share, part = float(inside.mean()), f1_of(inside, decided == one)
        value += share * part.value
        influence += share * part.influence + (inside - share) * part.value
    return Influenced(value, influence, n)


def precision_macro(truth: Classes, decided: Classes) -> Influenced:
    """Mean precision over the classes that occur or were decided; NaN if one was never decided."""
    present = np.union1d(truth, decided)
    return average([precision_of(truth == c, decided == c) for c in present], len(truth))


def f1_macro(truth: Classes, decided: Classes) -> Influenced:
    """Mean F1 over the classes that occur or were decided."""
    present = np.union1d(truth, decided)
    return average([f1_of(truth == c, decided == c) for c in present], len(truth))
