"""Exported models answer what scikit-learn answers, or say that they are scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from portable_world import (
    CLASSIFIERS,
    NUMBERS,
    as_columns,
    rows,
    scaled_and_one_hot,
    target,
)
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OrdinalEncoder,
    StandardScaler,
)

from mlops_spec.runtime.portable import export, load
from mlops_spec.runtime.portable.sklearn_scorer import SklearnScorer

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|google).*")


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_binary_model_answers_what_scikit_learn_answers(name: str, tmp_path: Path) -> None:
    train, held_out = rows(), rows(500, seed=1)
    model = CLASSIFIERS[name].fit(train, target(train)[1])

    report = export(model, held_out, tmp_path)

    assert (report.kind, report.reason) == ("onnx", "")
    fresh = rows(300, seed=2)
    scores = load(tmp_path, report.digest).score(as_columns(fresh))
    assert np.allclose(scores.score, model.predict_proba(fresh)[:, 1], atol=1e-5)
    assert scores.decision == model.predict(fresh).tolist()


def test_one_row_at_a_time_gives_what_many_rows_give(tmp_path: Path) -> None:
    train = rows()
    model = CLASSIFIERS["gradient boosting by histograms"].fit(train, target(train)[1])
    scorer = load(tmp_path, export(model, rows(200, 1), tmp_path).digest)
    columns = as_columns(rows(50, seed=3))

    singles = [
        scorer.score({name: [values[at]] for name, values in columns.items()}) for at in range(50)
    ]

    assert [single.score[0] for single in singles] == pytest.approx(
        scorer.score(columns).score, abs=1e-14
    )


def test_an_unknown_category_is_scored_as_scikit_learn_scores_it(tmp_path: Path) -> None:
    train = rows()
    model = CLASSIFIERS["gradient boosting by histograms"].fit(train, target(train)[1])
    scorer = load(tmp_path, export(model, rows(200, 1), tmp_path).digest)
    row = {"distance": [900.0], "temp": [None], "carrier": ["never seen"], "rainy": [True]}

    expected = model.predict_proba(pd.DataFrame(row).astype({"temp": float}))[0, 1]

    assert scorer.score(row).score == pytest.approx([expected], abs=1e-12)


def test_double_precision_keeps_values_beside_a_split_apart(tmp_path: Path) -> None:
    values = 16777216.0 + np.arange(0.0, 1.0, 0.001)  # float32 sees one or two of these
    frame = pd.DataFrame({"x": values})
    labels = values > 16777216.5
    model = make_pipeline(FunctionTransformer(), HistGradientBoostingClassifier(max_iter=5)).fit(
        frame, labels
    )

    report = export(model, frame, tmp_path)

    assert report.parity is not None
    assert report.parity.max_difference < 1e-12
    assert report.parity.changed_decisions == 0


@pytest.mark.parametrize(
    "estimator",
    [HistGradientBoostingClassifier(max_iter=10), RandomForestClassifier(10, random_state=0)],
    ids=lambda estimator: type(estimator).__name__,
)
def test_a_multiclass_model_gives_every_probability(estimator: Any, tmp_path: Path) -> None:
    train = rows()
    labels = pd.qcut(target(train)[0], 3, labels=["early", "on time", "late"]).astype(str)
    model = make_pipeline(scaled_and_one_hot().set_params(sparse_threshold=0), estimator).fit(
        train, labels
    )
    report = export(model, rows(300, 1), tmp_path)
    fresh = rows(100, seed=2)

    scores = load(tmp_path, report.digest).score(as_columns(fresh))

    assert report.kind == "onnx"
    assert scores.decision == model.predict(fresh).tolist()
    assert np.allclose(scores.probabilities, model.predict_proba(fresh), atol=1e-6)


@pytest.mark.parametrize(
    "estimator",
    [
        HistGradientBoostingRegressor(max_iter=20),
        HistGradientBoostingRegressor(max_iter=20, loss="poisson"),
        HistGradientBoostingRegressor(max_iter=20, loss="absolute_error"),
        Ridge(),
    ],
    ids=["squared error", "poisson", "absolute error", "ridge"],
)
def test_a_regression_gives_the_same_numbers(estimator: Any, tmp_path: Path) -> None:
    train = rows()
    model = make_pipeline(scaled_and_one_hot().set_params(sparse_threshold=0), estimator).fit(
        train, target(train)[0]
    )
    report = export(model, rows(300, 1), tmp_path)
    fresh = rows(100, seed=2)

    scores = load(tmp_path, report.digest).score(as_columns(fresh))

    assert report.kind == "onnx"
    assert np.allclose(scores.score, model.predict(fresh), rtol=1e-5)
    assert scores.decision == scores.score


def test_a_model_of_another_positive_class_scores_that_class(tmp_path: Path) -> None:
    train = rows()
    labels = np.where(target(train)[1], "late", "on time")
    model = CLASSIFIERS["a random forest"].fit(train, labels)
    report = export(model, rows(200, 1), tmp_path, positive="late")
    fresh = rows(100, seed=2)

    scores = load(tmp_path, report.digest).score(as_columns(fresh))

    assert np.allclose(scores.score, model.predict_proba(fresh)[:, 0], atol=1e-6)
    assert scores.decision == model.predict(fresh).tolist()


def test_a_step_that_nobody_knows_falls_back_and_says_so(tmp_path: Path) -> None:
    train = rows()[NUMBERS].fillna(0.0)
    labels = train.distance > 800
    model = make_pipeline(
        StandardScaler(), FunctionTransformer(np.sinh), LogisticRegression(max_iter=5000)
    ).fit(train, labels)

    report = export(model, train, tmp_path)

    assert (report.kind, report.files) == ("sklearn", ("model.joblib", "manifest.json"))
    assert "the function sinh" in report.reason
    scorer = load(tmp_path, report.digest)
    assert isinstance(scorer, SklearnScorer)
    assert scorer.score(as_columns(train[:20])).score == pytest.approx(
        model.predict_proba(train[:20])[:, 1].tolist()
    )


def test_the_fallback_scores_categories_and_missing_values(tmp_path: Path) -> None:
    train = rows()
    model = make_pipeline(
        scaled_and_one_hot().set_params(sparse_threshold=0), FunctionTransformer(np.sinh), Ridge()
    ).fit(train, target(train)[0])
    report = export(model, rows(100, 1), tmp_path)
    fresh = rows(40, seed=2)

    assert report.kind == "sklearn"
    assert load(tmp_path, report.digest).score(as_columns(fresh)).score == pytest.approx(
        model.predict(fresh).tolist()
    )


def test_a_column_of_many_categories_is_scored_as_in_scikit_learn(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    words = [f"Ω{number:03}" for number in range(150)]
    frame = pd.DataFrame({"n": random.normal(size=4000), "word": random.choice(words, 4000)})
    frame["word"] = frame["word"].astype(object).where(random.random(4000) > 0.1, None)
    ordinal = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan
    )
    boosting = HistGradientBoostingClassifier(max_iter=20, categorical_features=[0])
    columns = ColumnTransformer([("w", ordinal, ["word"]), ("n", "passthrough", ["n"])])
    odd = frame["word"].map(lambda word: word is not None and int(word[1:]) % 3 == 1)
    model = make_pipeline(columns, boosting).fit(frame, odd ^ (frame.n > 1))

    report = export(model, frame[:1500], tmp_path)

    assert (report.kind, report.reason) == ("onnx", "")
    assert report.parity is not None
    assert report.parity.max_difference < 1e-14
    asked = {"n": [0.0, 0.0, 2.0], "word": ["Ω149", None, "never seen"]}
    wanted = model.predict_proba(pd.DataFrame(asked))[:, 1].tolist()
    assert load(tmp_path, report.digest).score(asked).score == pytest.approx(wanted, abs=1e-14)
