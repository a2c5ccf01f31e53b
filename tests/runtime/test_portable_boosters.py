"""Trees of LightGBM and XGBoost are served without either library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from portable_estimators import class_of_three, late, minutes
from portable_world import (
    as_columns,
    as_they_are_and_ordinal,
    rows,
    scaled_and_one_hot,
)
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits
from xgboost import XGBClassifier, XGBRegressor

from mlops_spec.runtime.portable import export, load
from mlops_spec.runtime.portable.sklearn_scorer import answers_of

pytestmark = pytest.mark.filterwarnings(
    "ignore::Warning:(sklearn|lightgbm|xgboost|onnx|google).*",
    "ignore:X does not have valid feature names:UserWarning",
)
LIGHT = {"n_estimators": 30, "verbose": -1, "n_jobs": 1}
EXTREME = {"n_estimators": 30, "n_jobs": 1}


def numbered(frame: pd.DataFrame) -> Any:
    return np.unique(class_of_three(frame), return_inverse=True)[1]


# The estimator, its label, and how far it may be: XGBoost adds up in single precision.
CASES: dict[str, tuple[Any, Any, float]] = {
    "LightGBM": (LGBMClassifier(**LIGHT), late, 1e-12),
    "LightGBM with categories": (
        LGBMClassifier(**LIGHT, categorical_feature=[0, 1], min_data_per_group=5), late, 1e-12,
    ),
    "LightGBM of three classes": (LGBMClassifier(**LIGHT), numbered, 1e-12),
    "LightGBM of minutes": (LGBMRegressor(**LIGHT), minutes, 1e-12),
    "LightGBM of counts": (LGBMRegressor(**LIGHT, objective="poisson"), minutes, 1e-12),
    "LightGBM's forest": (
        LGBMRegressor(**LIGHT, boosting_type="rf", bagging_fraction=0.7, bagging_freq=1), minutes,
        1e-12,
    ),
    "XGBoost": (XGBClassifier(**EXTREME), late, 1e-5),
    "XGBoost of three classes": (XGBClassifier(**EXTREME), numbered, 1e-5),
    "XGBoost of minutes": (XGBRegressor(**EXTREME), minutes, 1e-5),
    "XGBoost of counts": (XGBRegressor(**EXTREME, objective="count:poisson"), minutes, 1e-5),
}  # fmt: skip


# Codes of categories are whole numbers; scaled ones are not, and LightGBM would cut them.
PAIRS = [
    (name, encoded)
    for name in CASES
    for encoded in (as_they_are_and_ordinal, scaled_and_one_hot)
    if not (name == "LightGBM with categories" and encoded is scaled_and_one_hot)
]


@pytest.mark.parametrize(("name", "encoded"), PAIRS)
def test_its_trees_are_in_the_portable_form(name: str, encoded: Any, tmp_path: Path) -> None:
    estimator, label, tolerance = CASES[name]
    columns = encoded().set_params(sparse_threshold=0)
    train = rows(800)
    with threadpool_limits(1):
        model = make_pipeline(columns, estimator).fit(train, label(train))
        report = export(model, rows(300, seed=1), tmp_path)
        fresh = rows(200, seed=2)
        wanted = answers_of(model, fresh)

    assert (report.kind, report.reason) == ("onnx", "")
    batch = load(tmp_path, report.digest).score_batch(as_columns(fresh))
    found = batch.score if batch.probabilities is None else batch.probabilities
    assert np.allclose(found, wanted[:, -1] if found.ndim == 1 else wanted, tolerance, tolerance)


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (LGBMClassifier(**LIGHT, objective="cross_entropy"), "the objective cross_entropy"),
        (LGBMRegressor(**LIGHT, linear_tree=True), "trees with linear leaves"),
        (LGBMRegressor(**LIGHT, zero_as_missing=True), "zero as a missing value"),
        (XGBRegressor(**EXTREME, booster="gblinear"), "the booster gblinear"),
        (XGBRegressor(**EXTREME, objective="reg:logistic"), "the objective reg:logistic"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_written_is_named(estimator: Any, reason: str, tmp_path: Path) -> None:
    train = rows(300)
    model = make_pipeline(scaled_and_one_hot().set_params(sparse_threshold=0), estimator)
    model.fit(train, late(train).astype(float))

    report = export(model, rows(50, seed=1), tmp_path)

    assert (report.kind, report.reason) == ("sklearn", reason)
