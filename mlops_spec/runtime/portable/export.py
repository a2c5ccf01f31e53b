"""Writing a fitted pipeline as a portable folder, with the proof that it answers the same."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from mlops_spec.runtime.portable.encoding import Encoding
from mlops_spec.runtime.portable.forms import FORMS
from mlops_spec.runtime.portable.forms.ensembles import Ensemble, written
from mlops_spec.runtime.portable.front import BoostingColumns, flat, front
from mlops_spec.runtime.portable.graph import OUTPUT, Graph, NoForm, Tensor
from mlops_spec.runtime.portable.modules import modules_of
from mlops_spec.runtime.portable.native.hoisted import Columns, columns_of
from mlops_spec.runtime.portable.native.kernel import kernel
from mlops_spec.runtime.portable.native.laying import facts_of, laid_out
from mlops_spec.runtime.portable.native.layout import Layout
from mlops_spec.runtime.portable.native.walking import Walking
from mlops_spec.runtime.portable.scorer import (
    CHUNK_ROWS,
    FORMAT,
    MANIFEST,
    Label,
    MatrixScorer,
    Meaning,
    Run,
    graph_run,
    rows_at_once,
)
from mlops_spec.runtime.portable.sklearn_scorer import answers_of
from mlops_spec.runtime.portable.tabulate import NotTabular, kind_of, missing_of
from mlops_spec.terms.digest import file_digest

if TYPE_CHECKING:
    import pandas as pd

MAX_DIFFERENCE: Final = 1e-5  # of a score; of regression predictions, relative to their size
MAX_CHANGED: Final = 0.001  # share of decisions
_MODEL: Final = {"onnx": "model.onnx", "sklearn": "model.joblib"}
TREES: Final = "trees.npy"


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
class _Portable:
    """A graph; where it is nothing but trees, those as well."""

    model: bytes
    encoding: Encoding
    at_once: int
    parity: Parity  # the larger difference, where there are two ways
    trees: tuple[Layout, Mapping[str, Any]] | None


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


def _portable(pipeline: Any, frame: pd.DataFrame, meaning: Meaning) -> _Portable:
    """The graph, if it gives the same answers. `NoForm` says what has no form or differs."""
    steps, estimator = _chain(pipeline)
    before = front(steps, frame)
    graph = Graph(before.encoding.width)
    x = before.apply(graph.input)
    columns, ensemble = columns_of(graph, x), FORMS.ensemble(estimator)
    answers = _answers(estimator, x, meaning) if ensemble is None else written(ensemble, x)
    model = graph.model(answers, max(len(meaning.classes), 1))
    at_once = rows_at_once(graph.widest)
    expected, matrix = answers_of(pipeline, frame), before.encoding.matrix(_raw(frame))

    def proven(kind: Literal["onnx", "trees"], run: Run, most: int = CHUNK_ROWS) -> Parity:
        scorer = MatrixScorer(kind, run, before.encoding, meaning, (), most)
        return parity(expected, scorer.answers_to(matrix), meaning)

    measured = proven("onnx", graph_run(model), at_once)
    if not measured.holds:
        raise NoForm(_disparity(measured))
    trees = _trees(ensemble, columns)
    if trees is not None:
        walked = proven("trees", Walking(*trees).answers)
        measured, trees = (_worse(measured, walked), trees) if walked.holds else (measured, None)
    return _Portable(model, before.encoding, at_once, measured, trees)


def _trees(
    ensemble: Ensemble | None, columns: Columns | None
) -> tuple[Layout, Mapping[str, Any]] | None:
    """The trees for the kernel, where what is done before them can be told of their splits.

    None where no kernel is built: what cannot be tried here is not proven, and not written.
    """
    if ensemble is None or columns is None or kernel() is None:
        return None
    layout = laid_out(ensemble, columns)
    return None if layout is None else (layout, facts_of(ensemble, columns.width))


def _worse(one: Parity, other: Parity) -> Parity:
    return Parity(
        one.rows,
        max(one.max_difference, other.max_difference),
        max(one.changed_decisions, other.changed_decisions),
    )


def _raw(frame: pd.DataFrame) -> dict[str, list[Any]]:
    return {str(name): frame[name].tolist() for name in frame.columns}


def _chain(pipeline: Any) -> tuple[tuple[Any, ...], Any]:
    """The steps before the estimator, those of pipelines within pipelines too."""
    steps: tuple[Any, ...] = ()
    estimator = pipeline
    while (part := FORMS.part(estimator)) is not None or hasattr(estimator, "steps"):
        if part is None:
            steps += tuple(part for _, each in estimator.steps[:-1] for part in flat(each))
            part = estimator.steps[-1][1]
        estimator = part
    if _is_boosting(estimator):
        # Its own encoding of categories may be part of the tables.
        steps += (BoostingColumns(estimator),)
    return steps, estimator


def _is_boosting(estimator: Any) -> bool:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    return type(estimator) in (HistGradientBoostingClassifier, HistGradientBoostingRegressor)


def _answers(estimator: Any, x: Tensor, meaning: Meaning) -> Tensor:
    regression = meaning.task == "regression"
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


def _write_onnx(folder: Path, best: _Portable, common: Mapping[str, Any]) -> PortableReport:
    path = folder / _MODEL["onnx"]
    path.write_bytes(best.model)
    files, told = [path], {}
    if best.trees is not None:
        layout, facts = best.trees
        files.append(folder / TREES)
        layout.write(files[-1])
        told = {"trees": {"file": TREES, **facts}}
    manifest = {
        **common, "kind": "onnx", "dtype": "float64", "output": OUTPUT, "at_once": best.at_once,
        "encoding": best.encoding.to_json(), "parity": asdict(best.parity),
        **told,
    }  # fmt: skip
    digest = _write_manifest(folder, files, manifest)
    names = (*(file.name for file in files), MANIFEST)
    return PortableReport("onnx", digest, "", best.parity, names)


def _write_sklearn(
    folder: Path, pipeline: Any, common: Mapping[str, Any], reason: str
) -> PortableReport:
    import joblib

    path = folder / _MODEL["sklearn"]
    joblib.dump(pipeline, path)
    told = {"kind": "sklearn", "reason": reason, "modules": modules_of(pipeline)}
    digest = _write_manifest(folder, [path], {**common, **told})
    return PortableReport("sklearn", digest, reason, None, (path.name, MANIFEST))


def _write_manifest(folder: Path, files: Sequence[Path], manifest: Mapping[str, Any]) -> str:
    """The manifest comes last: a folder without one is not a model."""
    digests = {file.name: file_digest(file) for file in files}
    whole = {**manifest, "file": files[0].name, "files": digests}
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
