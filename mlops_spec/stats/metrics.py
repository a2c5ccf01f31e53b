"""The metrics of the language on held-out rows with intervals, and differences of two models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from mlops_spec.stats import influence, ranking
from mlops_spec.stats.auc import auc, auc_difference
from mlops_spec.stats.cluster import LEAST_CLUSTERS
from mlops_spec.stats.clustered_metrics import all_or_none, clusters_of, clusters_that_count, robust
from mlops_spec.stats.estimate import ALIKE, NO_VARIANCE, Estimate, flat, unknown, within
from mlops_spec.stats.influence import Influenced
from mlops_spec.stats.judged import Bools, Judged
from mlops_spec.stats.mean_of_shares import mean_of_recalls
from mlops_spec.stats.metric_rows import influenced
from mlops_spec.stats.proportions import paired_difference, wilson
from mlops_spec.stats.quantiles import quantile
from mlops_spec.stats.resample import Units, of_clusters, of_rows
from mlops_spec.stats.resampled import Chosen, resampled
from mlops_spec.stats.skewed import skill_of_binary

__all__ = ["BY_LIST", "Judged", "difference", "estimate", "influenced", "method_of"]

# The method whose n counts lists, not rows.
BY_LIST: Final = "mean of lists"


def estimate(
    metric: str, rows: Judged, level: float, seed: int = 0, units: Units | None = None
) -> Estimate:
    """A metric with its two-sided interval at `level`; `units`: rows that go together."""
    if rows.obstacle:
        return unknown(len(rows.truth), rows.obstacle)
    together = units or _lists(metric, rows)
    if together is not None:
        return _clustered(metric, rows, level, seed, together)
    if metric in ranking.NAMES:
        return within(ranking.ranked(metric, rows, level), *_UNIT)
    return _of_rows(metric, rows, level)


def _lists(metric: str, rows: Judged) -> Units | None:
    """Rows of one list go together, where a metric does not take them list by list itself."""
    if rows.group is None or metric in ranking.NAMES:
        return None
    return of_clusters(rows.group)


def _of_rows(metric: str, rows: Judged, level: float) -> Estimate:
    match metric:
        case "roc_auc":
            return auc(rows.is_positive, rows.scores, level)
        case "balanced_accuracy":
            return mean_of_recalls(rows.truth, rows.decided, level)
        case "average_precision" | "roc_auc_ovr":
            return _envelope(_of(metric, rows), _rarest(rows), level)
        case "median_absolute_error":
            bounds = quantile(np.abs(rows.truth - rows.scores), 0.5, level)
            return replace(bounds, value=_median(rows))
        case "accuracy" | "recall" | "precision":
            hits, n = _SHARES[metric](rows)
            return wilson(int(hits.sum()), int(n.sum()), level)
        case _:
            return _bounded(metric, rows, level)


def difference(
    metric: str, first: Judged, second: Judged, level: float, seed: int = 0,
    units: Units | None = None,
) -> Estimate:  # fmt: skip
    """Metric of the first minus metric of the second, row by row; `flat` without variance."""
    obstacle = first.obstacle or second.obstacle
    if obstacle:
        return unknown(len(first.truth), obstacle)
    together = units or _lists(metric, first)
    if together is not None:
        found = _clustered_difference(metric, first, second, level, seed, together)
    elif metric in ranking.NAMES:
        found = ranking.ranked_difference(metric, first, second, level)
    else:
        found = _difference_of_rows(metric, first, second, level, seed)
    if found.known and found.high - found.low <= 1e-9 * abs(found.value):
        return flat(found.n, NO_VARIANCE if found.value else ALIKE, found.value)
    return found


def _difference_of_rows(
    metric: str, first: Judged, second: Judged, level: float, seed: int
) -> Estimate:
    match metric:
        case "roc_auc":
            return auc_difference(first.is_positive, first.scores, second.scores, level)
        case "average_precision" | "roc_auc_ovr":
            return _gap(_of(metric, first), _of(metric, second), _rarest(first), level)
        case "median_absolute_error":
            return _median_gap(first, second, level, seed, of_rows(len(first.truth)))
        case "accuracy" | "recall":
            return _paired_share(metric, first, second, level)
        case _:
            degrees = _degrees(metric, first)
            return influence.difference(_of(metric, first), _of(metric, second), level, degrees)


def _of(metric: str, rows: Judged) -> Influenced:
    found = influenced(metric, rows)
    assert found is not None, metric
    return found


def _clustered(metric: str, rows: Judged, level: float, seed: int, units: Units) -> Estimate:
    found = influenced(metric, rows)
    if found is None:
        return resampled(lambda chosen: _median(rows.take(chosen)), units, level, seed)
    bounds = _BOUNDS.get(metric, (-np.inf, np.inf))
    if bounds == _UNIT and found.flat and found.value in {0.0, 1.0}:
        counted = _SHARES[metric](rows)[1] if metric in _SHARES else None
        return all_or_none(found, clusters_of(counted, units), level)
    clusters = clusters_that_count(found, units, rows if metric in _RANKED else None)
    return within(robust(found, units, level, clusters, share=bounds == _UNIT), *bounds)


def _clustered_difference(
    metric: str, first: Judged, second: Judged, level: float, seed: int, units: Units
) -> Estimate:
    one, other = influenced(metric, first), influenced(metric, second)
    if one is None or other is None:
        return _median_gap(first, second, level, seed, units)
    gap = influence.minus(one, other)
    if one.value == other.value and not gap.influence.any():
        return flat(gap.n, ALIKE)
    clusters = clusters_that_count(gap, units, first if metric in _RANKED else None)
    return robust(gap, units, level, clusters)


def _median_gap(first: Judged, second: Judged, level: float, seed: int, units: Units) -> Estimate:
    """The difference of two medians is resampled: it has no order statistics of its own."""
    if np.array_equal(first.scores, second.scores):
        return flat(len(first.truth), ALIKE)

    def gap(chosen: Chosen) -> float:
        return _median(first.take(chosen)) - _median(second.take(chosen))

    return resampled(gap, units, level, seed)


def _median(rows: Judged) -> float:
    return float(np.median(np.abs(rows.truth - rows.scores)))


def _rarest(rows: Judged) -> int:
    """The rows of the rarest class, of those that the model knows."""
    if rows.scores.ndim == 2:
        known = rows.truth[rows.truth >= 0]
        return int(np.bincount(known, minlength=rows.scores.shape[1]).min())
    positives = int(rows.is_positive.sum())
    return min(positives, len(rows.truth) - positives)


def _envelope(found: Influenced, rarest: int, level: float) -> Estimate:
    """Value ± t of the rarest class, on the plain and the logit scale, whichever reaches further.

    Near 1 the plain interval is too short below, near 0 the logit one is. A perfect ranking gets
    Wilson's interval of as many rows.
    """
    if rarest < LEAST_CLUSTERS:
        return _too_rare(found, rarest)
    if found.value == 1 and not found.influence.any():
        return replace(wilson(rarest, rarest, level), n=found.n)
    units = of_rows(len(found.influence))
    plain, curved = (robust(found, units, level, rarest, share=share) for share in (False, True))
    if not curved.known:
        return curved
    low, high = min(plain.low, curved.low), max(plain.high, curved.high)
    return within(replace(plain, low=low, high=high), *_UNIT)


def _gap(first: Influenced, second: Influenced, rarest: int, level: float) -> Estimate:
    """A paired difference with t of the rarest class."""
    gap = influence.minus(first, second)
    if rarest < LEAST_CLUSTERS:
        return _too_rare(gap, rarest)
    if not gap.influence.any():
        return flat(gap.n, "both rank these rows alike")
    return robust(gap, of_rows(len(gap.influence)), level, rarest)


def _too_rare(found: Influenced, rarest: int) -> Estimate:
    reason = f"{rarest} rows of the rarest class; {LEAST_CLUSTERS} are the least"
    return unknown(len(found.influence), reason, found.value)


def method_of(metric: str, *, paired: bool, in_lists: bool = False) -> str:
    """How an interval is made, in words. `in_lists`: of rows that stand in lists."""
    if metric in ranking.NAMES:
        alone = both = BY_LIST
    elif in_lists:
        alone = both = "clustered by list"
    else:
        alone, both = _METHODS.get(metric, ("delta method", "delta method"))
    return f"{both}, paired" if paired else alone


_METHODS: Final = {
    "roc_auc": ("DeLong", "DeLong"),
    "median_absolute_error": ("order statistics", "bootstrap"),
    "accuracy": ("Wilson", "Tango"),
    "recall": ("Wilson", "Tango"),
    "precision": ("Wilson", "delta method"),
    "balanced_accuracy": ("Wilson of each class", "delta method"),
    "skill": ("delta method, bent by its skewness", "delta method"),
}


def _degrees(metric: str, rows: Judged) -> int:
    """Of Student's t: one less than the rows that decide the error. Five positives are five."""
    by_class = rows.positive is not None or metric in _MEANS_OF_CLASSES
    return (_rarest(rows) if by_class else len(rows.truth)) - 1


