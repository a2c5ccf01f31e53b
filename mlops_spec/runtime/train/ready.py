"""Before a row is read: whether there is an estimator at all, and parameters that it takes.

Validation says so of scikit-learn's own (docs/adr/0072); here it is asked itself, in the version
that fits, as are other libraries and functions of the user's.
"""

from __future__ import annotations

from mlops_spec.runtime.context import Context, Output
from mlops_spec.runtime.data import checks
from mlops_spec.runtime.data import snapshot as rows
from mlops_spec.runtime.declare import Dataset, Recipe


def snapshot(context: Context, dataset: Dataset, recipe: Recipe | None = None) -> Output:
    """Step `snapshot`, of rows that something can learn from.

    A flow that an older version rendered gives no recipe: step `check` is the first to ask.
    """
    if recipe is None:
        return rows.snapshot(context, dataset)
    return rows.snapshot(context, dataset, lambda: require_estimator(recipe))


def check(context: Context, dataset: Dataset, recipe: Recipe, data: str) -> Output:
    """Step `check`; the first that is done again when parameters have changed and rows have not."""
    return checks.check(context, dataset, recipe, data, lambda: require_estimator(recipe))


def require_estimator(recipe: Recipe) -> None:
    """`Refusal` MLS707 where the estimator cannot be made."""
    from mlops_spec.runtime.train.pipeline import estimator_of

    estimator_of(recipe)
