"""Rows, and the models that are exported in the tests of the portable form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

NUMBERS = ["distance", "temp"]
CATEGORIES = ["carrier"]


def rows(count: int = 600, seed: int = 0) -> pd.DataFrame:
    """Numbers with and without missing values, a category, a boolean that may be missing."""
    random = np.random.default_rng(seed)
    carrier = random.choice(["UA", "AA", "Ω air", ""], count).astype(object)
    carrier[::11] = np.nan
    temp = random.normal(60, 20, count)
    temp[::7] = np.nan
    rainy = random.choice([True, False], count).astype(object)
    rainy[::13] = np.nan
    return pd.DataFrame(
        {
            "distance": random.gamma(2.0, 500.0, count),
            "temp": temp,
            "carrier": carrier,
            "rainy": rainy,
        }
    )


def as_columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """The rows as a service is given them: missing is None."""
    return {str(c): [None if pd.isna(v) else v for v in frame[c]] for c in frame.columns}


def target(frame: pd.DataFrame) -> Any:
    late = frame.distance / 1000 + (frame.carrier == "UA") + frame.temp.fillna(90) / 100
    return late.to_numpy(), (late > late.median()).to_numpy()


def scaled_and_one_hot() -> ColumnTransformer:
    number = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    category = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(handle_unknown="ignore"),
    )
    return ColumnTransformer(
        [("n", number, NUMBERS), ("c", category, CATEGORIES), ("b", OneHotEncoder(), ["rainy"])]
    )


def as_they_are_and_ordinal() -> ColumnTransformer:
    ordinal = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan
    )
    return ColumnTransformer(
        [("c", ordinal, [*CATEGORIES, "rainy"]), ("n", "passthrough", NUMBERS)]
    )


CLASSIFIERS: dict[str, Any] = {
    "gradient boosting by histograms": make_pipeline(
        as_they_are_and_ordinal(), HistGradientBoostingClassifier(max_iter=30)
    ),
    "the same with native categories": make_pipeline(
        as_they_are_and_ordinal(),
        HistGradientBoostingClassifier(max_iter=30, categorical_features=[0, 1]),
    ),
    "the same on one-hot columns": make_pipeline(
        scaled_and_one_hot().set_params(sparse_threshold=0),
        HistGradientBoostingClassifier(max_iter=30),
    ),
    "a tree of depth 1": make_pipeline(
        as_they_are_and_ordinal(), HistGradientBoostingClassifier(max_iter=1, max_depth=1)
    ),
    "a random forest": make_pipeline(
        scaled_and_one_hot(), RandomForestClassifier(20, random_state=0)
    ),
    "gradient boosting": make_pipeline(
        scaled_and_one_hot(), GradientBoostingClassifier(n_estimators=20)
    ),
    "a logistic regression": make_pipeline(scaled_and_one_hot(), LogisticRegression(max_iter=500)),
}
