"""Writing a fitted pipeline as a portable folder, with the proof that it answers the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from mlops_spec.runtime.portable.encoding import Encoding
from mlops_spec.runtime.portable.forms import FORMS
from mlops_spec.runtime.portable.forms.forests import histogram_mean, histogram_shares
from mlops_spec.runtime.portable.front import BoostingColumns, flat, front
from mlops_spec.runtime.portable.graph import OUTPUT, Graph, NoForm, Tensor
from mlops_spec.runtime.portable.modules import modules_of
from mlops_spec.runtime.portable.scorer import (
    FORMAT,
    MANIFEST,
    Label,
    Meaning,
    OnnxScorer,
    rows_at_once,
    session,
)
from mlops_spec.runtime.portable.sklearn_scorer import answers_of
from mlops_spec.runtime.portable.tabulate import NotTabular, kind_of, missing_of
from mlops_spec.terms.digest import file_digest

if TYPE_CHECKING:
    import pandas as pd

MAX_DIFFERENCE: Final = 1e-5  # of a score; of regression predictions, relative to their size
MAX_CHANGED: Final = 0.001  # share of decisions
_MODEL: Final = {"onnx": "model.onnx", "sklearn": "model.joblib"}


@dataclass(frozen=True, slots=True)
class Parity:
    """The portable model against scikit-learn on the same `rows` held-out rows."""

    rows: int
    max_difference: float
    changed_decisions: float  # share

    @property
    def holds(self) -> bool:
        """Whether the two may be used for each other. Never without a row to compare."""
        return (
            self.rows > 0
            and self.max_difference <= MAX_DIFFERENCE
            and self.changed_decisions <= MAX_CHANGED
        )


@dataclass(frozen=True, slots=True)
class PortableReport:
    """What was exported. `reason` says why it is scikit-learn itself, if it is."""

    kind: Literal["onnx", "sklearn"]
    digest: str  # SHA-256 of the manifest, which holds those of the other files
    reason: str = ""
    parity: Parity | None = None
    files: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Candidate:
    model: bytes
    encoding: Encoding
    at_once: int
    parity: Parity


def export(
    pipeline: Any, frame: pd.DataFrame, folder: Path, *, positive: Label | None = None
) -> PortableReport:
    """Write a fitted scikit-learn Pipeline into `folder`.

    `frame` are held-out rows with the raw feature columns. `positive` is the positive class of a
    binary model, by default the last one. What cannot be shown to answer the same within
    `MAX_DIFFERENCE` and `MAX_CHANGED` is written as scikit-learn's own pickle, and the report
    says so.
    """
    folder.mkdir(parents=True, exist_ok=True)
    meaning = meaning_of(pipeline, positive)
    inputs = [_input(frame[name]) for name in frame.columns]
    common = {
        "format": FORMAT, "task": meaning.task, "classes": list(meaning.classes),
        "positive": meaning.positive, "inputs": inputs,
    }  # fmt: skip
    try:
        best = _portable(pipeline, frame, meaning)
    except NoForm as reason:
        return _write_sklearn(folder, pipeline, common, str(reason))
    # Estimators of other people, and of other versions, may lack what a form reads of them.
    except Exception as error:
        return _write_sklearn(folder, pipeline, common, _short(error))
    return _write_onnx(folder, best, common)


def meaning_of(pipeline: Any, positive: Label | None = None) -> Meaning:
    """How the numbers of a fitted pipeline are read."""
    classes = getattr(pipeline[-1], "classes_", None)
    if classes is None:
        return Meaning("regression")
    labels: tuple[Label, ...] = tuple(np.asarray(classes).tolist())
    if len(labels) != 2:
        return Meaning("multiclass", labels)
    return Meaning("binary", labels, labels[1] if positive is None else positive)


def _input(column: pd.Series[Any]) -> dict[str, str]:
    try:
        kind: str = kind_of(column)
    except NotTabular:
        kind = "other"
    missing = "null" if missing_of(column) is None else "nan"
    return {"name": str(column.name), "kind": kind, "missing": missing}


def _portable(pipeline: Any, frame: pd.DataFrame, meaning: Meaning) -> _Candidate:
    """The graph, if it gives the same answers. `NoForm` says what has no form or differs."""
    steps, estimator = _chain(pipeline)
    before = front(steps, frame)
    graph = Graph(before.encoding.width)
    x = before.apply(graph.input)
    answers = _answers(estimator, x, meaning)
    model = graph.model(answers, max(len(meaning.classes), 1))
    found = OnnxScorer(session(model), before.encoding, meaning, (), rows_at_once(graph.widest))
    measured = parity(answers_of(pipeline, frame), found.answers(_raw(frame)), meaning)
    if not measured.holds:
        raise NoForm(_disparity(measured))
    return _Candidate(model, before.encoding, found.at_once, measured)


def _raw(frame: pd.DataFrame) -> dict[str, list[Any]]:
    return {str(name): frame[name].tolist() for name in frame.columns}


def _chain(pipeline: Any) -> tuple[tuple[Any, ...], Any]:
    """The steps before the estimator, those of pipelines within pipelines too."""
    steps: tuple[Any, ...] = ()
    estimator = pipeline
    while hasattr(estimator, "steps"):
        steps += tuple(part for _, each in estimator.steps[:-1] for part in flat(each))
        estimator = estimator.steps[-1][1]
    if _is_boosting(estimator):
        # Its own encoding of categories may be part of the tables.
        steps += (BoostingColumns(estimator),)
    return steps, estimator


def _is_boosting(estimator: Any) -> bool:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    return type(estimator) in (HistGradientBoostingClassifier, HistGradientBoostingRegressor)


def _answers(estimator: Any, x: Tensor, meaning: Meaning) -> Tensor:
    regression = meaning.task == "regression"
    if _is_boosting(estimator):
        return (histogram_mean if regression else histogram_shares)(estimator, x)
    return FORMS.prediction(estimator, x) if regression else FORMS.shares(estimator, x)


def parity(expected: NDArray[np.float64], found: NDArray[np.float64], meaning: Meaning) -> Parity:
    """How far the answers are apart. A missing answer is infinitely far."""
    rows = len(expected)
    apart = np.abs(found - expected)
    if meaning.task == "regression":
        apart = apart / np.maximum(1.0, np.abs(expected))
        return Parity(
            rows, _most(apart), float(np.mean(~(apart <= MAX_DIFFERENCE))) if rows else 1.0
        )
    decisions = [meaning.places(answers) for answers in (expected, found)]
    return Parity(rows, _most(apart), float(np.mean(decisions[0] != decisions[1])) if rows else 1.0)


def _most(apart: NDArray[np.float64]) -> float:
    return float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))


def _write_onnx(folder: Path, best: _Candidate, common: Mapping[str, Any]) -> PortableReport:
    path = folder / _MODEL["onnx"]
    path.write_bytes(best.model)
    manifest = {
        **common, "kind": "onnx", "dtype": "float64", "output": OUTPUT, "at_once": best.at_once,
        "encoding": best.encoding.to_json(), "parity": asdict(best.parity),
    }  # fmt: skip
    digest = _write_manifest(folder, path, manifest)
    return PortableReport("onnx", digest, "", best.parity, (path.name, MANIFEST))


def _write_sklearn(
    folder: Path, pipeline: Any, common: Mapping[str, Any], reason: str
) -> PortableReport:
    import joblib

    path = folder / _MODEL["sklearn"]
    joblib.dump(pipeline, path)
    told = {"kind": "sklearn", "reason": reason, "modules": modules_of(pipeline)}
    digest = _write_manifest(folder, path, {**common, **told})
    return PortableReport("sklearn", digest, reason, None, (path.name, MANIFEST))


def _write_manifest(folder: Path, model: Path, manifest: Mapping[str, Any]) -> str:
    """The manifest comes last: a folder without one is not a model."""
    whole = {**manifest, "file": model.name, "files": {model.name: file_digest(model)}}
    text = json.dumps(whole, ensure_ascii=False, allow_nan=False, sort_keys=True)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return file_digest(folder / MANIFEST)


def _disparity(found: Parity) -> str:
    return (
        f"differs from scikit-learn by up to {found.max_difference:.2g} and in"
        f" {found.changed_decisions:.2%} of decisions on {found.rows} rows"
    )


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
