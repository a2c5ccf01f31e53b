"""Fitting: any estimator by its dotted path; a model is loaded only when it is vouched for."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from learning import COLUMNS, DATASET, FACETS, RECIPE, context, put, rows, trained

from mlops_spec.runtime.declare import Column
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.train.evaluation import heldout_answers, heldout_rows
from mlops_spec.runtime.train.fitted import load_pipeline
from mlops_spec.runtime.train.pipeline import estimator_of
from mlops_spec.terms.metrics import METRICS

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def numeric_label():
    columns = tuple(c for c in COLUMNS if c.name != "καθυστέρηση")
    return replace(DATASET, columns=(*columns, Column("delay", "float")), label="delay")


def delays(frame):
    noise = np.random.default_rng(1).normal(size=len(frame))
    return frame.drop(columns="καθυστέρηση").assign(delay=frame["ώρα"] * 2.0 + noise)


def worded(values):
    columns = tuple(Column(c.name, "category") if c.name == "καθυστέρηση" else c for c in COLUMNS)
    random = np.random.default_rng(2)
    frame = rows()
    known = np.array(values)
    place = np.where(frame["ώρα"] > 12, 0, random.integers(0, len(values), len(frame)))
    return replace(DATASET, columns=columns), frame.assign(καθυστέρηση=known[place])


ESTIMATORS = [
    "sklearn.linear_model.LogisticRegression",
    "sklearn.ensemble.HistGradientBoostingClassifier",
    "sklearn.ensemble.RandomForestClassifier",
    "sklearn.naive_bayes.GaussianNB",
]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_any_classifier_learns_the_rows_with_gaps_and_greek_names(tmp_path, estimator):
    put(tmp_path, rows())
    place = context(tmp_path)
    run = trained(place, recipe=replace(RECIPE, estimator=estimator))
    found = place.journal.steps(place.model, step="evaluate", run=run)[0].output
    assert found["metrics"]["roc_auc"]["value"] > 0.7
    assert found["portable"]["kind"] in ("onnx", "sklearn")


def test_a_regression_is_trained_and_judged(tmp_path):
    put(tmp_path, delays(rows()))
    place = context(tmp_path)
    recipe = replace(
        RECIPE, task="regression", estimator="sklearn.ensemble.HistGradientBoostingRegressor"
    )
    run = trained(place, numeric_label(), recipe)
    found = place.journal.steps(place.model, step="evaluate", run=run)[0].output["metrics"]
    assert sorted(found) == sorted(n for n, m in METRICS.items() if "regression" in m.tasks)
    assert found["r2"]["value"] > 0.9


def test_several_classes_in_words_are_trained_and_judged(tmp_path):
    dataset, frame = worded(["early", "late", "ακυρώθηκε"])
    put(tmp_path, frame)
    place = context(tmp_path)
    run = trained(place, dataset, replace(RECIPE, task="multiclass"))
    answers = heldout_answers(place, run)
    assert set(answers["decision"]) <= {"early", "late", "ακυρώθηκε"}
    np.testing.assert_allclose(answers.filter(like="score_").sum(axis=1), 1.0)
    np.testing.assert_allclose(answers["score"], answers.filter(like="score_").max(axis=1))


def test_positive_names_the_class_whose_probability_is_the_score(tmp_path):
    dataset, frame = worded(["early", "late"])
    put(tmp_path, frame)
    place = context(tmp_path)
    run = trained(place, dataset, replace(RECIPE, positive="early"))
    answers = heldout_answers(place, run)
    assert ((answers["score"] > 0.5) == (answers["decision"] == "early")).all()


def test_a_positive_that_no_row_has_is_refused(tmp_path):
    dataset, frame = worded(["early", "late"])
    put(tmp_path, frame)
    with pytest.raises(Refusal) as caught:
        trained(context(tmp_path), dataset, replace(RECIPE, positive="never"))
    assert caught.value.message == "`positive` is 'never', the label's values are 'early', 'late'"


def test_a_binary_model_refuses_a_third_label(tmp_path):
    dataset, frame = worded(["early", "late", "never"])
    put(tmp_path, frame)
    with pytest.raises(Refusal, match=r"the label has 3 values .* a binary model takes two"):
        trained(context(tmp_path), dataset)


WRONG = {
    "sklearn.linear_model.LogisticRegresion": (
        "sklearn.linear_model has no 'LogisticRegresion'", "did you mean 'LogisticRegression'?",
    ),
    "sklearn.linear_modle.LogisticRegression": (
        "cannot import 'sklearn.linear_modle': No module named 'sklearn.linear_modle'",
        "did you mean 'linear_model'?",
    ),
    "nowhere.Model": (
        "cannot import 'nowhere': No module named 'nowhere'",
        "install the package that has 'nowhere' where the flows run",
    ),
    "sklearn.metrics.accuracy_score": (
        "sklearn.metrics.accuracy_score is not a scikit-learn estimator",
        "name a class with fit and get_params, such as sklearn.linear_model.LogisticRegression",
    ),
    "sklearn.linear_model.LinearRegression": (
        "sklearn.linear_model.LinearRegression is not a classifier",
        "the task is binary: take a classifier, such as "
        "sklearn.ensemble.HistGradientBoostingClassifier",
    ),
    "sklearn.svm.LinearSVC": (
        "sklearn.svm.LinearSVC gives no probabilities",
        "wrap it in sklearn.calibration.CalibratedClassifierCV, or take another; "
        "SVC has them with probability: true",
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", WRONG)
def test_what_cannot_be_an_estimator_is_refused_with_a_suggestion(path):
    with pytest.raises(Refusal) as caught:
        estimator_of(replace(RECIPE, estimator=path))
    assert (caught.value.code, (caught.value.message, caught.value.help)) == (
        "MLS707", WRONG[path],
    )  # fmt: skip


def test_an_unknown_parameter_is_answered_with_the_nearest():
    with pytest.raises(Refusal) as caught:
        estimator_of(replace(RECIPE, params={"max_itr": 5}))
    assert (caught.value.message, caught.value.help) == (
        "sklearn.linear_model.LogisticRegression has no parameter 'max_itr'",
        "did you mean 'max_iter'?",
    )


def test_a_parameter_with_a_senseless_value_is_refused_when_fitting(tmp_path):
    put(tmp_path, rows())
    with pytest.raises(Refusal, match="max_iter") as caught:
        trained(context(tmp_path), recipe=replace(RECIPE, params={"max_iter": -5}))
    assert caught.value.code == "MLS707"


def test_the_seed_reaches_the_estimator_unless_params_say_otherwise():
    assert estimator_of(replace(RECIPE, seed=7)).random_state == 7
    assert estimator_of(replace(RECIPE, seed=7, params={"random_state": 3})).random_state == 3


def test_a_model_that_does_not_converge_says_so(tmp_path):
    put(tmp_path, rows())
    place = context(tmp_path)
    run = trained(place, recipe=replace(RECIPE, params={"max_iter": 1}))
    said = place.journal.done(place.model, "fit", run).output["warnings"]
    assert len(said) == 1
    assert said[0].startswith("ConvergenceWarning: ")


def test_the_loaded_model_answers_as_the_recorded_one(tmp_path):
    put(tmp_path, rows())
    place = context(tmp_path)
    run = trained(place)
    again = load_pipeline(place, run).predict(heldout_rows(place, run))
    np.testing.assert_array_equal(again.scores, heldout_answers(place, run)["score"])


def test_training_twice_gives_the_same_answers(tmp_path):
    answers = []
    for name in ("one", "two"):
        put(tmp_path / name, rows())
        place = context(tmp_path / name)
        answers.append(heldout_answers(place, trained(place)))
    pd.testing.assert_frame_equal(*answers)


def test_a_model_that_somebody_changed_is_never_unpickled(tmp_path):
    put(tmp_path, rows())
    place = context(tmp_path)
    run = trained(place)
    path = place.workspace.run(run) / "model" / "model.joblib"
    path.write_bytes(path.read_bytes() + b"\x00")
    with pytest.raises(Refusal, match=f"model.joblib is not what run {run} wrote"):
        load_pipeline(place, run)


def test_a_run_that_nobody_recorded_is_not_loaded(tmp_path):
    with pytest.raises(Refusal, match="the model of run abc is not in"):
        load_pipeline(context(tmp_path), "abc")


def test_other_parameters_are_another_run(tmp_path):
    put(tmp_path, rows())
    first = trained(context(tmp_path))
    second = trained(context(tmp_path, {**FACETS, "train": "t2"}), recipe=replace(RECIPE, seed=1))
    assert first != second


ESTIMATORS = {
    "raises when imported": (
        "raise RuntimeError('no licence\\nsecond line')",
        "'strange' fails when it is imported: RuntimeError: no licence",
    ),
    "ends the process when imported": (
        "raise SystemExit(3)", "'strange' fails when it is imported: SystemExit: 3",
    ),
    "raises when made": (
        "class Model(Base):\n    def __init__(self): raise KeyError('licence')",
        "strange.Model refuses its parameters: 'licence'",
    ),
    "raises when fitted": (
        "class Model(Base):\n    def fit(self, X, y): raise KeyError('x' * 9999)",
        f"strange.Model cannot be fitted: '{'x' * 299}…",
    ),
    "raises when asked": (
        "class Model(Base):\n    def predict_proba(self, X): raise OSError('no device')",
        "strange.Model cannot predict: no device",
    ),
    "answers nothing": (
        "class Model(Base):\n    def predict_proba(self, X): return [[float('nan')] * 2] * len(X)",
        "strange.Model answers 120 of 120 rows with what is not a finite number",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ESTIMATORS)
def test_an_estimator_that_fails_is_told_in_one_line(case, tmp_path, monkeypatch):
    source, message = ESTIMATORS[case]
    base = "from sklearn.linear_model import LogisticRegression as Base\n"
    (tmp_path / "strange.py").write_text(base + source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "strange", raising=False)
    put(tmp_path, rows())
    with pytest.raises(Refusal) as caught:
        trained(context(tmp_path), recipe=replace(RECIPE, estimator="strange.Model"))
    monkeypatch.delitem(sys.modules, "strange", raising=False)
    assert (caught.value.code, caught.value.message) == ("MLS707", message)
    assert caught.value.help


def test_all_unknown_parameters_are_named_at_once():
    with pytest.raises(Refusal) as caught:
        estimator_of(replace(RECIPE, params={"max_itr": 5, "c": 1}))
    assert caught.value.message.endswith("has no parameter 'max_itr'")
    assert caught.value.details == ("no parameter 'c'; did you mean 'C'?",)
