"""The metrics of the language on held-out rows with intervals, and differences of two models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from mlops_spec.stats import influence, ranking
from mlops_spec.stats.auc import auc, auc_difference
from mlops_spec.stats.bootstrap import average_precision, percentile
from mlops_spec.stats.clustered_metrics import clusters_that_count, robust
from mlops_spec.stats.estimate import Estimate, unknown, within
from mlops_spec.stats.influence import Influenced
from mlops_spec.stats.judged import Bools, Judged
from mlops_spec.stats.metric_rows import influenced
from mlops_spec.stats.proportions import paired_difference, wilson
from mlops_spec.stats.resample import Units, of_clusters
from mlops_spec.stats.resampled import resampled

__all__ = ["Judged", "difference", "estimate", "influenced", "method_of"]


def estimate(
    metric: str, rows: Judged, level: float, seed: int = 0, units: Units | None = None
) -> Estimate:
    """A metric with its two-sided interval at `level`; `units`: rows that go together."""
    if not rows.usable:
        return unknown(len(rows.truth))
    together = units or _lists(metric, rows)
    if together is not None:
        return _clustered(metric, rows, level, seed, together)
    if metric in ranking.NAMES:
        return within(ranking.ranked(metric, rows, level), *_UNIT)
    return _of_rows(metric, rows, level, seed)


def _lists(metric: str, rows: Judged) -> Units | None:
    """Rows of one list go together, where a metric does not take them list by list itself."""
    if rows.group is None or metric in ranking.NAMES:
        return None
    return of_clusters(rows.group)


def _of_rows(metric: str, rows: Judged, level: float, seed: int) -> Estimate:
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


def difference(
    metric: str, first: Judged, second: Judged, level: float, seed: int = 0,
    units: Units | None = None,
) -> Estimate:  # fmt: skip
    """Metric of the first minus metric of the second, paired row by row."""
    if not (first.usable and second.usable):
        return unknown(len(first.truth))
    together = units or _lists(metric, first)
    if together is not None:
        return _clustered_difference(metric, first, second, level, seed, together)
    if metric in ranking.NAMES:
        return ranking.ranked_difference(metric, first, second, level)
    return _difference_of_rows(metric, first, second, level, seed)


def _difference_of_rows(
    metric: str, first: Judged, second: Judged, level: float, seed: int
) -> Estimate:
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


def _clustered(metric: str, rows: Judged, level: float, seed: int, units: Units) -> Estimate:
    found = influenced(metric, rows)
    if found is None:
        return resampled(lambda chosen: _value(metric, rows.take(chosen)), units, level, seed)
    clusters = clusters_that_count(found, units, rows if metric == "roc_auc" else None)
    bounds = _BOUNDS.get(metric, (-np.inf, np.inf))
    return within(robust(found, units, level, clusters, share=bounds == _UNIT), *bounds)


def _clustered_difference(
    metric: str, first: Judged, second: Judged, level: float, seed: int, units: Units
) -> Estimate:
    one, other = influenced(metric, first), influenced(metric, second)
    if one is None or other is None:
        return resampled(
            lambda chosen: _value(metric, first.take(chosen)) - _value(metric, second.take(chosen)),
            units, level, seed,
        )  # fmt: skip
    gap = influence.minus(one, other)
    if one.value == other.value and not gap.influence.any():
        return Estimate(0.0, 0.0, 0.0, gap.n, "both answer these rows alike")
    of_class = first if metric == "roc_auc" else None
    clusters = min(clusters_that_count(each, units, of_class) for each in (one, other))
    return robust(gap, units, level, clusters)


def _value(metric: str, rows: Judged) -> float:
    assert metric == "average_precision", metric
    return average_precision(rows.is_positive, rows.scores)(np.ones(len(rows.truth)))


def method_of(metric: str, *, paired: bool, in_lists: bool = False) -> str:
    """How an interval is made, in words. `in_lists`: of rows that stand in lists."""
    if metric in ranking.NAMES:
        alone = both = "mean of lists"
    elif in_lists:
        alone = both = "clustered by list"
    else:
        alone, both = _METHODS.get(metric, ("delta method", "delta method"))
    return f"{both}, paired" if paired else alone


_METHODS: Final = {
    "roc_auc": ("DeLong", "DeLong"),
    "average_precision": ("bootstrap", "bootstrap"),
    "accuracy": ("Wilson", "Tango"),
    "recall": ("Wilson", "Tango"),
    "precision": ("Wilson", "delta method"),
}


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
    **dict.fromkeys(ranking.NAMES, _UNIT),
    "roc_auc": _UNIT, "accuracy": _UNIT, "recall": _UNIT, "precision": _UNIT,
    "balanced_accuracy": _UNIT, "f1": _UNIT, "f1_macro": _UNIT, "brier_score": _UNIT,
    "log_loss": (0.0, np.inf), "mean_absolute_error": (0.0, np.inf),
    "root_mean_squared_error": (0.0, np.inf), "r2": (-np.inf, 1.0), "skill": (-np.inf, 1.0),
}  # fmt: skip
