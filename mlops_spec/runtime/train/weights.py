"""How much each training row counts: the column that `train.weight` names, as sample weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mlops_spec.runtime.declare import Recipe
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.stats.estimate import Floats


def weights_of(train: pd.DataFrame, recipe: Recipe) -> Floats | None:
    """A weight, at least 0, for each training row; None without `train.weight`.

    `Refusal` MLS702 for a weight that is missing, infinite or negative, or if all of them are 0.
    """
    if recipe.weight is None:
        return None
    weights = train[recipe.weight].to_numpy(dtype=np.float64, na_value=np.nan)
    for strange, what in (
        (~np.isfinite(weights), "is missing or not finite"),
        (weights < 0, "is negative"),
    ):
        if strange.any():
            raise _refused(recipe.weight, f"{what} in {int(strange.sum()):,}", len(weights))
    if weights.sum() == 0:
        raise _refused(recipe.weight, "is 0 in all", len(weights))
    return weights


def _refused(column: str, what: str, rows: int) -> Refusal:
    return Refusal(
        "MLS702",
        f"the weight {column!r} {what} of {rows:,} training rows",
        "a weight is a number from 0 up, such as 1; correct the column, or remove `train.weight`",
    )


def as_arguments(weights: Floats | None, pipeline: Any, recipe: Recipe) -> dict[str, Floats]:
    """Keyword arguments of `pipeline.fit`. `Refusal` MLS707 when the estimator takes no weights."""
    from sklearn.utils.validation import has_fit_parameter

    if weights is None:
        return {}
    if not has_fit_parameter(pipeline[-1], "sample_weight"):
        raise Refusal(
            "MLS707",
            f"{recipe.estimator} does not take weights: its fit has no `sample_weight`",
            "remove `train.weight`, or take another estimator",
        )
    return {"estimator__sample_weight": weights}
