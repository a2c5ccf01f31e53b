"""Labels are read in parts, and those that are asked for are what reading all of them gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops_spec.runtime.data.columns import parse
from mlops_spec.runtime.data.read import read
from mlops_spec.runtime.declare import Column, Csv, Dataset, Parquet, Split
from mlops_spec.runtime.monitor import labels as reading
from mlops_spec.runtime.monitor.labels import labels
from mlops_spec.runtime.monitor.profile import canonical

ROWS = 1000
KEYS = {
    "integer": [*range(ROWS - 4), None, 9007199254740993, 3, 3],
    "category": [*(f"κ{n}" for n in range(ROWS - 4)), None, "True", "κ1", "κ1"],
    "float": [*(n / 2 for n in range(ROWS - 2)), 0.5, np.nan],
    "boolean": [True, False, *([None] * (ROWS - 2))],
    "timestamp": [*pd.date_range("2025-03-30", periods=ROWS, freq="7min", tz="Europe/Athens")],
}
LABELS = {"boolean": [True, False, None, True], "float": [1.5, 2.0, np.nan, 7.25],
          "integer": [1, 2, None, 1], "category": ["ναι", "όχι", None, "όχι"]}  # fmt: skip


def written(root: Path, name: str, key: str, label: str) -> Dataset:
    kinds = {"integer": "Int64", "category": object, "boolean": object}
    frame = pd.DataFrame({
        "key": pd.Series(KEYS[key], dtype=kinds.get(key)),
        "label": pd.Series(LABELS[label] * (ROWS // 4), dtype=kinds.get(label)),
        "other": 1.0,
    })  # fmt: skip
    if name.endswith("csv"):
        frame.to_csv(root / name, index=False)
    else:
        frame.to_parquet(root / name, row_group_size=300)
    columns = (Column("key", key), Column("label", label), Column("other", "float"))  # type: ignore[arg-type]
    source = Csv(name) if name.endswith("csv") else Parquet(name)
    return Dataset("rows", source, "key", None, "label", columns, Split("random", 0.2, 0.1))


def whole(root: Path, dataset: Dataset) -> dict[str, str]:
    """The label of each key of all rows at once, by the rule as it is written down."""
    wanted = replace(dataset, columns=dataset.columns[:2])
    table = read(root, wanted)
    parsed = {each.name: parse(table[each.name], each).values for each in wanted.columns}
    pairs = pd.DataFrame(parsed).dropna().map(canonical)
    each = pairs.groupby("key")["label"].agg(set)
    return {key: next(iter(told)) for key, told in each.items() if len(told) == 1}


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv"])
def test_labels_of_some_keys_are_those_of_all_rows(tmp_path, monkeypatch, name, key, label):
    dataset = written(tmp_path, name, key, label)
    monkeypatch.setattr(reading, "ROWS", 70)
    known = whole(tmp_path, dataset)
    assert labels(tmp_path, dataset, known.keys() | {"nobody"}).to_dict() == known
    few = frozenset(sorted(known)[::7])
    assert labels(tmp_path, dataset, few).to_dict() == {key: known[key] for key in few}
