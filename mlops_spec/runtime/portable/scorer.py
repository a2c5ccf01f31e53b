"""Loading an exported model, its digests checked first, and scoring rows with it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mlops_spec.runtime.portable.encoding import Coded, Encoding, Matrix, Values, encoding_from_json
from mlops_spec.runtime.portable.native.walking import walking
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.digest import file_digest

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1

Columns = Mapping[str, Values]
Run = Callable[[Matrix], Matrix]
Label = str | int | float | bool
# A binary decision is positive above this probability, as scikit-learn's `predict` decides.
THRESHOLD: Final = 0.5
# A batch is cut into parts of so many rows, one for each core at a time.
CHUNK_ROWS: Final = 10_000
# The most numbers that rows become on their way through a graph: 2 MB, which a core's cache holds.
MAX_NUMBERS: Final = 250_000
CORES: Final = len(os.sched_getaffinity(0))


class Scores(NamedTuple):
    """One entry a row. `score`: probability of the positive class (binary), of the decision
    (multiclass), or the prediction (regression). `probabilities`: by class, multiclass only.
    """

    score: list[float]
    decision: list[Label]
    probabilities: list[list[float]] | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """The same as arrays, for many rows. `decision` has the type of the classes."""

    score: NDArray[np.float64]
    decision: NDArray[Any]
    probabilities: NDArray[np.float64] | None = None


class NoAnswer(ValueError):
    """A row is beyond what the model can calculate with; scikit-learn refuses such rows too."""


def _finite(scores: list[float]) -> list[float]:
    # Only of a finite number the difference to itself is nothing.
    if any(score - score != 0.0 for score in scores):
        raise NoAnswer("the model gives no finite number for a row: look for enormous values in it")
    return scores


@dataclass(frozen=True, slots=True)
class Meaning:
    """How the numbers of a model are read."""

    task: Literal["binary", "multiclass", "regression"]
    classes: tuple[Label, ...] = ()
    positive: Label | None = None
    rounding: float = 1e-12  # probabilities that differ by less are equal
    # Of a binary model: the place of the positive class, what it needs, and both words.
    _positive: int = field(init=False, repr=False, compare=False)
    _needed: float = field(init=False, repr=False, compare=False)
    _words: tuple[Label, Label] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.task != "binary":
            return
        assert self.positive is not None
        at = self.classes.index(self.positive)
        # One half goes to the first class, as argmax has it.
        needed = THRESHOLD - self.rounding if at == 0 else THRESHOLD + self.rounding
        object.__setattr__(self, "_positive", at)
        object.__setattr__(self, "_needed", needed)
        object.__setattr__(self, "_words", (self.classes[1 - at], self.classes[at]))

    def read(self, answers: NDArray[np.floating[Any]]) -> Scores:
        """Scores out of probabilities by class (rows × classes) or predictions (rows × 1).

        `NoAnswer` where one is not a finite number.
        """
        if self.task == "regression":
            predictions: list[float] = _finite(answers.reshape(-1).tolist())
            return Scores(predictions, list(predictions))
        if self.task == "binary":
            score: list[float] = _finite(answers[:, self._positive].tolist())
            needed, (no, yes) = self._needed, self._words
            return Scores(score, [yes if p > needed else no for p in score])
        decided = [self.classes[place] for place in self.places(answers)]
        return Scores(_finite(answers.max(axis=1).tolist()), decided, answers.tolist())

    def read_batch(self, answers: NDArray[np.float64]) -> Batch:
        """The same without a list of Python's objects; a row without an answer has NaN."""
        if self.task == "regression":
            predictions = answers.reshape(-1)
            return Batch(predictions, predictions)
        decision = np.array(self.classes)[self.places(answers)]
        if self.task == "binary":
            return Batch(answers[:, self._positive], decision)
        return Batch(answers.max(axis=1), decision, answers)

    def places(self, answers: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Which class is decided for in each row: the likeliest, of equal ones the first."""
        if self.task == "binary":
            at = self._positive
            return np.where(answers[:, at] > self._needed, at, 1 - at)
        highest = answers.max(axis=1, keepdims=True)
        found: NDArray[np.int64] = (answers >= highest - self.rounding).argmax(axis=1)
        return found


class Scorer(Protocol):
    """A loaded model. Thread safe; `columns` are raw values, None for a missing one."""

    @property
    def kind(self) -> Literal["onnx", "sklearn", "trees"]: ...
    @property
    def meaning(self) -> Meaning: ...
    @property
    def features(self) -> tuple[str, ...]: ...
    def score(self, columns: Columns) -> Scores:
        """In the calling thread."""
        ...

    def score_batch(self, columns: Columns) -> Batch:
        """Many rows, on all cores. A column may also be an array (NaN missing) or `Coded`."""
        ...

    def answers(self, columns: Columns) -> NDArray[np.float64]:
        """In the calling thread, unread: probabilities by class, or predictions as one column."""
        ...


@dataclass(frozen=True, slots=True)
class MatrixScorer:
    """Column tables, then ONNX Runtime or the kernel. Needs neither pandas nor scikit-learn."""

    kind: Literal["onnx", "trees"]
    run: Run  # of an encoded matrix: probabilities by class, or predictions
    encoding: Encoding
    meaning: Meaning
    features: tuple[str, ...]
    at_once: int = CHUNK_ROWS  # rows; more would take too much memory

    def score(self, columns: Columns) -> Scores:
        return self.meaning.read(self.answers(columns))

    def score_batch(self, columns: Columns) -> Batch:
        rows = len(columns[self.features[0]])
        size = min(self.at_once, CHUNK_ROWS)
        parts = [_cut(columns, start, start + size) for start in range(0, rows, size)]
        if len(parts) < 2:
            return self.meaning.read_batch(self.answers(columns))
        # Both let go of Python's lock: threads of ours need no second session, and none of ONNX
        # Runtime's own, which would spin beside those of other processes.
        with ThreadPoolExecutor(min(CORES, len(parts))) as threads:
            return self.meaning.read_batch(np.concatenate(list(threads.map(self.answers, parts))))

    def answers(self, columns: Columns) -> Matrix:
        return self.answers_to(self.encoding.matrix(columns))

    def score_matrix(self, matrix: Matrix) -> Scores:
        """The scores of rows that are encoded already, as `encoding` would have done."""
        return self.meaning.read(self.answers_to(matrix))

    def answers_to(self, matrix: Matrix) -> Matrix:
        """`answers` of rows that are encoded already."""
        if len(matrix) <= self.at_once:
            return self.run(matrix)
        starts = range(0, len(matrix), self.at_once)
        return np.concatenate([self.run(matrix[at : at + self.at_once]) for at in starts])


def rows_at_once(widest: int) -> int:
    """How many rows may be scored together, when each becomes `widest` numbers on its way."""
    return max(1, MAX_NUMBERS // max(widest, 1))


def _cut(columns: Columns, start: int, end: int) -> Columns:
    return {
        name: Coded(values.codes[start:end], values.values)
        if isinstance(values, Coded)
        else values[start:end]
        for name, values in columns.items()
    }


def load(folder: Path, expected_digest: str) -> Scorer:
    """The model in a folder that `export` wrote. `expected_digest` is `PortableReport.digest`.

    `Refusal` when the manifest or a file it names is not byte for byte what was exported: a model
    is never read, let alone unpickled, from a place that was not verified.
    """
    manifest = _verified(folder, expected_digest)
    # Models of before were in single precision.
    single = manifest.get("dtype") == "float32"
    classes, positive = tuple(manifest["classes"]), manifest["positive"]
    meaning = Meaning(manifest["task"], classes, positive, 1e-6 if single else 1e-12)
    features = tuple(column["name"] for column in manifest["inputs"])
    if manifest["kind"] == "sklearn":
        import joblib

        from mlops_spec.runtime.portable.sklearn_scorer import SklearnScorer

        pipeline = joblib.load(folder / manifest["file"])
        return SklearnScorer(pipeline, tuple(manifest["inputs"]), meaning, features)
    encoding = encoding_from_json(manifest["encoding"])
    trees = manifest.get("trees")
    found = None if trees is None else walking(folder / trees["file"], trees)
    if found is not None:
        return MatrixScorer("trees", found.answers, encoding, meaning, features)
    run = graph_run(folder / manifest["file"], manifest["dtype"], manifest["output"])
    at_once = manifest.get("at_once", MAX_NUMBERS)
    return MatrixScorer("onnx", run, encoding, meaning, features, at_once)


def graph_run(model: Path | bytes, dtype: str = "float64", output: str = "y") -> Run:
    """What a graph answers to a matrix."""
    run, outputs = session(model).run, [output]
    if dtype == "float64":
        return lambda matrix: run(outputs, {"x": matrix})[0]
    return lambda matrix: run(outputs, {"x": matrix.astype(dtype)})[0]


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
