"""Pipelines of other steps than our own: what each of them computes is in the portable form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from portable_estimators import class_of_three, late, minutes
from portable_world import CATEGORIES, NUMBERS, as_columns, rows
from sklearn import preprocessing as prep
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.ensemble import BaggingClassifier, HistGradientBoostingClassifier
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import DotProduct, Matern, RationalQuadratic, WhiteKernel
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline, make_union
from sklearn.random_projection import GaussianRandomProjection
from sklearn.svm import SVC, LinearSVC
from threadpoolctl import threadpool_limits

from mlops_spec.runtime.portable import export, load
from mlops_spec.runtime.portable.sklearn_scorer import answers_of

pytestmark = pytest.mark.filterwarnings("ignore::Warning:(sklearn|scipy|onnx|google).*")

WORDS = [*CATEGORIES, "rainy"]
TARGETED = prep.TargetEncoder(random_state=0, cv=2)


def columns(*numbers: Any, words: Any = None) -> Any:
    """A ColumnTransformer: these steps on imputed numbers, an encoder on words."""
    encoder = words or prep.OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer(
        [("n", make_pipeline(SimpleImputer(), *numbers), NUMBERS), ("w", encoder, WORDS)]
    )


STEPS: dict[str, Any] = {
    "no step": columns(),
    "standardised": columns(prep.StandardScaler()),
    "centred only": columns(prep.StandardScaler(with_std=False)),
    "robust": columns(prep.RobustScaler()),
    "to a range, cut": columns(prep.MinMaxScaler(clip=True)),
    "by the largest": columns(prep.MaxAbsScaler()),
    "polynomial": columns(prep.StandardScaler(), prep.PolynomialFeatures(3)),
    "interactions": columns(prep.PolynomialFeatures(interaction_only=True, include_bias=False)),
    "numbered bins": columns(prep.KBinsDiscretizer(4, encode="ordinal", quantile_method="linear")),
    "bins as columns": columns(
        prep.KBinsDiscretizer(5, encode="onehot-dense", strategy="uniform")
    ),
    "Yeo-Johnson": columns(prep.PowerTransformer()),
    "Box-Cox": columns(prep.MinMaxScaler((1, 2), clip=True), prep.PowerTransformer("box-cox")),
    "quantiles": columns(prep.QuantileTransformer(n_quantiles=50)),
    "equal quantiles": columns(
        prep.KBinsDiscretizer(3, encode="ordinal", quantile_method="linear"),
        prep.QuantileTransformer(n_quantiles=50),
    ),
    "above a threshold": columns(prep.Binarizer(threshold=50.0)),
    "each row to length 1": columns(prep.Normalizer()),
    "principal components": columns(prep.StandardScaler(), PCA(whiten=True)),
    "components in batches": columns(IncrementalPCA(2)),
    "a function of numpy": columns(prep.FunctionTransformer(np.square), prep.StandardScaler()),
    "target encoded": columns(words=TARGETED),
    "ordinal": columns(
        words=prep.OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
        )
    ),
    "few categories": columns(
        words=prep.OneHotEncoder(
            handle_unknown="infrequent_if_exist", max_categories=3, drop="first"
        )
    ),
    "a choice of columns": make_pipeline(columns(), VarianceThreshold(), SelectKBest(k=3)),
    "components of everything": make_pipeline(columns(prep.StandardScaler()), PCA(4)),
    "singular values": make_pipeline(columns(prep.StandardScaler()), TruncatedSVD(3)),
    "random projections": make_pipeline(
        columns(prep.StandardScaler()), GaussianRandomProjection(3, random_state=0)
    ),
    "a union": ColumnTransformer(
        [
            ("n", make_union(SimpleImputer(), MissingIndicator(features="all")), NUMBERS),
            ("w", prep.OneHotEncoder(handle_unknown="ignore", sparse_output=False), WORDS),
        ]
    ),
    "an indicator of the missing": columns().set_params(n__simpleimputer__add_indicator=True),
    "weights": columns(prep.StandardScaler()).set_params(transformer_weights={"n": 2.0}),
    "the rest as it is": ColumnTransformer(
        [("w", prep.OneHotEncoder(handle_unknown="ignore", sparse_output=False), WORDS),
         ("temp", SimpleImputer(), ["temp"])],
        remainder="passthrough",
    ),
}  # fmt: skip


def agrees(model: Any, tmp_path: Path) -> None:
    report = export(model, rows(150, seed=1), tmp_path)
    assert (report.kind, report.reason) == ("onnx", "")
    fresh = rows(120, seed=2)
    fresh.loc[::9, "carrier"] = "never seen"
    batch = load(tmp_path, report.digest).score_batch(as_columns(fresh))
    wanted = answers_of(model, fresh)
    if batch.probabilities is None:
        assert np.allclose(batch.score, wanted[:, -1], rtol=1e-9, atol=1e-9)
    else:
        assert np.allclose(batch.probabilities, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_part_of_the_portable_form(name: str, tmp_path: Path) -> None:
    train = rows(400)
    agrees(make_pipeline(STEPS[name], LogisticRegression()).fit(train, late(train)), tmp_path)


ESTIMATORS: dict[str, tuple[Any, Any]] = {
    "a pipeline of a user": (
        make_pipeline(prep.PolynomialFeatures(), prep.StandardScaler(), LogisticRegression()), late,
    ),
    "a search": (GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2), late),
    "a search of pipelines": (
        GridSearchCV(make_pipeline(PCA(3), Ridge()), {"ridge__alpha": [0.1, 1.0]}, cv=2), minutes,
    ),
    "calibrated support vectors": (CalibratedClassifierCV(SVC(), cv=2), late),
    "calibrated support vectors of three classes": (
        CalibratedClassifierCV(SVC(kernel="poly"), cv=2), class_of_three,
    ),
    "calibrated by steps": (CalibratedClassifierCV(LinearSVC(), method="isotonic", cv=2), late),
    "calibrated probabilities": (
        CalibratedClassifierCV(GaussianNB(), cv=2), class_of_three,
    ),
    "neighbours by city blocks": (
        KNeighborsClassifier(4, metric="manhattan", weights="distance"), class_of_three,
    ),
    "neighbours by city blocks in a tree": (
        KNeighborsRegressor(4, p=1, algorithm="ball_tree"), minutes,
    ),
    "bagged pipelines": (
        BaggingClassifier(make_pipeline(prep.StandardScaler(), LogisticRegression()), 5,
                          max_features=0.7, random_state=0), class_of_three,
    ),
    "bagged boosting": (
        BaggingClassifier(HistGradientBoostingClassifier(max_iter=5), 3, random_state=0), late,
    ),
    "boosting with its own encoding": (
        BaggingClassifier(HistGradientBoostingClassifier(max_iter=5, categorical_features=[2]), 2,
                          random_state=0), late,
    ),
    "a process with a kernel of kernels": (
        GaussianProcessRegressor(
            1.5 * Matern(nu=2.5) + RationalQuadratic() * DotProduct() + WhiteKernel(),
            optimizer=None, normalize_y=True,
        ), minutes,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_made_of_others_has_a_portable_form(name: str, tmp_path: Path) -> None:
    estimator, label = ESTIMATORS[name]
    train = rows(300)
    with threadpool_limits(1):
        model = make_pipeline(columns(prep.StandardScaler()), estimator).fit(train, label(train))
        agrees(model, tmp_path)
