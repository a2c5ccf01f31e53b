"""What is known of scikit-learn is what the locked one says of itself."""

from __future__ import annotations

import importlib

import pytest
from estimator_table import TABLE, table_text
from sklearn.base import is_classifier, is_regressor

from mlops_spec.link.estimators import known, suitable

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def test_the_table_of_estimators_is_up_to_date() -> None:
    assert TABLE.read_text(encoding="utf-8") == table_text(), "run `make golden`"


@pytest.mark.parametrize("role", ["classifier", "regressor"])
def test_an_estimator_is_made_and_does_what_its_role_says(role: str) -> None:
    says = {"classifier": is_classifier, "regressor": is_regressor}[role]
    others = []
    for path in suitable(role):
        module, _, name = path.rpartition(".")
        if not says(getattr(importlib.import_module(module), name)()):
            others.append(path)

    assert others == []


def test_a_class_is_known_wherever_it_can_be_imported_from() -> None:
    assert known("sklearn.calibration.LinearSVC") == known("sklearn.svm.LinearSVC") is not None
