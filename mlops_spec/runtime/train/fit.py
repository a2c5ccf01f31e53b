"""The step `fit`: the pipeline on the training rows. Its key is the run id."""

from __future__ import annotations

import time
import warnings
from typing import Any

import pandas as pd

from mlops_spec.runtime.context import Context, Output
from mlops_spec.runtime.data.checks import read_checked
from mlops_spec.runtime.data.labels import labels_of, target_of
from mlops_spec.runtime.data.split import TRAIN, read_parts
from mlops_spec.runtime.declare import Dataset, Recipe
from mlops_spec.runtime.refusal import Refusal, gist
from mlops_spec.runtime.train.fitted import FittedModel, save
from mlops_spec.runtime.train.overflow import require_scalable
from mlops_spec.runtime.train.pipeline import features_of, pipeline_of, scales_numbers
from mlops_spec.runtime.train.weights import as_arguments, weights_of
from mlops_spec.stats.estimate import Floats
from mlops_spec.terms.keys import run_id


def fit(context: Context, dataset: Dataset, recipe: Recipe, data: str) -> Output:
    """Step `fit`: `run`, `sha256` of the model, `rows`, `seconds`, `warnings`, `trained_until`."""
    run = run_id(data, context.facets)
    return context.step("fit", run, run, lambda _: _fit(context, dataset, recipe, data))


def _fit(context: Context, dataset: Dataset, recipe: Recipe, data: str) -> Output:
    rows = read_checked(context, data)
    labels = labels_of(rows[dataset.label], recipe)
    train = rows[read_parts(context, data) == TRAIN]
    pipeline = pipeline_of(dataset, recipe)
    counting = as_arguments(weights_of(train, recipe), pipeline, recipe)
    started = time.monotonic()
    features, target = features_of(train, dataset, recipe), target_of(train[dataset.label], labels)
    if scales_numbers(pipeline):
        require_scalable(features)
    said = _fitted(pipeline, recipe, features, target, counting)
    seconds = time.monotonic() - started
    run = run_id(data, context.facets)
    model = FittedModel(pipeline, dataset, recipe, labels)
    return {
        "run": run,
        "data": data,
        "estimator": recipe.estimator,
        "sha256": save(model, context.workspace.run(run) / "model"),
        "rows": len(train),
        "seconds": round(seconds, 3),
        "warnings": said,
        "trained_until": train[dataset.time].max().isoformat() if dataset.time else None,
    }


def _fitted(
    pipeline: Any, recipe: Recipe, features: pd.DataFrame, target: Any, counting: dict[str, Floats]
) -> list[str]:
    """Fit, and give back what the estimator warned of (it did not converge, for instance)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            pipeline.fit(features, target, **counting)
        # An estimator may be anybody's: whatever it raises is about it, not about us.
        except Exception as error:
            raise Refusal(
                "MLS707",
                f"{recipe.estimator} cannot be fitted: {gist(error)}",
                "look at `train.params` and at the features",
            ) from error
    return sorted({f"{w.category.__name__}: {str(w.message).splitlines()[0]}" for w in caught})
