"""The predictions of some rows as a table: a row for each row, scored or not."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mlops_spec.runtime.batch.columns import TYPES, Fitted, fitted, kept
from mlops_spec.runtime.declare import Dataset
from mlops_spec.runtime.portable.scorer import Batch, Scorer

PROBLEM: Final = "problem"
_DECISIONS: Final = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}


def wanted(dataset: Dataset, scorer: Scorer) -> tuple[str, ...]:
    """The columns of the source that a prediction needs: key, time, features."""
    times = () if dataset.time is None else (dataset.time,)
    return tuple(dict.fromkeys((dataset.key, *times, *scorer.features)))


def schema(dataset: Dataset, scorer: Scorer) -> pa.Schema:
    """Of every part: key, time, score, decision, for several classes probabilities, `problem`."""
    identity = (name for name in (dataset.key, dataset.time) if name is not None)
    fields = [(name, TYPES[dataset.column(name).type]) for name in identity]
    fields += [("score", pa.float64()), ("decision", _decision(scorer))]
    if scorer.meaning.task == "multiclass":
        fields.append(("probabilities", pa.list_(pa.float64())))
    return pa.schema([*fields, (PROBLEM, pa.string())])


def _decision(scorer: Scorer) -> pa.DataType:
    classes = scorer.meaning.classes
    return _DECISIONS[type(classes[0])] if classes else pa.float64()


def predictions(rows: pa.Table, dataset: Dataset, scorer: Scorer) -> pa.Table:
    """A row that the online service would refuse has no score; `problem` says why."""
    identity: dict[str, pa.Array] = {}
    columns: dict[str, Fitted] = {}
    for name in rows.column_names:
        stored, column = _whole(rows[name]), dataset.column(name)
        if name in (dataset.key, dataset.time):
            identity[name], columns[name] = kept(stored, column, may_miss=False)
        else:
            columns[name] = fitted(stored, column, may_miss=column.nullable)
    problem, good = _problems(columns, rows.num_rows)
    features: dict[str, Any] = {name: columns[name].take(good) for name in scorer.features}
    # In this thread: another one does the next chunk, and in Spark another process.
    answers = scorer.answers(features) if len(good) else np.empty((0, _width(scorer)))
    scored = scorer.meaning.read_batch(answers)
    answered = {**identity, **_spread(scored, good, rows.num_rows, scorer), PROBLEM: problem}
    return pa.table(answered, schema=schema(dataset, scorer))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    found = column.combine_chunks()
    return found.chunk(0) if isinstance(found, pa.ChunkedArray) else found


def _problems(columns: dict[str, Fitted], rows: int) -> tuple[pa.Array, NDArray[np.intp]]:
    """What is wrong with each row, null for nothing; and which rows are right."""
    words = [f"{name} {rule}" for name, column in columns.items() for rule, _ in column.broken]
    masks = [mask for column in columns.values() for _, mask in column.broken]
    found = np.full(rows, -1, dtype=np.int32)
    for code, mask in reversed(list(enumerate(masks))):  # the first problem of a row stays
        found[mask] = code
    right = found < 0
    codes = pa.array(found, mask=right)
    coded = pa.DictionaryArray.from_arrays(codes, pa.array(words, pa.string()))
    return coded.cast(pa.string()), np.flatnonzero(right)


def _spread(
    scores: Batch, good: NDArray[np.intp], rows: int, scorer: Scorer
) -> dict[str, pa.Array]:
    """The scores at the places of the rows that fit, null at the others."""
    found = {
        "score": pa.array(scores.score, pa.float64()),
        "decision": pa.array(scores.decision, _decision(scorer)),
    }
    if scorer.meaning.task == "multiclass":
        found["probabilities"] = _lists(scores.probabilities)
    if len(good) == rows:
        return found
    at = np.full(rows, -1)
    at[good] = np.arange(len(good))
    taken = pa.array(at, mask=at < 0)
    return {name: values.take(taken) for name, values in found.items()}


def _width(scorer: Scorer) -> int:
    return max(len(scorer.meaning.classes), 1)


def _lists(numbers: NDArray[np.float64] | None) -> pa.Array:
    """A list for each row."""
    assert numbers is not None
    each = pa.FixedSizeListArray.from_arrays(pa.array(numbers.reshape(-1)), numbers.shape[1])
    return each.cast(pa.list_(pa.float64()))


def problems_of(answers: pa.Table) -> Counter[str]:
    """How many rows have which problem."""
    counted = answers[PROBLEM].drop_null().value_counts()
    return Counter({str(entry["values"]): int(entry["counts"]) for entry in counted.to_pylist()})
