"""Performance on predictions whose labels have arrived, against a baseline that stays put.

Rows are placed by the time of the prediction, never by that of the label: labels that come fast are
not a fair sample (docs/adr/0041).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

from mlops_spec.runtime.declare import Dataset, Drift, Recipe
from mlops_spec.runtime.monitor.profile import canonical
from mlops_spec.stats import influence
from mlops_spec.stats.auc import auc
from mlops_spec.stats.estimate import Estimate, unknown
from mlops_spec.terms.metrics import METRICS, WATCHED
from mlops_spec.terms.verdict import Outcome, Verdict

if TYPE_CHECKING:
    import pandas as pd

# Two-sided level whose half-width gives back the standard error.
_LEVEL: Final = 0.9


@dataclass(frozen=True, slots=True)
class Performance:
    """The verdict, with the two numbers that it compares."""

    verdict: Verdict
    metric: str
    now: Estimate
    baseline: Estimate
    baseline_is: str


def matured(dataset: Dataset, until: float) -> float:
    """Predictions before this time (seconds) have had their labels at `until`."""
    return until - dataset.label_arrives_after


def measured(rows: pd.DataFrame, recipe: Recipe) -> Estimate:
    """The primary metric of rows with `label`, `score` and `decision`; unknown where undefined."""
    if rows.empty:
        return unknown()
    match recipe.task:
        case "binary":
            return _binary(rows, recipe)
        case "multiclass":
            return _multiclass(rows)
        case "regression" | "ranking":
            return _regression(rows)


def judge(
    now: pd.DataFrame, baseline: pd.DataFrame, baseline_is: str, recipe: Recipe, drift: Drift
) -> Performance:
    """The relative drop of the primary metric: fails above the limit when chance is ruled out.

    `baseline_is` says in words which rows the baseline holds.
    """
    metric = WATCHED[recipe.task]
    here, there = measured(now, recipe), measured(baseline, recipe)
    check = f"performance {metric}"
    limit = f"{drift.drop * 100:.12g}% drop"
    reason = _undecidable(here, there, now, drift)
    if reason:
        verdict = Verdict(
            check, Outcome.NO_DATA, n=len(now), limit=limit, reason=reason,
            n_enough=max(1, drift.performance_min_rows),
        )  # fmt: skip
        return Performance(verdict, metric, here, there, baseline_is)
    drop, error = relative_drop(here, there, METRICS[metric].more_is_better)
    half = NormalDist().inv_cdf(drift.confidence) * error
    verdict = Verdict(
        check, _outcome(drop, half, drift.drop), drop, drop - half, drop + half, here.n, limit,
        f"{metric} {here.value:.4g} now, {there.value:.4g} in {baseline_is}",
    )  # fmt: skip
    return Performance(verdict, metric, here, there, baseline_is)


def unreadable(recipe: Recipe, drift: Drift, reason: str) -> Performance:
    """The verdict when the labels cannot be read."""
    metric = WATCHED[recipe.task]
    limit = f"{drift.drop * 100:.12g}% drop"
    verdict = Verdict(f"performance {metric}", Outcome.ERROR, limit=limit, reason=reason)
    return Performance(verdict, metric, unknown(), unknown(), "the baseline")


def relative_drop(now: Estimate, baseline: Estimate, more_is_better: bool) -> tuple[float, float]:
    """By which part of the baseline the metric got worse, and the standard error of that.

    drop = 1 - now/baseline (or its negative for a loss); the two samples are independent, hence
    Var = (se_now / baseline)² + (now · se_baseline / baseline²)² by the delta method.
    """
    ratio = now.value / baseline.value
    error = float(np.hypot(_error(now) / baseline.value, ratio * _error(baseline) / baseline.value))
    return (1 - ratio if more_is_better else ratio - 1), error


def _outcome(drop: float, half: float, limit: float) -> Outcome:
    if drop <= limit:
        return Outcome.PASS
    return Outcome.FAIL if drop - half > 0 else Outcome.INCONCLUSIVE


def _undecidable(here: Estimate, there: Estimate, now: pd.DataFrame, drift: Drift) -> str:
    needed = max(1, drift.performance_min_rows)
    if len(now) < needed:
        return f"{len(now)} labelled predictions in the window, {needed} are needed"
    if not here.known:
        return "the metric is not defined on these rows, such as an AUC with one class only"
    if not there.known or there.value == 0:
        return "there is no baseline: neither labelled predictions nor held-out rows define it"
    return ""


def _error(estimate: Estimate) -> float:
    """The standard error behind an interval of `_LEVEL`, from its lower half."""
    return (estimate.value - estimate.low) / NormalDist().inv_cdf((1 + _LEVEL) / 2)


def _binary(rows: pd.DataFrame, recipe: Recipe) -> Estimate:
    label = rows["label"].map(canonical)
    # As in training: unless the spec says which, the positive class is the last in order.
    positive = label == (label.max() if recipe.positive is None else canonical(recipe.positive))
    return auc(positive.to_numpy(dtype=np.bool_), rows["score"].to_numpy(dtype=np.float64), _LEVEL)


def _multiclass(rows: pd.DataFrame) -> Estimate:
    right = rows["label"].map(canonical) == rows["decision"].map(canonical)
    return influence.mean(right.to_numpy().astype(np.float64)).estimate(_LEVEL)


def _regression(rows: pd.DataFrame) -> Estimate:
    label, score = (rows[name].to_numpy(dtype=np.float64) for name in ("label", "score"))
    return influence.root_mean((label - score) ** 2).estimate(_LEVEL)
