"""Every estimator of scikit-learn has a portable form, or stands here with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from portable_estimators import (
    class_of_three,
    classifiers,
    late,
    minutes,
    pipeline,
    regressors,
)
from portable_world import as_columns, rows
from threadpoolctl import threadpool_limits

from mlops_spec.runtime.portable import export, load
from mlops_spec.runtime.portable.sklearn_scorer import answers_of

pytestmark = pytest.mark.filterwarnings("ignore::Warning:(sklearn|scipy|onnx|google).*")

# Those that scikit-learn answers itself: what the report says of them.
FALLBACKS = {
    "GaussianProcessClassifier": "the probabilities of GaussianProcessClassifier: its error "
    "function, which ONNX Runtime has in single precision",
    "RadiusNeighborsClassifier": "the probabilities of RadiusNeighborsClassifier: rows without "
    "neighbours, which it refuses",
}
OF_THREE_CLASSES = {
    "SVC": "probability=True of more than two classes; CalibratedClassifierCV has a form",
}
# Those that cannot be the estimator of a model here.
GIVE_NO_PROBABILITIES = {
    "LinearSVC", "OneVsOneClassifier", "OutputCodeClassifier", "PassiveAggressiveClassifier",
    "Perceptron", "RidgeClassifier", "RidgeClassifierCV",
}  # fmt: skip
WANT_SEVERAL_LABELS = {
    "ClassifierChain", "MultiOutputClassifier", "MultiOutputRegressor", "MultiTaskElasticNet",
    "MultiTaskElasticNetCV", "MultiTaskLasso", "MultiTaskLassoCV", "RegressorChain",
}  # fmt: skip
ONLY_TWO_CLASSES = {"FixedThresholdClassifier", "TunedThresholdClassifierCV"}
UNFIT = {"NuSVC"}  # libsvm ends in infinite numbers on our three classes

CASES = [
    *((kind, late) for kind in classifiers()),
    *((kind, class_of_three) for kind in classifiers() if kind.__name__ not in UNFIT),
    *((kind, minutes) for kind in regressors()),
]


def usable(kind: Any, label: Callable[[pd.DataFrame], Any]) -> bool:
    name = kind.__name__
    if label is class_of_three and name in ONLY_TWO_CLASSES:
        return False
    return name not in GIVE_NO_PROBABILITIES | WANT_SEVERAL_LABELS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "label"),
    [pytest.param(kind, label, id=f"{kind.__name__} of {label.__name__.replace('_', ' ')}")
     for kind, label in CASES if usable(kind, label)],
)  # fmt: skip
def test_an_estimator_answers_as_in_scikit_learn(
    kind: Any, label: Callable[[pd.DataFrame], Any], tmp_path: Path
) -> None:
    train = rows(300)
    with threadpool_limits(1):
        model = pipeline(kind).fit(train, label(train))

        report = export(model, rows(150, seed=1), tmp_path)

    refused = {**FALLBACKS, **OF_THREE_CLASSES} if label is class_of_three else FALLBACKS
    reason = refused.get(kind.__name__, "")
    assert (report.kind, report.reason) == ("sklearn" if reason else "onnx", reason)
    fresh = rows(100, seed=2)
    batch = load(tmp_path, report.digest).score_batch(as_columns(fresh))
    expected = answers_of(model, fresh)
    if batch.probabilities is not None:
        assert np.allclose(batch.probabilities, expected, rtol=1e-9, atol=1e-9)
    else:
        assert np.allclose(batch.score, expected[:, -1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", sorted(GIVE_NO_PROBABILITIES))
def test_these_classifiers_give_no_probabilities(name: str) -> None:
    kind = next(kind for kind in classifiers() if kind.__name__ == name)

    fitted = pipeline(kind).fit(rows(200), late(rows(200)))

    assert not hasattr(fitted, "predict_proba")


@pytest.mark.parametrize("name", sorted(WANT_SEVERAL_LABELS))
def test_these_estimators_want_several_labels_at_once(name: str) -> None:
    kind = next(kind for kind in [*classifiers(), *regressors()] if kind.__name__ == name)
    label = late if kind in classifiers() else minutes

    with pytest.raises((ValueError, IndexError)):
        pipeline(kind).fit(rows(200), label(rows(200)))
