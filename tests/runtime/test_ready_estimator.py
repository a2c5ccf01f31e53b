"""An estimator that cannot be made is told before a row is read."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from learning import DATASET, RECIPE, context, put, rows
from lightgbm import LGBMClassifier
from lightgbm.basic import _ConfigAliases
from xgboost import XGBClassifier

from mlops_spec.runtime.declare import Recipe
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.train import steps
from mlops_spec.runtime.train.parameters import parameters_of
from mlops_spec.runtime.train.pipeline import estimator_of

OWN = """\
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression


class Own(LogisticRegression):
    def __init__(self, depth=3, C=1.0):
        super().__init__(C=C)
        self.depth = depth


class Forgets(LogisticRegression):
    def __init__(self, depth=3):
        super().__init__()


class Fits(LogisticRegression):
    def __init__(self, C="strong"):
        super().__init__(C=C)

    def fit(self, X, y):
        return LogisticRegression(C={"strong": 0.1, "weak": 10.0}[self.C]).fit(X, y)


class Bare(ClassifierMixin, BaseEstimator):
    def fit(self, X, y): return self
    def predict_proba(self, X): ...


def made(rate):
    return LogisticRegression(C=rate)


class Open(LogisticRegression):
    def __init__(self, depth=3, **others):
        super().__init__(**others)
        self.depth = depth

    def get_params(self, deep=True):
        return {"depth": self.depth}
