"""The metrics that are functions of means, as the influence of each row (delta method)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np

from mlops_spec.stats import influence, ranking
from mlops_spec.stats.agreement import kappa, matthews
from mlops_spec.stats.auc import auc_influence
from mlops_spec.stats.influence import Influenced
from mlops_spec.stats.judged import Judged
from mlops_spec.stats.precision_recall import average_precision_influence
from mlops_spec.stats.ranking import ranked_influence

_LEAST_PROBABILITY: Final = 1e-15


def influenced(metric: str, rows: Judged) -> Influenced | None:
    """A metric's value and each row's influence on it; None for what has no influences.

    The variance of the influences over n is the variance of the value; roc_auc's is DeLong's. NaN
    with influences 0 and n 0 where the rows do not define the metric.
    """
    if metric not in _INFLUENCED:
        return None
    if not rows.usable:
        return Influenced(np.nan, np.zeros(len(rows.truth)), 0)
    return _INFLUENCED[metric](rows)


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


def _one_against_rest(rows: Judged) -> Influenced:
    """Mean over the classes of the AUC of each against all others (scikit-learn's `ovr`, macro)."""
    if rows.scores.ndim != 2:
        return Influenced(np.nan, np.zeros(len(rows.truth)), 0)
    classes = range(rows.scores.shape[1])
    parts = [auc_influence(rows.truth == one, rows.scores[:, one]) for one in classes]
    return influence.average(parts, len(rows.truth))


def _relative_error(rows: Judged) -> Influenced:
    """Mean of |error / truth|; NaN where some truth is 0, of which no error is a share."""
    if (rows.truth == 0).any():
        return Influenced(np.nan, np.zeros(len(rows.truth)), 0)
    return influence.mean(np.abs((rows.truth - rows.scores) / rows.truth))


_INFLUENCED: Final[dict[str, Callable[[Judged], Influenced]]] = {
    "roc_auc": lambda r: auc_influence(r.is_positive, r.scores),
    "roc_auc_ovr": _one_against_rest,
    "average_precision": lambda r: average_precision_influence(r.is_positive, r.scores),
    "matthews_corrcoef": lambda r: matthews(r.truth, r.decided),
    "cohen_kappa": lambda r: kappa(r.truth, r.decided),
    "f1_weighted": lambda r: influence.f1_weighted(r.truth, r.decided),
    "precision_macro": lambda r: influence.precision_macro(r.truth, r.decided),
    "mean_absolute_percentage_error": _relative_error,
    "accuracy": lambda r: influence.mean((r.truth == r.decided).astype(float)),
    "balanced_accuracy": lambda r: influence.balanced_accuracy(r.truth, r.decided),
    "recall": lambda r: influence.recall_of(r.is_positive, r.said_positive),
    "precision": lambda r: influence.precision_of(r.is_positive, r.said_positive),
    "f1": lambda r: influence.f1_of(r.is_positive, r.said_positive),
    "f1_macro": lambda r: influence.f1_macro(r.truth, r.decided),
    "brier_score": _brier,
    "log_loss": _log_loss,
    "mean_absolute_error": lambda r: influence.mean(np.abs(r.truth - r.scores)),
    "root_mean_squared_error": lambda r: influence.root_mean((r.truth - r.scores) ** 2),
    "r2": _skill,
    "skill": _skill,
    **{name: partial(ranked_influence, name) for name in sorted(ranking.NAMES)},
}
