"""An estimator and its parameters, as validation knows them without scikit-learn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from estimator_told import told

from mlops_spec.link.estimators import known_version

TESTS = Path(__file__).resolve().parents[2]
TREES = "sklearn.ensemble.HistGradientBoostingClassifier"
FOREST = "sklearn.ensemble.RandomForestClassifier"
FUNCTION = "let a function of yours make the estimator, and name that: estimator: module.function"


def test_a_misspelt_parameter_is_answered_with_the_nearest() -> None:
    assert told(TREES, params={"learning_rat": 0.1}) == [
        "error MLS338: HistGradientBoostingClassifier has no parameter 'learning_rat' | "
        "did you mean 'learning_rate'?"
    ]


def test_all_mistakes_are_told_at_once() -> None:
    lines = told(FOREST, params={"n_estimatrs": 5, "max_depth": 0, "max_features": "sqr"})

    assert [line.partition(" | ")[2] for line in lines] == [
        "did you mean 'n_estimators'?",
        "correct it, or leave it out for the default",
        "did you mean 'sqrt'?",
    ]


@pytest.mark.parametrize(
    ("path", "name", "help"),
    [
        (TREES, "n_estimators", "did you mean 'max_iter'?"),
        (TREES, "num_leaves", "did you mean 'max_leaf_nodes'?"),
        (TREES, "reg_lambda", "did you mean 'l2_regularization'?"),
        (FOREST, "num_boost_round", "did you mean 'n_estimators'?"),
        (FOREST, "seed", "write it as `seed` of `train`, beside `params`"),
        (
            "sklearn.naive_bayes.GaussianNB",
            "alpha",
            "`spec explain sklearn.naive_bayes.GaussianNB` lists what there is",
        ),
        (
            TREES,
            "estimator__max_depth",
            f"what is inside of an estimator is not set here; {FUNCTION}",
        ),
    ],
)
def test_a_parameter_of_another_library_is_answered_with_the_name_it_has_here(
    path: str, name: str, help: str
) -> None:
    assert [line.partition(" | ")[2] for line in told(path, params={name: 1})] == [help]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("ten", "is 'ten'; it takes a whole number (at least 1) or null | "
                "correct it, or leave it out for the default"),
        ("10", "is '10'; it takes a whole number (at least 1) or null | write 10, without quotes"),
        ("None", "is 'None'; it takes a whole number (at least 1) or null | "
                 "write null, without quotes"),
        (2.5, "is 2.5; it takes a whole number (at least 1) or null | "
              "correct it, or leave it out for the default"),
        ((4, 5), "is a list; it takes a whole number (at least 1) or null | "
                 "correct it, or leave it out for the default"),
        ({"a": 1}, "is a mapping; it takes a whole number (at least 1) or null | "
                   "correct it, or leave it out for the default"),
    ],
)  # fmt: skip
def test_a_value_is_refused_with_what_the_parameter_takes(value: Any, said: str) -> None:
    assert told(FOREST, params={"max_depth": value}) == [
        f"error MLS338: `max_depth` of RandomForestClassifier {said}"
    ]


@pytest.mark.parametrize("value", [1, 300, None, True])
def test_what_scikit_learn_takes_is_taken(value: Any) -> None:
    assert told(FOREST, params={"max_depth": value}) == []


def test_an_estimator_as_a_value_is_answered_with_a_function() -> None:
    assert told("sklearn.calibration.CalibratedClassifierCV", params={"estimator": FOREST}) == [
        f"error MLS338: `estimator` of CalibratedClassifierCV is '{FOREST}'; it takes null or "
        f"an object of Python's, which no spec can write | {FUNCTION}"
    ]


def test_old_parameters_and_old_values_are_taken_and_not_suggested() -> None:
    path = "sklearn.linear_model.LogisticRegression"

    assert told(path, params={"penalty": "l2"}) == []
    assert told(path, params={"penalty": "deprecated"}) == []
    assert "deprecated" not in told(path, params={"penalty": "l3"})[0]


@pytest.mark.parametrize(
    ("path", "task", "said"),
    [
        ("sklearn.ensemble.RandomForest", "regression",
         "scikit-learn has no estimator 'sklearn.ensemble.RandomForest' | "
         "did you mean 'sklearn.ensemble.RandomForestRegressor'?"),
        ("sklearn.tree.RandomForestClassifier", "multiclass",
         "scikit-learn has no estimator 'sklearn.tree.RandomForestClassifier' | "
         "did you mean 'sklearn.ensemble.RandomForestClassifier'?"),
        ("sklern.svm.SVC", "binary",
         "scikit-learn has no estimator 'sklern.svm.SVC' | did you mean 'sklearn.svm.SVC'?"),
        ("sklearn.svm.svc", "binary",
         "scikit-learn has no estimator 'sklearn.svm.svc' | did you mean 'sklearn.svm.SVC'?"),
        ("sklearn.svm.SVR", "binary",
         "SVR is not a classifier | the task is binary; did you mean 'sklearn.svm.SVC'?"),
        (FOREST, "ranking",
         "RandomForestClassifier is not a regressor | "
         "the task is ranking; did you mean 'sklearn.ensemble.RandomForestRegressor'?"),
        ("sklearn.cluster.KMeans", "binary",
         "KMeans is not a classifier | "
         "the task is binary; take a classifier, such as sklearn.linear_model.LogisticRegression"),
        ("sklearn.svm.LinearSVC", "binary",
         "LinearSVC gives no probabilities | take another, such as "
         f"sklearn.linear_model.LogisticRegression; to wrap it, {FUNCTION}"),
        ("sklearn.svm.SVC", "multiclass",
         "SVC gives no probabilities | write probability: true in `params`"),
        ("sklearn.linear_model.SGDClassifier", "binary",
         "SGDClassifier gives no probabilities | "
         "write loss: 'log_loss' or 'modified_huber' in `params`"),
        ("sklearn.pipeline.Pipeline", "binary",
         f"Pipeline cannot be made without `steps` | {FUNCTION}"),
        ("sklearn.model_selection.GridSearchCV", "binary",
         f"GridSearchCV cannot be made without `estimator` and `param_grid` | {FUNCTION}"),
    ],
)  # fmt: skip
def test_an_estimator_that_cannot_do_it_is_told(path: str, task: str, said: str) -> None:
    assert told(path, task) == [f"error MLS337: {said}"]


@pytest.mark.parametrize(
    ("path", "params", "codes"),
    [
        ("sklearn.svm.SVC", {"probability": True}, []),
        ("sklearn.svm.SVC", {"probability": False}, ["MLS337"]),
        ("sklearn.svm.SVC", {"probability": "yes"}, ["MLS338"]),
        ("sklearn.svm.SVC", {"probabilty": True}, ["MLS338"]),
        ("sklearn.linear_model.SGDClassifier", {"loss": "log_loss"}, []),
        ("sklearn.linear_model.SGDClassifier", {"loss": "hinge"}, ["MLS337"]),
        ("sklearn.linear_model.SGDClassifier", {"loss": "log_los"}, ["MLS338"]),
    ],
)
def test_probabilities_that_hang_on_a_parameter_are_one_mistake_at_most(
    path: str, params: dict[str, Any], codes: list[str]
) -> None:
    assert [line[6:12] for line in told(path, params=params)] == codes


def test_parameters_of_a_misnamed_estimator_are_those_of_the_one_that_was_meant() -> None:
    lines = told("sklearn.ensemble.RandomForest", params={"n_estimators": 5, "max_dept": 4})

    assert lines == [
        "error MLS337: scikit-learn has no estimator 'sklearn.ensemble.RandomForest' | "
        "did you mean 'sklearn.ensemble.RandomForestClassifier'?",
        "error MLS338: RandomForestClassifier has no parameter 'max_dept' | "
        "did you mean 'max_depth'?",
    ]


def test_parameters_that_one_of_the_two_takes_are_not_told() -> None:
    path = "sklearn.linear_model.LinearRegression"

    assert len(told(path, params={"C": 0.5, "positive": True})) == 1


@pytest.mark.parametrize(
    "path",
    [
        "xgboost.XGBClassifier", "lightgbm.LGBMClassifier", "own.models.Forest",
        "sklearn.ensemble._forest.RandomForestClassifier", "sklearn.pipeline.make_pipeline",
        "sklearnex.ensemble.RandomForestClassifier",
        "sklearnx.models.Mine",
    ],
)  # fmt: skip
def test_nothing_is_said_of_what_is_not_known(path: str) -> None:
    assert told(path, params={"anything": 1}) == []


def test_categories_that_columns_decide_are_left_to_their_own_rule() -> None:
    assert told(TREES, params={"categorical_features": 5}) == []


@pytest.mark.parametrize(
    ("there", "here"), [("1.6.1", "1.6.1 is installed"), (None, "none is installed")]
)
def test_beside_another_scikit_learn_a_mistake_is_a_warning(there: str | None, here: str) -> None:
    assert told(FOREST, params={"max_dept": 4}, there=there) == [
        "warning MLS339: RandomForestClassifier has no parameter 'max_dept': so it is in "
        f"scikit-learn {known_version()}; here {here} | did you mean 'max_depth'?; "
        "what is installed where the flows run decides, before it reads data"
    ]


def test_a_patch_of_the_same_scikit_learn_makes_no_difference() -> None:
    patched = f"{known_version().rpartition('.')[0]}.97"

    assert told(FOREST, params={"max_dept": 4}, there=patched)[0].startswith("error MLS338")


def test_a_hostile_spec_is_answered_briefly() -> None:
    many = {f"learning_rat{number}": 1 for number in range(5000)}

    assert len(told(TREES, params=many)) == 100
    assert len(told("sklearn.ensemble." + "RandomForest" * 50_000)[0]) < 200
    assert all(
        len(line) < 400 for line in told(TREES, params={"l" * 900_000: 1, "loss": "x" * 900_000})
    )


def test_validation_imports_no_estimator() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(TESTS)!r}); from estimator_told import told; "
        f"told({TREES!r}, params={{'learning_rat': 1}}); "
        "print(sorted({'sklearn', 'numpy', 'pandas', 'scipy'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