def _bounded(metric: str, rows: Judged, level: float) -> Estimate:
    """The interval within the metric's bounds. On perfect answers every row has the same influence
    and the delta method is certain; Wilson's interval of as many rows is not, and where the metric
    has no such bounds nothing is known.
    """
    found, bounds = _of(metric, rows), _BOUNDS.get(metric, (-np.inf, np.inf))
    if not np.isfinite(found.value):
        return unknown(len(rows.truth), _UNDEFINED)
    if not found.flat and metric == "skill" and rows.positive is not None:
        return within(skill_of_binary(found, rows.is_positive, rows.scores, level), *bounds)
    if not found.flat:
        return within(found.estimate(level, _degrees(metric, rows)), *bounds)
    if bounds == _UNIT:
        return wilson(round(found.value * found.n), found.n, level)
    return unknown(found.n, NO_VARIANCE, found.value)


def _paired_share(metric: str, first: Judged, second: Judged, level: float) -> Estimate:
    hits, counted = _SHARES[metric](first)
    others, _ = _SHARES[metric](second)
    only_first = int((hits & ~others & counted).sum())
    only_second = int((others & ~hits & counted).sum())
    if counted.any() and not only_first and not only_second:
        return flat(int(counted.sum()), ALIKE)
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


_MEANS_OF_CLASSES: Final = frozenset({"balanced_accuracy", "f1_macro", "precision_macro"})
# Of these the rarer class is scarce, not the rows.
_RANKED: Final = frozenset({"roc_auc", "average_precision"})
_UNDEFINED: Final = "these rows do not define it"
_UNIT: Final = (0.0, 1.0)
_BOUNDS: Final = {
    **dict.fromkeys(ranking.NAMES, _UNIT),
    **dict.fromkeys(("average_precision", "roc_auc_ovr", "f1_weighted", "precision_macro"), _UNIT),
    "matthews_corrcoef": (-1.0, 1.0), "cohen_kappa": (-1.0, 1.0),
    "median_absolute_error": (0.0, np.inf), "mean_absolute_percentage_error": (0.0, np.inf),
    "roc_auc": _UNIT, "accuracy": _UNIT, "recall": _UNIT, "precision": _UNIT,
    "balanced_accuracy": _UNIT, "f1": _UNIT, "f1_macro": _UNIT, "brier_score": _UNIT,
    "log_loss": (0.0, np.inf), "mean_absolute_error": (0.0, np.inf),
    "root_mean_squared_error": (0.0, np.inf), "r2": (-np.inf, 1.0), "skill": (-np.inf, 1.0),
}  # fmt: skip
