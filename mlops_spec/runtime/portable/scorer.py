"""Loading an exported model, its digests checked first, and scoring rows with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mlops_spec.runtime.portable.encoding import Encoding, encoding_from_json
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.digest import file_digest

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1

Columns = Mapping[str, Sequence[Any]]
Label = str | int | float | bool
# A binary decision is positive above this probability, as scikit-learn's `predict` decides.
THRESHOLD: Final = 0.5
_ROUNDING: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Scores:
    """One entry a row. `score`: probability of the positive class (binary), of the decision
    (multiclass), or the prediction (regression). `probabilities`: by class, multiclass only.
    """

    score: list[float]
    decision: list[Label]
    probabilities: list[list[float]] | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """How the numbers of a model are read."""

    task: Literal["binary", "multiclass", "regression"]
    classes: tuple[Label, ...] = ()
    positive: Label | None = None

    def read(self, answers: NDArray[np.floating[Any]]) -> Scores:
        """Scores out of probabilities by class (rows × classes) or predictions (rows × 1)."""
        if self.task == "regression":
            predictions: list[float] = answers.reshape(-1).tolist()
            return Scores(predictions, list(predictions))
        if self.task == "binary":
            return self._binary(answers)
        best = answers.argmax(axis=1)
        return Scores(
            answers.max(axis=1).tolist(), [self.classes[index] for index in best], answers.tolist()
        )

    def _binary(self, answers: NDArray[np.floating[Any]]) -> Scores:
        assert self.positive is not None
        at = self.classes.index(self.positive)
        score: list[float] = answers[:, at].tolist()
        # One half goes to the first class, as argmax has it, in single precision too.
        needed = THRESHOLD - _ROUNDING if at == 0 else THRESHOLD + _ROUNDING
        negative = self.classes[1 - at]
        return Scores(score, [self.positive if p > needed else negative for p in score])


class Scorer(Protocol):
    """A loaded model. Thread safe; `columns` are raw values, None for a missing one."""

    @property
    def kind(self) -> Literal["onnx", "sklearn"]: ...
    @property
    def meaning(self) -> Meaning: ...
    @property
    def features(self) -> tuple[str, ...]: ...
    def score(self, columns: Columns) -> Scores: ...


@dataclass(frozen=True, slots=True)
class OnnxScorer:
    """Column tables, then ONNX Runtime. Needs neither pandas nor scikit-learn."""

    session: Any
    output: str
    dtype: str
    encoding: Encoding
    meaning: Meaning
    features: tuple[str, ...]
    kind: Literal["onnx"] = "onnx"

    def score(self, columns: Columns) -> Scores:
        return self.score_matrix(self.encoding.matrix(columns))

    def score_matrix(self, matrix: NDArray[np.float64]) -> Scores:
        """The scores of rows that are encoded already, as `encoding` would have done."""
        (answers,) = self.session.run([self.output], {"x": matrix.astype(self.dtype, copy=False)})
        return self.meaning.read(answers)


@dataclass(frozen=True, slots=True)
class SklearnScorer:
    """The fitted pipeline itself."""

    pipeline: Any
    inputs: tuple[Mapping[str, str], ...]
    meaning: Meaning
    features: tuple[str, ...]
    kind: Literal["sklearn"] = "sklearn"

    def score(self, columns: Columns) -> Scores:
        return self.meaning.read(answers_of(self.pipeline, self._frame(columns)))

    def _frame(self, columns: Columns) -> Any:
        import pandas as pd

        return pd.DataFrame(
            {column["name"]: _series(column, columns[column["name"]]) for column in self.inputs}
        )


def _series(column: Mapping[str, str], values: Sequence[Any]) -> Any:
    import pandas as pd

    if column["kind"] == "number":
        return pd.Series(list(values), dtype="float64")
    missing = None if column["missing"] == "null" else np.nan
    return pd.Series([missing if value is None else value for value in values], dtype=object)


def answers_of(pipeline: Any, frame: Any) -> NDArray[np.float64]:
    """What scikit-learn answers: probabilities by class, or predictions as one column."""
    if hasattr(pipeline[-1], "classes_"):
        return np.asarray(pipeline.predict_proba(frame), dtype=np.float64)
    return np.asarray(pipeline.predict(frame), dtype=np.float64).reshape(-1, 1)


def load(folder: Path, expected_digest: str) -> Scorer:
    """The model in a folder that `export` wrote. `expected_digest` is `PortableReport.digest`.

    `Refusal` when the manifest or a file it names is not byte for byte what was exported: a model
    is never read, let alone unpickled, from a place that was not verified.
    """
    manifest = _verified(folder, expected_digest)
    meaning = Meaning(manifest["task"], tuple(manifest["classes"]), manifest["positive"])
    features = tuple(column["name"] for column in manifest["inputs"])
    if manifest["kind"] == "sklearn":
        import joblib

        pipeline = joblib.load(folder / manifest["file"])
        return SklearnScorer(pipeline, tuple(manifest["inputs"]), meaning, features)
    return OnnxScorer(
        session(folder / manifest["file"]),
        manifest["output"],
        manifest["dtype"],
        encoding_from_json(manifest["encoding"]),
        meaning,
        features,
    )


def session(model: Path | bytes) -> Any:
    """An ONNX Runtime session on one thread: a service has a process per core already."""
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def _verified(folder: Path, expected: str) -> dict[str, Any]:
    try:
        text = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise _unusable(f"{folder.name}/{MANIFEST} cannot be read: {error.strerror}") from error
    found = hashlib.sha256(text).hexdigest()
    if found != expected:
        raise _unusable(f"{MANIFEST} has digest {found[:16]}, expected {expected[:16]}")
    manifest: dict[str, Any] = json.loads(text)
    if manifest["format"] != FORMAT:
        raise _unusable(f"{MANIFEST} has format {manifest['format']}, this version reads {FORMAT}")
    for name, digest in manifest["files"].items():
        if not (folder / name).is_file() or file_digest(folder / name) != digest:
            raise _unusable(f"{name} is not the file that was exported")
    return manifest


def _unusable(message: str) -> Refusal:
    return Refusal("MLS708", f"the model is not what was released: {message}", "package it again")
