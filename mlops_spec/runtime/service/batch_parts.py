"""One part of a batch prediction: which rows fit, their scores, and the file that holds them."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mlops_spec.runtime.data.columns import parse
from mlops_spec.runtime.declare import Column, Dataset
from mlops_spec.runtime.portable.scorer import Scorer, Scores

PROBLEM: Final = "problem"
_WHERE: Final = b"mlops_spec.part"
_TYPES: Final = {
    "float": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "category": pa.string(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}  # fmt: skip
_DECISIONS: Final = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}


def predictions(rows: pa.Table, dataset: Dataset, scorer: Scorer) -> pa.Table:
    """A row for each row: key, time, score, decision, `problem`.

    A row that the online service would refuse has no score; `problem` says why.
    """
    columns = {name: dataset.column(name) for name in rows.column_names}
    parsed = {name: parse(rows[name], column) for name, column in columns.items()}
    problem = pd.Series("", index=range(rows.num_rows), dtype=object)
    for name, found in parsed.items():
        fits = problem == ""
        problem = problem.where(~(fits & found.unfit), f"{name} {found.rule}")
        for rule, breaks in _broken(found.values, columns[name], dataset).items():
            problem = problem.where(~((problem == "") & breaks), f"{name} {rule}")
    good = np.flatnonzero((problem == "").to_numpy())
    features = {name: _listed(parsed[name].values.iloc[good]) for name in scorer.features}
    scored = scorer.score(features) if len(good) else Scores([], [])
    answered: dict[str, pa.Array] = {
        name: pa.array(_whole(parsed[name].values, columns[name]), _TYPES[columns[name].type])
        for name in filter(None, (dataset.key, dataset.time))
    }
    answered |= _spread(scored, good, rows.num_rows, scorer)
    answered[PROBLEM] = pa.array(problem.where(problem != "", None), pa.string())
    return pa.table(answered)


def _broken(values: pd.Series, column: Column, dataset: Dataset) -> dict[str, Any]:
    """Where the declared bounds are broken, by rule, in the words of the training's check."""
    missing = values.isna()
    may_miss = column.nullable and column.name not in (dataset.key, dataset.time)
    broken = {} if may_miss else {"is missing": missing}
    if column.min is not None:
        broken[f"is below {column.min:g}"] = ~missing & (values < column.min)
    if column.max is not None:
        broken[f"is above {column.max:g}"] = ~missing & (values > column.max)
    if column.values:
        broken["has another value than declared"] = ~missing & ~values.isin(column.values)
    return broken


def _listed(values: pd.Series) -> list[Any]:
    """As the scorer takes them: times as seconds since 1970, None for what is missing."""
    if pd.api.types.is_datetime64_any_dtype(values):
        values = (values - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    listed: list[Any] = values.astype(object).where(values.notna(), None).tolist()
    return listed


def _whole(values: pd.Series, column: Column) -> pd.Series:
    """Whole numbers with gaps are floats to pandas; Arrow takes them as whole ones again."""
    return values.astype("Int64") if column.type == "integer" else values


def _spread(scores: Scores, good: Any, rows: int, scorer: Scorer) -> dict[str, pa.Array]:
    """The scores at the places of the rows that fit, null at the others."""
    at = np.full(rows, -1)
    at[good] = np.arange(len(good))
    taken = pa.array(at, mask=at < 0)
    classes = scorer.meaning.classes
    decision = _DECISIONS[type(classes[0])] if classes else pa.float64()
    found = {
        "score": pa.array(scores.score, pa.float64()).take(taken),
        "decision": pa.array(scores.decision, decision).take(taken),
    }
    if scorer.meaning.task == "multiclass":
        each = pa.array(scores.probabilities or [], pa.list_(pa.float64()))
        found["probabilities"] = each.take(taken)
    return found


def write(path: Path, table: pa.Table, where: Mapping[str, str]) -> None:
    """Write all of it or nothing, on the disk before it has its name."""
    metadata = {**(table.schema.metadata or {}), _WHERE: json.dumps(where)}
    unfinished = path.with_name(f".{path.name}.tmp")
    with unfinished.open("wb") as stream:
        pq.write_table(table.replace_schema_metadata(metadata), stream, compression="zstd")
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(path)


def written(path: Path) -> dict[str, str] | None:
    """Where the rows of a part stand in the source. None when there is no such part."""
    try:
        metadata = pq.read_metadata(path).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return None
    found: dict[str, str] = json.loads(metadata.get(_WHERE, b"{}"))
    return found


def problems_of(path: Path) -> Counter[str]:
    """How many rows of a part have which problem."""
    found = pq.ParquetFile(path).read(columns=[PROBLEM])[PROBLEM]
    return Counter(word for word in found.to_pylist() if word is not None)
