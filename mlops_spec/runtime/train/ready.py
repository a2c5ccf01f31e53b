"""Before a row is read: whether there is an estimator at all, and parameters that it takes.

Validation says so of scikit-learn's own (docs/adr/0072); here it is asked itself, in the version
that fits, as are other libraries and functions of the user's.
"""

from __future__ import annotations

from mlops_spec.runtime.context import Context, Output
from mlops_spec.runtime.data import checks
from mlops_spec.runtime.data import snapshot as rows
from mlops_spec.runtime.declare import Dataset, Recipe
from mlops_spec.runtime.refusal import Refusal


def snapshot(context: Context, dataset: Dataset, recipe: Recipe) -> Output:
    """Step `snapshot`, of rows that something can learn from."""
    return rows.snapshot(context, dataset, lambda: require_estimator(context, recipe))


def check(context: Context, dataset: Dataset, recipe: Recipe, data: str) -> Output:
    """Step `check`; the first that is done again when parameters have changed and rows have not."""
    return checks.check(context, dataset, recipe, data, lambda: require_estimator(context, recipe))


def require_estimator(context: Context, recipe: Recipe) -> None:
    """`Refusal` MLS707 at its line of the spec, where the estimator cannot be made."""
    from mlops_spec.runtime.train.pipeline import estimator_of

    try:
        estimator_of(recipe)
    except Refusal as refusal:
        owner = refusal.field or ("train", "estimator")
        refusal.field = ("model", context.model, *owner)
        raise
