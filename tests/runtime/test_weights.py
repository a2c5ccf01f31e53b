"""Training rows that count more: given to the estimator, or refused with the reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from learning import COLUMNS, DATASET, RECIPE, context, put, rows, trained

from mlops_spec.runtime.declare import Column
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.train.fitted import load_pipeline

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

WEIGHED = replace(DATASET, columns=(*COLUMNS, Column("weight", "float", nullable=True)))
HEAVY = replace(RECIPE, weight="weight")


def fitted(tmp_path, weight, recipe=HEAVY):
    put(tmp_path, rows().assign(weight=weight))
    place = context(tmp_path)
    return load_pipeline(place, trained(place, WEIGHED, recipe)).pipeline[-1]


def test_weights_change_what_is_learnt(tmp_path):
    late = rows()["καθυστέρηση"]
    plain = fitted(tmp_path / "one", 1.0)
    unweighted = fitted(tmp_path / "none", 1.0, RECIPE)
    heavy = fitted(tmp_path / "two", np.where(late, 20.0, 1.0))
    np.testing.assert_allclose(plain.coef_, unweighted.coef_)
    assert heavy.intercept_[0] > plain.intercept_[0] + 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "the weight 'weight' is missing or not finite in 60 of 420 training rows"),
        (-1.0, "the weight 'weight' is negative in 60 of 420 training rows"),
    ],
)
def test_strange_weights_are_refused(tmp_path, value, message):
    weight = np.where(np.arange(600) % 7 == 0, value, 1.0)
    with pytest.raises(Refusal) as caught:
        fitted(tmp_path, weight)
    assert (caught.value.code, caught.value.message) == ("MLS702", message)


def test_weights_that_are_all_zero_are_refused(tmp_path):
    with pytest.raises(Refusal) as caught:
        fitted(tmp_path, 0.0)
    assert caught.value.message == "the weight 'weight' is 0 in all of 420 training rows"


def test_an_estimator_that_takes_no_weights_is_refused(tmp_path):
    neighbours = replace(HEAVY, estimator="sklearn.neighbors.KNeighborsClassifier")
    with pytest.raises(Refusal) as caught:
        fitted(tmp_path, 1.0, neighbours)
    assert (caught.value.code, caught.value.message) == (
        "MLS707",
        "sklearn.neighbors.KNeighborsClassifier does not take weights: its fit has no "
        "`sample_weight`",
    )
