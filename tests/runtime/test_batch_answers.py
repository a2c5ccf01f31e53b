"""The short way from Arrow to a score says what the long way through pandas says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from mlops_spec.runtime.batch.answers import predictions, problems_of, schema
from mlops_spec.runtime.batch.columns import Fitted, fitted, kept
from mlops_spec.runtime.data.columns import parse
from mlops_spec.runtime.data.read import widened
from mlops_spec.runtime.declare import Column, Dataset, Parquet, Split
from mlops_spec.runtime.portable import Scorer, export, load
from mlops_spec.runtime.portable.encoding import Coded

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google).*"),
]

TIME = datetime(2013, 3, 1, 6, 30, 0, 123456, tzinfo=UTC)
STORED = {
    "floats": pa.array([1.5, None, float("nan"), float("inf"), -0.0, 2.0**60]),
    "floats that are whole": pa.array([1.0, None, 2.0, -7.0]),
    "floats above 2**53": pa.array([2.0**53 + 2, 1.0]),
    "whole numbers": pa.array([1, 2, 0, -5]),
    "whole numbers with gaps": pa.array([1, None, 2**62 + 1, -(2**63)]),
    "unsigned": pa.array([1, 2**64 - 1], pa.uint64()),
    "booleans": pa.array([True, False]),
    "booleans with gaps": pa.array([True, None, False]),
    "words": pa.array(["a", "b", "", None, "NA", "Ωλ", "a"]),
    "numbers in words": pa.array(["1", "2.5", None, "-1e3", "0"]),
    "whole numbers in words": pa.array(["1", "25", None, "-1000"]),
    "numbers and others in words": pa.array(["1", " 2 ", "", "nan", "x", "inf", "1_0", "0x10"]),
    "truths in words": pa.array(["yes", "No", "TRUE", "f", "1", "", "maybe"]),
    "times": pa.array([TIME, None], pa.timestamp("us", tz="UTC")),
    "times without a zone": pa.array([TIME.replace(tzinfo=None)], pa.timestamp("ns")),
    "times in words": pa.array(["2013-03-01T06:30Z", "2013-03-01 06:30:00", "no", None, ""]),
    "dates": pa.array([TIME.date(), None]),
    "coded words": pa.array(["a", "b", None, "a"]).dictionary_encode(),
    "nothing": pa.array([None, None]),
    "no rows": pa.array([], pa.float64()),
}
KINDS: tuple[Any, ...] = ("float", "integer", "boolean", "category", "timestamp")


def stored(name: str) -> pa.Array:
    found = widened(pa.table({"x": STORED[name]}))["x"].combine_chunks()
    return found.chunk(0) if isinstance(found, pa.ChunkedArray) else found


def listed(values: Any) -> list[Any]:
    """Values as Python has them, None for a missing one."""
    if isinstance(values, Coded):
        return [values.values[code] for code in values.codes]
    return [None if np.isnan(value) else float(value) for value in values]


def said(values: pd.Series, kind: str) -> list[Any]:
    if kind == "timestamp":
        values = (values - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    if kind in ("boolean", "category"):
        return [None if pd.isna(value) else value for value in values]
    return [None if pd.isna(value) else float(value) for value in values]


def unfit(found: Fitted, rule: str, rows: int) -> list[bool]:
    return next((m.tolist() for words, m in found.broken if words == rule), [False] * rows)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", STORED)
def test_a_column_is_read_as_in_training(name: str, kind: Any) -> None:
    values = stored(name)
    expected = parse(pa.chunked_array([values]), Column("x", kind))
    got = fitted(values, Column("x", kind), may_miss=True)

    assert listed(got.values) == said(expected.values, kind)
    assert unfit(got, expected.rule, len(values)) == expected.unfit.tolist()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", STORED)
def test_a_key_is_kept_as_in_training(name: str, kind: Any) -> None:
    values = stored(name)
    expected = parse(pa.chunked_array([values]), Column("x", kind)).values
    got, found = kept(values, Column("x", kind), may_miss=False)

    whole = expected.astype("Int64") if kind == "integer" else expected
    assert got.to_pylist() == [None if pd.isna(v) else v for v in whole]
    broken = np.zeros(len(values), dtype=bool)
    for _, rows in found.broken:
        broken |= rows
    assert broken.tolist() == expected.isna().tolist()


def of_classes(folder: Path, classes: list[Any]) -> tuple[Any, Scorer]:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"a": random.normal(size=300), "b": random.normal(size=300)})
    label = np.array(classes)[random.integers(0, len(classes), 300)]
    pipeline = Pipeline([("m", HistGradientBoostingClassifier(max_iter=5))]).fit(frame, label)
    report = export(pipeline, frame.head(50), folder)
    return pipeline, load(folder, report.digest)


DATASET = Dataset(
    "d", Parquet("x"), "id", None, "label",
    (Column("id", "integer"), Column("label", "category"), Column("a", "float", max=2.0),
     Column("b", "float", nullable=True)), Split("random", 0.2, 0.1),
)  # fmt: skip


@pytest.mark.parametrize("classes", [["no", "maybe", "yes"], [1, 2, 3]])
def test_several_classes_have_a_probability_each(tmp_path: Path, classes: list[Any]) -> None:
    pipeline, scorer = of_classes(tmp_path / "model", classes)
    frame = pd.DataFrame({"id": [1, 2, 3], "a": [0.1, 9.0, -0.3], "b": [None, 0.0, 1.0]})
    got = predictions(pa.Table.from_pandas(frame, preserve_index=False), DATASET, scorer)

    expected = pipeline.predict_proba(frame[["a", "b"]].iloc[[0, 2]].astype("float64"))
    probabilities = got["probabilities"].to_pylist()
    assert probabilities[1] is None
    assert np.array([probabilities[0], probabilities[2]]) == pytest.approx(expected, abs=1e-6)
    best = [pipeline.classes_[at] for at in expected.argmax(axis=1)]
    assert got["decision"].to_pylist() == [best[0], None, best[1]]
    assert got["problem"].to_pylist() == [None, "a is above 2", None]
    assert problems_of(got) == {"a is above 2": 1}
    assert got.schema == schema(DATASET, scorer)


def test_a_number_is_predicted_as_a_number(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [1.0, 0.0, 1.0]})
    pipeline = Pipeline([("m", LinearRegression())]).fit(frame, [1.0, 2.0, 4.0])
    report = export(pipeline, frame, tmp_path / "model")
    scorer = load(tmp_path / "model", report.digest)
    rows = pa.Table.from_pandas(frame.assign(id=[7, 8, 9]), preserve_index=False)
    got = predictions(rows, DATASET, scorer)

    assert got["score"].to_pylist() == pytest.approx(pipeline.predict(frame), abs=1e-6)
    assert got["decision"].to_pylist() == got["score"].to_pylist()


def test_rows_none_of_which_fits_are_all_there(tmp_path: Path) -> None:
    _, scorer = of_classes(tmp_path / "model", ["no", "maybe", "yes"])
    rows = pa.table({"id": [1, None], "a": ["x", "1"], "b": [1.0, 2.0]})
    got = predictions(widened(rows), DATASET, scorer)

    assert got["problem"].to_pylist() == ["a not a finite number", "id is missing"]
    assert got["score"].null_count == 2
