"""Standard errors that are known before a candidate is: of a metric, and of a paired difference."""

from __future__ import annotations

import math
from typing import Final

from mlops_spec.link.rules.power.known import Known
from mlops_spec.model.facts import Group
from mlops_spec.stats.power import auc_variance

# Between the areas of two versions on the same rows: 0.8 to 0.99 (Hanley and McNeil 1983).
_CORRELATION: Final = 0.9
_AREA: Final = 0.75


def whole(known: Known) -> Group:
    """All held-out rows, as one group."""
    return Group("", known.rows, known.positives)


def difference_error(known: Known, metric: str, group: Group) -> float | None:
    """The standard error of candidate less production on the rows of a group; None: not known.

    What was measured on all rows, else from the disagreement (shares) or Hanley and McNeil's
    variance (the area under the ROC curve).
    """
    n = denominator(known, metric, group)
    if not n:
        return None
    deviation = known.deviations.get(metric)
    if deviation:
        whole_n = denominator(known, metric, whole(known)) or n
        return deviation / math.sqrt(known.rows * n / whole_n)
    match metric:
        case "accuracy" | "recall":
            return math.sqrt(known.disagreement / n)
        case "roc_auc":
            error = estimate_error(known, metric, known.estimates.get(metric, _AREA), group)
            return None if error is None else error * math.sqrt(2 * (1 - _CORRELATION))
        case _:
            return None


def estimate_error(known: Known, metric: str, value: float, group: Group) -> float | None:
    """The standard error of a metric that is `value`, on the rows of a group; None: not known."""
    n = denominator(known, metric, group)
    if not n or not 0 < value < 1:
        return None
    match metric:
        case "accuracy" | "recall":
            return math.sqrt(value * (1 - value) / n)
        case "roc_auc" if group.positives is not None:
            variance = auc_variance(value, group.positives, group.rows - group.positives)
            return math.sqrt(variance) if 0 < variance < math.inf else None
        case _:
            return None


def denominator(known: Known, metric: str, group: Group) -> int | None:
    """The rows that the metric counts: for recall the positives, for the area the rarer class."""
    if metric not in ("recall", "roc_auc"):
        return group.rows
    if known.task != "binary" or group.positives is None:
        return None
    return group.positives if metric == "recall" else min(
        group.positives, group.rows - group.positives
    )  # fmt: skip


def expected_value(known: Known, metric: str, *, share: bool) -> float | None:
    """The last estimate of a metric; of a share without one what makes a relative margin widest."""
    return known.estimates.get(metric, 1.0 if share else None)
