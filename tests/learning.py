"""A small world to train in: rows made by a seed, a Dataset that describes them, a Context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Column, Csv, Dataset, Parquet, Recipe, Split
from mlops_spec.state import Store
from mlops_spec.terms.workspace import Workspace

FACETS = MappingProxyType({"data": "d", "train": "t", "gate": "g", "serve": "s"})

COLUMNS = (
    Column("id", "category"),
    Column("at", "timestamp"),
    Column("καθυστέρηση", "boolean"),
    Column("ώρα", "integer", min=0, max=23),
    Column("distance", "float", nullable=True, min=0),
    Column("carrier", "category", values=("AA", "UA", "Ωλ")),
)
DATASET = Dataset(
    "flights",
    Parquet("data/*.parquet"),
    "id",
    "at",
    "καθυστέρηση",
    COLUMNS,
    Split("time", 0.2, 0.1),
)
RECIPE = Recipe("binary", ("ώρα", "distance", "carrier"), "sklearn.linear_model.LogisticRegression")
AS_CSV = replace(DATASET, source=Csv("data/*.csv"))


def rows(n: int = 600, seed: int = 0) -> pd.DataFrame:
    """Rows whose label depends on the hour and the carrier; every tenth distance is missing."""
    random = np.random.default_rng(seed)
    hour, carrier = random.integers(0, 24, n), random.choice(["AA", "UA", "Ωλ"], n)
    late = random.random(n) < 1 / (1 + np.exp(-(hour - 12) / 4 - (carrier == "Ωλ")))
    distance = random.uniform(100, 3000, n)
    distance[::10] = np.nan
    return pd.DataFrame(
        {
            "id": [f"f{i}" for i in range(n)],
            "at": pd.date_range("2013-03-01", periods=n, freq="h", tz="UTC"),
            "καθυστέρηση": late,
            "ώρα": hour,
            "distance": distance,
            "carrier": carrier,
        }
    )


def context(root: Path, facets: Mapping[str, str] = FACETS) -> Context:
    """A context in a folder of its own."""
    place = Workspace.of(root, "local")
    place.root.mkdir(parents=True, exist_ok=True)
    return Context("flight-delay", root, place, Store.at(place.state), facets)


def put(root: Path, frame: pd.DataFrame, name: str = "rows.parquet") -> Path:
    """Write rows where the Dataset looks for them."""
    path = root / "data" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
    return path


def trained(place: Context, dataset: Dataset = DATASET, recipe: Recipe = RECIPE) -> str:
    """Do all steps up to `evaluate`; the run."""
    from mlops_spec.runtime.data.checks import check
    from mlops_spec.runtime.data.snapshot import snapshot
    from mlops_spec.runtime.data.split import split
    from mlops_spec.runtime.train.evaluation import evaluate
    from mlops_spec.runtime.train.fit import fit

    data = snapshot(place, dataset)["data"]
    check(place, dataset, recipe, data)
    split(place, dataset, recipe, data)
    run: Any = fit(place, dataset, recipe, data)["run"]
    evaluate(place, dataset, recipe, data)
    return str(run)
