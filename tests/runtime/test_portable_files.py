"""The exported folder: its proof, its digests, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from portable_world import (
    CLASSIFIERS,
    rows,
    target,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    StandardScaler,
)

from mlops_spec.runtime.portable import export, load
from mlops_spec.runtime.portable.export import Parity, meaning_of, parity
from mlops_spec.runtime.refusal import Refusal

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|google).*")


def test_parity_without_a_row_does_not_hold(tmp_path: Path) -> None:
    train = rows()
    model = CLASSIFIERS["a logistic regression"].fit(train, target(train)[1])
    empty = np.empty((0, 2))

    assert parity(empty, empty, meaning_of(model)) == Parity(0, 0.0, 1.0)
    assert not parity(empty, empty, meaning_of(model)).holds


def test_parity_fails_on_a_missing_answer() -> None:
    train = rows()
    model = CLASSIFIERS["a logistic regression"].fit(train, target(train)[1])
    found = np.array([[0.4, 0.6], [np.nan, np.nan]])

    assert not parity(np.array([[0.4, 0.6], [0.9, 0.1]]), found, meaning_of(model)).holds


def exported(tmp_path: Path) -> str:
    train = rows()
    model = CLASSIFIERS["a tree of depth 1"].fit(train, target(train)[1])
    return export(model, rows(100, 1), tmp_path).digest


@pytest.mark.parametrize("name", ["model.onnx", "manifest.json"])
def test_a_file_that_changed_is_refused_before_it_is_read(name: str, tmp_path: Path) -> None:
    digest = exported(tmp_path)
    path = tmp_path / name
    path.write_bytes(path.read_bytes() + b" ")

    with pytest.raises(Refusal, match="not what was released"):
        load(tmp_path, digest)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="cannot be read: No such file"):
        load(tmp_path / "nowhere", "0" * 64)


def test_the_same_model_is_exported_to_the_same_digest(tmp_path: Path) -> None:
    assert exported(tmp_path / "one") == exported(tmp_path / "two")


def test_the_manifest_holds_the_proof(tmp_path: Path) -> None:
    digest = exported(tmp_path)

    manifest = json.loads((tmp_path / "manifest.json").read_text())

    assert manifest["parity"]["rows"] == 100
    assert manifest["parity"]["changed_decisions"] == 0.0
    assert load(tmp_path, digest).kind == "trees"


class Unheard(LogisticRegression):
    """A subclass may answer otherwise than its parent."""

    def predict_proba(self, rows: Any) -> Any:
        return super().predict_proba(rows)[:, ::-1]


def test_an_estimator_of_other_people_is_named_in_the_reason(tmp_path: Path) -> None:
    train = rows()[["distance"]]
    model = make_pipeline(StandardScaler(), Unheard()).fit(train, train.distance > 800)

    report = export(model, train, tmp_path)

    assert (report.kind, report.reason) == ("sklearn", "the probabilities of Unheard")
