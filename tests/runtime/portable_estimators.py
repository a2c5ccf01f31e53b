"""Every classifier and regressor of scikit-learn, made so that it can be fitted on our rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from portable_world import CATEGORIES, NUMBERS, target
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import all_estimators

# What has to be said to some of them before they can be fitted, or give probabilities.
_FAST: dict[str, dict[str, Any]] = {
    "AdaBoostClassifier": {"n_estimators": 10},
    "AdaBoostRegressor": {"n_estimators": 10},
    "CCA": {"n_components": 1},
    "ClassifierChain": {"estimator": LogisticRegression()},
    "ExtraTreesClassifier": {"n_estimators": 10},
    "ExtraTreesRegressor": {"n_estimators": 10},
    "FixedThresholdClassifier": {"estimator": LogisticRegression()},
    "GaussianProcessClassifier": {"max_iter_predict": 5, "optimizer": None},
    "GradientBoostingClassifier": {"n_estimators": 10},
    "GradientBoostingRegressor": {"n_estimators": 10},
    "HistGradientBoostingClassifier": {"max_iter": 10, "categorical_features": [0, 1]},
    "HistGradientBoostingRegressor": {"max_iter": 10, "categorical_features": [0, 1]},
    "IsotonicRegression": {"out_of_bounds": "clip"},
    "LogisticRegressionCV": {"cv": 3, "Cs": 3, "use_legacy_attributes": False, "l1_ratios": (0,)},
    "MLPClassifier": {"hidden_layer_sizes": (8, 4), "max_iter": 2000},
    "MLPRegressor": {"hidden_layer_sizes": (8, 4), "max_iter": 2000},
    "MultiOutputClassifier": {"estimator": LogisticRegression()},
    "MultiOutputRegressor": {"estimator": Ridge()},
    "NuSVC": {"probability": True},
    "OneVsOneClassifier": {"estimator": LogisticRegression()},
    "OneVsRestClassifier": {"estimator": LogisticRegression()},
    "OutputCodeClassifier": {"estimator": LogisticRegression()},
    "PLSCanonical": {"n_components": 1},
    "QuadraticDiscriminantAnalysis": {"reg_param": 0.5},
    "RadiusNeighborsClassifier": {"radius": 100.0},
    "RadiusNeighborsRegressor": {"radius": 100.0},
    "RandomForestClassifier": {"n_estimators": 10},
    "RandomForestRegressor": {"n_estimators": 10},
    "RegressorChain": {"estimator": Ridge()},
    "SGDClassifier": {"loss": "log_loss"},
    "SVC": {"probability": True},
    "SelfTrainingClassifier": {"estimator": LogisticRegression()},
    "StackingClassifier": {
        "estimators": [("a", LogisticRegression()), ("b", DecisionTreeClassifier(max_depth=4))]
    },
    "StackingRegressor": {"estimators": [("a", Ridge()), ("b", DecisionTreeRegressor())]},
    "TransformedTargetRegressor": {
        "regressor": Ridge(), "func": np.log1p, "inverse_func": np.expm1,
    },
    "TunedThresholdClassifierCV": {"estimator": LogisticRegression()},
    "VotingClassifier": {
        "estimators": [("a", LogisticRegression()), ("b", DecisionTreeClassifier(max_depth=4))],
        "voting": "soft", "weights": [2, 1],
    },
    "VotingRegressor": {"estimators": [("a", Ridge()), ("b", DecisionTreeRegressor())]},
}  # fmt: skip


def made(kind: Any) -> Any:
    """The estimator, with the parameters that it needs here and a seed."""
    estimator = kind(**_FAST.get(kind.__name__, {}))
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=0)
    return estimator


def classifiers() -> list[Any]:
    return [kind for _, kind in all_estimators("classifier")]


def regressors() -> list[Any]:
    return [kind for _, kind in all_estimators("regressor")]


def pipeline(kind: Any) -> Pipeline:
    """Imputing, encoding and scaling as the estimator wants them, and the estimator."""
    return make_pipeline(_columns(kind.__name__), made(kind))


def _columns(name: str) -> Any:
    ordinal = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan
    )
    words = [*CATEGORIES, "rainy"]
    match name:
        case "HistGradientBoostingClassifier" | "HistGradientBoostingRegressor":
            return ColumnTransformer([("c", ordinal, words), ("n", "passthrough", NUMBERS)])
        case "IsotonicRegression":
            return ColumnTransformer([("n", SimpleImputer(), NUMBERS[:1])])
        case "CategoricalNB":
            filled = make_pipeline(ordinal, SimpleImputer(strategy="most_frequent"))
            return ColumnTransformer([("c", filled, words)])
        case "MultinomialNB" | "ComplementNB":
            scaler: Any = MinMaxScaler(clip=True)
        case _:
            scaler = StandardScaler()
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer(
        [("c", one_hot, words), ("n", make_pipeline(SimpleImputer(), scaler), NUMBERS)]
    )


Label = Callable[[pd.DataFrame], Any]


def late(frame: pd.DataFrame) -> Any:
    return target(frame)[1]


def class_of_three(frame: pd.DataFrame) -> Any:
    minutes, _ = target(frame)
    noise = np.random.default_rng(5).normal(0, 0.3, len(frame))
    return np.array(["early", "on time", "late"], dtype=object)[
        np.digitize(minutes + noise, [1.0, 1.8])
    ]


def minutes(frame: pd.DataFrame) -> Any:
    return target(frame)[0] + np.random.default_rng(5).normal(0, 0.1, len(frame)) ** 2
