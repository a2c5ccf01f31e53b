"""The metrics of the language on held-out rows with intervals, and differences of two models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from mlops_spec.stats import influence
from mlops_spec.stats.auc import auc, auc_difference
from mlops_spec.stats.bootstrap import average_precision, percentile
from mlops_spec.stats.estimate import Estimate, unknown, within
from mlops_spec.stats.influence import Influenced
from mlops_spec.stats.judged import Bools, Judged
from mlops_spec.stats.metric_rows import influenced
from mlops_spec.stats.proportions import paired_difference, wilson

__all__ = ["Judged", "difference", "estimate", "influenced"]


def estimate(metric: str, rows: Judged, level: float, seed: int = 0) -> Estimate:
    """A metric with its two-sided interval at `level`."""
    if not rows.usable:
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
            return _bounded(metric, _of(metric, rows).estimate(level), level)


def difference(metric: str, first: Judged, second: Judged, level: float, seed: int = 0) -> Estimate:
    """Metric of the first minus metric of the second, paired row by row."""
    if not (first.usable and second.usable):
        return unknown(len(first.truth))
    match metric:
        case "roc_auc":
            return auc_difference(first.is_positive, first.scores, second.scores, level)
        case "average_precision":
            area = average_precision(first.is_positive, first.scores)
            against = average_precision(second.is_positive, second.scores)
            return percentile(lambda w: area(w) - against(w), len(first.truth), level, seed)
        case "accuracy" | "recall":
            return _paired_share(metric, first, second, level)
        case _:
            return influence.difference(_of(metric, first), _of(metric, second), level)


def _of(metric: str, rows: Judged) -> Influenced:
    found = influenced(metric, rows)
    assert found is not None, metric
    return found


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


_UNIT: Final = (0.0, 1.0)
_BOUNDS: Final = {
    "balanced_accuracy": _UNIT, "f1": _UNIT, "f1_macro": _UNIT, "brier_score": _UNIT,
    "log_loss": (0.0, np.inf), "mean_absolute_error": (0.0, np.inf),
    "root_mean_squared_error": (0.0, np.inf), "r2": (-np.inf, 1.0), "skill": (-np.inf, 1.0),
}  # fmt: skip
