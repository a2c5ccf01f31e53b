"""What no held-out row shows: the portable form is right about it, or there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
)

from mlops_spec.runtime.portable import export, load
from mlops_spec.runtime.portable.sklearn_scorer import answers_of

pytestmark = pytest.mark.filterwarnings("ignore::Warning:(sklearn|scipy|onnx|google).*")


class Doubled(TransformerMixin, BaseEstimator):
    """A step of a user's own, which reads -999 as zero."""

    def fit(self, rows: Any, y: Any = None) -> Doubled:
        self.fitted_ = True
        return self

    def transform(self, rows: Any) -> Any:
        numbers = np.asarray(rows, dtype=np.float64)
        return np.where(numbers == -999.0, 0.0, numbers * 2.0)


def without_sentinels(rows: Any) -> Any:
    return np.where(np.asarray(rows) == -999.0, 7.0, rows)


def in_capitals(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.fillna("none").apply(lambda column: column.str.upper())


def frame(count: int, seed: int, whole: bool) -> pd.DataFrame:
    """Rows as they are trained on; held-out ones are `whole` and lie in a narrow range."""
    random = np.random.default_rng(seed)
    size = random.normal(50.0, 1.0 if whole else 20.0, count)
    other = random.normal(10.0, 3.0, count)
    word = random.choice(["red", "blue"] if whole else ["red", "blue", "?"], count).astype(object)
    if not whole:
        size[::7], other[::5] = -999.0, np.nan
    return pd.DataFrame({"size": size, "other": other, "word": word})


def columns(*numbers: Any, words: Any = None) -> Any:
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer(
        [("n", make_pipeline(*numbers), ["size", "other"]),
         ("w", words or one_hot, ["word"])]
    )  # fmt: skip


OTHERS: Any = SimpleImputer(missing_values="?", strategy="most_frequent")
STEPS: dict[str, tuple[Any, str]] = {
    "a function": (columns(FunctionTransformer(without_sentinels), SimpleImputer()), "sklearn"),
    "a cut": (
        make_pipeline(
            columns(SimpleImputer(), StandardScaler()),
            FunctionTransformer(np.clip, kw_args={"a_min": -30, "a_max": 30}),
        ),
        "sklearn",
    ),
    "a class of the user's": (columns(SimpleImputer(), Doubled()), "sklearn"),
    "neighbours of the missing": (columns(StandardScaler(), KNNImputer()), "sklearn"),
    "a number for missing": (
        columns(SimpleImputer(), SimpleImputer(missing_values=-999)), "sklearn",
    ),
    "a word for missing": (
        columns(
            SimpleImputer(), words=make_pipeline(OTHERS, OneHotEncoder(handle_unknown="ignore"))
        ),
        "onnx",
    ),
    "words in capitals": (
        columns(
            SimpleImputer(),
            words=make_pipeline(
                FunctionTransformer(in_capitals),
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            ),
        ),
        "sklearn",
    ),
    "a range that is kept": (columns(SimpleImputer(), MinMaxScaler(clip=True)), "onnx"),
    "a largest value that is kept": (columns(SimpleImputer(), MaxAbsScaler(clip=True)), "onnx"),
    "numbers as categories": (
        columns(SimpleImputer(), OneHotEncoder(handle_unknown="ignore", sparse_output=False)),
        "onnx",
    ),
    "scaled numbers as categories": (
        make_pipeline(
            columns(SimpleImputer(), StandardScaler()),
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        ),
        "onnx",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_values_that_no_held_out_row_has_are_answered_as_scikit_learn_does(
    name: str, tmp_path: Path
) -> None:
    step, kind = STEPS[name]
    train, fresh = frame(400, 0, whole=False), frame(200, 2, whole=False)
    fresh.loc[:3, "size"] = 1e6
    late = (train["size"] + train.other.fillna(0.0) > 60).to_numpy()
    model = make_pipeline(step, LogisticRegression(max_iter=300)).fit(train, late)

    report = export(model, frame(100, 1, whole=True), tmp_path)

    values = {name: fresh[name].tolist() for name in fresh}
    found = load(tmp_path, report.digest).answers(values)
    assert report.kind == kind
    assert np.allclose(found, answers_of(model, fresh), rtol=1e-9, atol=1e-9)


def test_numbers_that_boosting_reads_as_categories_are_known_though_none_is_held_out(
    tmp_path: Path,
) -> None:
    random = np.random.default_rng(0)
    train = pd.DataFrame({"code": random.choice([3.0, 5.0, 8.0], 400)})
    boosting = HistGradientBoostingClassifier(max_iter=5, categorical_features=[0])
    model = make_pipeline(FunctionTransformer(), boosting).fit(train, train.code == 5.0)

    report = export(model, pd.DataFrame({"code": [11.0, 12.0, 13.0]}), tmp_path)

    found = load(tmp_path, report.digest).answers({"code": [3.0, 5.0, 8.0, 4.0]})
    asked = pd.DataFrame({"code": [3.0, 5.0, 8.0, 4.0]})
    assert np.allclose(found, answers_of(model, asked))
