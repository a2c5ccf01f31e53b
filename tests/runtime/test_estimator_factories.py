"""A function of the user's that makes the estimator, a pipeline of its own for instance."""

from __future__ import annotations

import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from mlops_spec.runtime.declare import Column, Dataset, Parquet, Recipe, Split
from mlops_spec.runtime.portable import export, load
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.train.pipeline import estimator_of, features_of, pipeline_of

RECIPE = Recipe("binary", ("x", "word"), "own.curved", params={"degree": 2}, seed=3)
DATASET = Dataset(
    "churn", Parquet("data/*.parquet"), "id", None, "label",
    (Column("id", "category"), Column("label", "boolean"), Column("x", "float", nullable=True),
     Column("word", "category", nullable=True)), Split("random", 0.2, 0.1),
)  # fmt: skip


def curved(degree: int, random_state: int = 0) -> Pipeline:
    return make_pipeline(PolynomialFeatures(degree), LogisticRegression(random_state=random_state))


def a_number() -> int:
    return 5


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = types.ModuleType("own")
    module.curved, module.a_number = curved, a_number
    monkeypatch.setitem(sys.modules, "own", module)


def test_its_parameters_and_the_seed_reach_it() -> None:
    made = estimator_of(RECIPE)

    assert made[0].degree == 2
    assert made[-1].random_state == 3


def test_its_pipeline_is_served_without_scikit_learn(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.normal(size=400), "word": random.choice(["a", "Ω"], 400)})
    frame.loc[::7, "x"] = np.nan
    features = features_of(frame, DATASET, RECIPE)
    model = pipeline_of(DATASET, RECIPE).fit(features, features["x"].fillna(9) ** 2 > 1)

    report = export(model, features, tmp_path)

    assert (report.kind, report.reason) == ("onnx", "")
    scores = load(tmp_path, report.digest).score({"x": [0.5, None], "word": ["a", "b"]})
    asked = pd.DataFrame({"x": [0.5, np.nan], "word": ["a", "b"]})
    assert scores.score == pytest.approx(model.predict_proba(asked)[:, 1].tolist(), abs=1e-12)


@pytest.mark.parametrize(
    ("estimator", "params", "message"),
    [
        ("own.curved", {}, "own.curved is not a scikit-learn estimator"),
        ("own.curved", {"degree": 2, "depth": 1}, "own.curved has no parameter 'depth'"),
        ("own.a_number", {}, "own.a_number makes int, not a scikit-learn estimator"),
    ],
)
def test_what_makes_no_estimator_is_refused(
    estimator: str, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(Refusal) as caught:
        estimator_of(replace(RECIPE, estimator=estimator, params=params))

    assert (caught.value.code, caught.value.message) == ("MLS707", message)
