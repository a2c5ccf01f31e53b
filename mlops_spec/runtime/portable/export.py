"""Writing a fitted pipeline as a portable folder, with the proof that it answers the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from mlops_spec.runtime.portable.encoding import BY_COLUMN, Encoding
from mlops_spec.runtime.portable.modules import modules_of
from mlops_spec.runtime.portable.scorer import (
    FORMAT,
    MANIFEST,
    Label,
    Meaning,
    Scores,
    answers_of,
    session,
)
from mlops_spec.runtime.portable.tabulate import (
    NotTabular,
    kind_of,
    missing_of,
    probes_of,
    tabulate,
)
from mlops_spec.runtime.portable.trees import boosted, is_hist_gradient_boosting
from mlops_spec.terms.digest import file_digest

if TYPE_CHECKING:
    import pandas as pd

MAX_DIFFERENCE: Final = 1e-4  # of a score; of regression predictions, relative to their size
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
    dtype: str
    output: str
    encoding: Encoding
    parity: Parity


class _NotPortable(Exception):
    """Why no ONNX model was made."""


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
    except _NotPortable as reason:
        return _write_sklearn(folder, pipeline, common, str(reason))
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
    """The first form that gives the same answers. `_NotPortable` with every reason otherwise."""
    try:
        encoding, matrix = _encode(pipeline, frame)
    except Exception as error:
        raise _NotPortable(f"the preprocessing is not a table: {_short(error)}") from error
    expected = answers_of(pipeline, frame)
    reasons = []
    for dtype, convert in _forms(pipeline[-1], matrix.shape[1]):
        try:
            candidate = _candidate(convert(), dtype, encoding, matrix, (expected, meaning))
        # A converter may fail in any way it likes; each one is a reason, and none is hidden.
        except Exception as error:
            reasons.append(f"{dtype}: {_short(error)}")
            continue
        if candidate.parity.holds:
            return candidate
        reasons.append(f"{dtype}: {_disparity(candidate.parity)}")
    raise _NotPortable("; ".join(reasons))


def _encode(pipeline: Any, frame: pd.DataFrame) -> tuple[Encoding, NDArray[np.float64]]:
    """The tables, and the matrix they give for the frame; compared with the preprocessor's own."""
    preprocess = _preprocess(pipeline)
    encoding = tabulate(preprocess, probes_of(pipeline[:-1], frame), frame)
    raw = {str(name): frame[name].tolist() for name in frame.columns}
    matrix = encoding.matrix(raw)
    # A request of a few rows is encoded by row, a batch by column: both have to be right.
    few = encoding.matrix({name: values[: BY_COLUMN - 1] for name, values in raw.items()})
    wanted = preprocess(frame)
    if not (_same(matrix, wanted) and _same(few, wanted[: len(few)])):
        raise NotTabular("the tables do not give what the preprocessor gives")
    return encoding, matrix


def _same(found: NDArray[np.float64], wanted: NDArray[np.float64]) -> bool:
    return found.shape == wanted.shape and np.allclose(found, wanted, 1e-9, 1e-9, equal_nan=True)


def _preprocess(pipeline: Any) -> Callable[[pd.DataFrame], NDArray[np.float64]]:
    """Everything before the estimator's arithmetic, its own encoding of categories included."""
    steps: Any = pipeline[:-1]
    estimator: Any = pipeline[-1]

    def preprocess(frame: pd.DataFrame) -> NDArray[np.float64]:
        found: Any = steps.transform(frame) if len(steps) else frame
        if is_hist_gradient_boosting(estimator):
            found = estimator._preprocess_X(found, reset=False)
        dense = found.toarray() if hasattr(found, "toarray") else found
        return np.asarray(dense, dtype=np.float64)

    return preprocess


def _forms(estimator: Any, width: int) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """The ways to print an estimator, best first."""
    if is_hist_gradient_boosting(estimator):
        yield "float64", lambda: boosted(estimator, width)
        return
    # scikit-learn's own trees compare float32 values, so that single precision is exact for them.
    yield "float32", lambda: _converted(estimator, width, "FloatTensorType")
    yield "float64", lambda: _converted(estimator, width, "DoubleTensorType")


def _converted(estimator: Any, width: int, tensor: str) -> bytes:
    from skl2onnx import convert_sklearn
    from skl2onnx.common import data_types

    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "classes_") else None
    types = [("x", getattr(data_types, tensor)([None, width]))]
    return bytes(
        convert_sklearn(estimator, initial_types=types, options=options).SerializeToString()
    )


def _candidate(
    model: bytes, dtype: str, encoding: Encoding, matrix: NDArray[np.float64],
    truth: tuple[NDArray[np.float64], Meaning],
) -> _Candidate:  # fmt: skip
    expected, meaning = truth
    running = session(model)
    output = running.get_outputs()[-1].name
    (answers,) = running.run([output], {"x": matrix.astype(dtype)})
    found = np.asarray(answers, dtype=np.float64).reshape(expected.shape)
    return _Candidate(model, dtype, output, encoding, parity(expected, found, meaning))


def parity(expected: NDArray[np.float64], found: NDArray[np.float64], meaning: Meaning) -> Parity:
    """How far two sets of answers to the same rows lie apart. A NaN is infinitely far."""
    rows = len(expected)
    apart = np.abs(expected - found)
    if meaning.task == "regression":
        apart = apart / np.maximum(1.0, np.abs(expected))
        return Parity(rows, _most(apart), float(np.mean(apart > MAX_DIFFERENCE)) if rows else 1.0)
    decisions = [_decisions(meaning.read(answers)) for answers in (expected, found)]
    return Parity(rows, _most(apart), float(np.mean(decisions[0] != decisions[1])) if rows else 1.0)


def _decisions(scores: Scores) -> NDArray[Any]:
    return np.array(scores.decision)


def _most(apart: NDArray[np.float64]) -> float:
    return float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))


def _write_onnx(folder: Path, best: _Candidate, common: Mapping[str, Any]) -> PortableReport:
    path = folder / _MODEL["onnx"]
    path.write_bytes(best.model)
    manifest = {
        **common, "kind": "onnx", "dtype": best.dtype, "output": best.output,
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