"""


@pytest.fixture(autouse=True)
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "forests.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "forests", raising=False)


def refused(root: Path, recipe: Recipe) -> Refusal:
    """By the first step, where there is no data at all to be read."""
    place = context(root)
    (root / "data").mkdir()
    (root / "data" / "rows.parquet").write_bytes(b"no parquet: reading it would be told")
    with pytest.raises(Refusal) as caught:
        steps.snapshot(place, DATASET, recipe)
    assert [(s.step, s.status) for s in place.journal.steps(place.model)] == [
        ("snapshot", "failed")
    ]
    return caught.value


CASES: dict[str, tuple[str, dict[str, Any], str, str, tuple[str, ...]]] = {
    "a misspelt parameter of scikit-learn's": (
        "sklearn.linear_model.LogisticRegression", {"max_itr": 5},
        "sklearn.linear_model.LogisticRegression has no parameter 'max_itr'",
        "did you mean 'max_iter'?", ("train", "params", "max_itr"),
    ),
    "a misspelt parameter of the user's class": (
        "forests.Own", {"dept": 5},
        "forests.Own has no parameter 'dept'", "did you mean 'depth'?", ("train", "params", "dept"),
    ),
    "a misspelt parameter of the user's function": (
        "forests.made", {"rate": 1.0, "rat": 5},
        "forests.made has no parameter 'rat'", "did you mean 'rate'?", ("train", "params", "rat"),
    ),
    "a slip in a parameter of a class that takes any": (
        "lightgbm.LGBMClassifier", {"num_leaves": 5, "learning_rat": 5},
        "lightgbm.LGBMClassifier has no parameter 'learning_rat'",
        "did you mean 'learning_rate'?", ("train", "params", "learning_rat"),
    ),
    "a slip in a parameter of the class below it": (
        "xgboost.XGBClassifier", {"eta": 0.1, "max_detph": 5},
        "xgboost.XGBClassifier has no parameter 'max_detph'",
        "did you mean 'max_depth'?", ("train", "params", "max_detph"),
    ),
    "a value that scikit-learn refuses": (
        "sklearn.linear_model.LogisticRegression", {"tol": 0.1, "C": -1.0},
        "sklearn.linear_model.LogisticRegression refuses its parameters: The 'C' parameter of "
        "LogisticRegression must be a float in the range (0.0, inf]. Got -1.0 instead.",
        "look at `train.params`", ("train", "params", "C"),
    ),
    "a value inside of what the user's function makes": (
        "forests.made", {"rate": -1.0},
        "forests.made refuses its parameters: The 'C' parameter of "
        "LogisticRegression must be a float in the range (0.0, inf]. Got -1.0 instead.",
        "look at `train.params`", ("train", "params"),
    ),
    "a value that a subclass gives on": (
        "forests.Own", {"C": -1.0},
        "forests.Own refuses its parameters: The 'C' parameter of "
        "Own must be a float in the range (0.0, inf]. Got -1.0 instead.",
        "look at `train.params`", ("train", "params", "C"),
    ),
    "a subclass that forgets a parameter": (
        "forests.Forgets", {},
        "forests.Forgets refuses its parameters: 'Forgets' object has no attribute 'depth'",
        "look at `train.params`", ("train", "params"),
    ),
    "a module that is not there": (
        "forest.Own", {},
        "cannot import 'forest': No module named 'forest'",
        "install the package that has 'forest' where the flows run", (),
    ),
    "an estimator that needs another": (
        "sklearn.semi_supervised.SelfTrainingClassifier", {},
        "sklearn.semi_supervised.SelfTrainingClassifier refuses its parameters: The 'estimator' "
        "parameter of SelfTrainingClassifier must be an object implementing 'fit'. "
        "Got None instead.",
        "look at `train.params`", ("train", "params"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_made_is_refused_at_its_line_before_a_row_is_read(
    case: str, tmp_path: Path
) -> None:
    path, params, message, help, owner = CASES[case]

    refusal = refused(tmp_path, replace(RECIPE, estimator=path, params=params))

    assert (refusal.code, refusal.message, refusal.help) == ("MLS707", message, help)
    assert refusal.field == owner


def test_no_name_that_a_booster_knows_is_taken_for_a_slip() -> None:
    aliases = _ConfigAliases._get_all_param_aliases()
    of_lightgbm = {name for main, others in aliases.items() for name in (main, *others)}
    of_xgboost = {
        "eta", "lambda", "alpha", "gamma", "max_bin", "max_leaves", "seed", "nthread", "silent",
        "sketch_eps", "rate_drop", "one_drop", "skip_drop", "updater", "refresh_leaf", "top_k",
        "process_type", "lambdarank_pair_method", "seed_per_iteration", "feature_selector",
        "sample_type", "normalize_type", "aft_loss_distribution", "disable_default_eval_metric",
    }  # fmt: skip

    assert parameters_of(LGBMClassifier).strange(of_lightgbm) == []
    assert parameters_of(XGBClassifier).strange(of_xgboost) == []


@pytest.mark.parametrize(
    ("path", "params", "seed"),
    [
        ("lightgbm.LGBMClassifier", {}, 7), ("xgboost.XGBClassifier", {"eta": 0.1}, 7),
        ("xgboost.XGBClassifier", {"random_state": 3}, 3),
        ("lightgbm.LGBMClassifier", {"seed": 5}, None),
    ],
)  # fmt: skip
def test_the_seed_reaches_a_booster_too(path: str, params: dict[str, Any], seed: int) -> None:
    made = estimator_of(replace(RECIPE, estimator=path, params=params, seed=7))

    assert made.get_params()["random_state"] == seed


@pytest.mark.parametrize("path", ["forests.Own", "forests.Bare", "forests.Open", "forests.Fits"])
def test_a_class_of_the_users_with_parameters_of_its_own_is_ready(
    path: str, tmp_path: Path
) -> None:
    put(tmp_path, rows())
    recipe = replace(RECIPE, estimator=path, params={})

    assert steps.snapshot(context(tmp_path), DATASET, recipe)["rows"] == len(rows())


def test_parameters_that_changed_after_the_rows_were_read_are_refused_before_they_are_checked(
    tmp_path: Path,
) -> None:
    put(tmp_path, rows())
    place = context(tmp_path)
    data = steps.snapshot(place, DATASET, RECIPE)["data"]

    with pytest.raises(Refusal, match="has no parameter 'max_itr'"):
        steps.check(place, DATASET, replace(RECIPE, params={"max_itr": 5}), data)

    assert place.journal.steps(place.model, step="check")[0].status == "failed"


def test_steps_that_are_done_ask_nothing_again(tmp_path: Path) -> None:
    put(tmp_path, rows())
    place = context(tmp_path)
    data = steps.snapshot(place, DATASET, RECIPE)["data"]
    steps.check(place, DATASET, RECIPE, data)
    gone = replace(RECIPE, estimator="nowhere.Model")

    assert steps.snapshot(place, DATASET, gone)["data"] == data
    assert steps.check(place, DATASET, gone, data)["rows"] > 0


def test_a_flow_that_an_older_version_rendered_takes_its_rows_all_the_same(tmp_path: Path) -> None:
    put(tmp_path, rows())
    assert steps.snapshot(context(tmp_path), DATASET)["rows"] == len(rows())
