"""The metrics of the language on held-out rows with intervals, and differences of two models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mlops_spec.stats import influence
from mlops_spec.stats.auc import auc, auc_difference
from mlops_spec.stats.bootstrap import average_precision, percentile
from mlops_spec.stats.estimate import Estimate, Floats, unknown, within
from mlops_spec.stats.influence import Influenced
from mlops_spec.stats.proportions import paired_difference, wilson

_LEAST_PROBABILITY: Final = 1e-15


@dataclass(frozen=True, slots=True)
class Judged:
    """Truth and answers on the same rows.

    Regression: `truth` and `scores` are numbers. Classification: `truth` and `decided` are places
    in the classes; `scores` is the probability of the positive class (n), or of each class (n, k).
    `positive` is the place of the positive class.
    """

    truth: npt.NDArray[Any]
    scores: Floats
    decided: npt.NDArray[Any]
    positive: int | None = None

    @property
    def is_positive(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.truth == self.positive)

    @property
    def said_positive(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.decided == self.positive)


def estimate(metric: str, rows: Judged, level: float, seed: int = 0) -> Estimate:
    """A metric with its two-sided interval at `level`."""
    if not _usable(rows):
        return unknown(len(rows.truth))
    match metric:
        case "roc_auc":
            return auc(rows.is_positive, rows.scores, level)
        case "average_precision":
            weighted = average_precision(rows.is_positive, rows.scores)
            return percentile(weighted, len(rows.truth), level, seed)
        case "accuracy" | "recall" | "precision":
            hits, n = _SHARES[metric](rows)
            return wilson(int(hits.sum()), int(n.sum()), level)
        case _:
            return _bounded(metric, _INFLUENCED[metric](rows).estimate(level), level)


def difference(metric: str, first: Judged, second: Judged, level: float, seed: int = 0) -> Estimate:
    """Metric of the first minus metric of the second, paired row by row."""
    if not (_usable(first) and _usable(second)):
        return unknown(len(first.truth))
    match metric:
        case "roc_auc":
            return auc_difference(first.is_positive, first.scores, second.scores, level)
        case "average_precision":
            one = average_precision(first.is_positive, first.scores)
            other = average_precision(second.is_positive, second.scores)
            return percentile(lambda w: one(w) - other(w), len(first.truth), level, seed)
        case "accuracy" | "recall":
            return _paired_share(metric, first, second, level)
        case _:
            of = _INFLUENCED[metric]
            return influence.difference(of(first), of(second), level)


def _usable(rows: Judged) -> bool:
    return len(rows.truth) > 0 and bool(np.isfinite(rows.scores).all())


def _bounded(metric: str, found: Estimate, level: float) -> Estimate:
    """The interval within the metric's bounds. On perfect answers every row has the same influence
    and the delta method is certain; Wilson's interval of as many rows is not.
    """
    bounds = _BOUNDS.get(metric, (-np.inf, np.inf))
    if bounds == _UNIT and found.known and found.low == found.high:
        return wilson(round(found.value * found.n), found.n, level)
    return within(found, *bounds)


def _paired_share(metric: str, first: Judged, second: Judged, level: float) -> Estimate:
    hits, counted = _SHARES[metric](first)
    others, _ = _SHARES[metric](second)
    only_first = int((hits & ~others & counted).sum())
    only_second = int((others & ~hits & counted).sum())
    return paired_difference(only_first, only_second, int(counted.sum()), level)


Bools = npt.NDArray[np.bool_]


def _right(rows: Judged) -> tuple[Bools, Bools]:
    return np.asarray(rows.truth == rows.decided), np.ones(len(rows.truth), dtype=bool)


def _found(rows: Judged) -> tuple[Bools, Bools]:
    return rows.is_positive & rows.said_positive, rows.is_positive


def _confirmed(rows: Judged) -> tuple[Bools, Bools]:
    return rows.is_positive & rows.said_positive, rows.said_positive


# The rows that count as hits, and the rows that are counted at all.
_SHARES: Final[dict[str, Callable[[Judged], tuple[Bools, Bools]]]] = {
    "accuracy": _right,
    "recall": _found,
    "precision": _confirmed,
}


def _brier(rows: Judged) -> Influenced:
    return influence.mean((rows.scores - rows.is_positive) ** 2)


def _log_loss(rows: Judged) -> Influenced:
    if rows.scores.ndim == 2:
        of_truth = rows.scores[np.arange(len(rows.truth)), rows.truth]
    else:
        of_truth = np.where(rows.is_positive, rows.scores, 1 - rows.scores)
    return influence.mean(-np.log(np.clip(of_truth, _LEAST_PROBABILITY, 1.0)))


def _skill(rows: Judged) -> Influenced:
    """Against the best constant prediction on these rows, so that 0 means: has learnt nothing."""
    if rows.scores.ndim == 2:
        truth = np.eye(rows.scores.shape[1])[rows.truth]
        return influence.skill(
            ((rows.scores - truth) ** 2).sum(axis=1),
            ((truth - truth.mean(axis=0)) ** 2).sum(axis=1),
        )
    truth = rows.truth.astype(float) if rows.positive is None else rows.is_positive.astype(float)
    return influence.skill((rows.scores - truth) ** 2, (truth - truth.mean()) ** 2)


_INFLUENCED: Final[dict[str, Callable[[Judged], Influenced]]] = {
    "balanced_accuracy": lambda r: influence.balanced_accuracy(r.truth, r.decided),
    "f1": lambda r: influence.f1_of(r.is_positive, r.said_positive),
    "f1_macro": lambda r: influence.f1_macro(r.truth, r.decided),
    "precision": lambda r: influence.precision_of(r.is_positive, r.said_positive),
    "brier_score": _brier,
    "log_loss": _log_loss,
    "mean_absolute_error": lambda r: influence.mean(np.abs(r.truth - r.scores)),
    "root_mean_squared_error": lambda r: influence.root_mean((r.truth - r.scores) ** 2),
    "r2": _skill,
    "skill": _skill,
}

_UNIT: Final = (0.0, 1.0)
_BOUNDS: Final = {
    "balanced_accuracy": _UNIT, "f1": _UNIT, "f1_macro": _UNIT, "brier_score": _UNIT,
    "log_loss": (0.0, np.inf), "mean_absolute_error": (0.0, np.inf),
    "root_mean_squared_error": (0.0, np.inf), "r2": (-np.inf, 1.0), "skill": (-np.inf, 1.0),
}  # fmt: skip
