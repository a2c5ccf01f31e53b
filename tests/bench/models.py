"""Two models on made-up rows, and the project that describes each, as a user would write it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from mlops_spec.pipeline import compile_project, render_project
from mlops_spec.runtime.declare import Column, Dataset, Parquet, Recipe, Split
from mlops_spec.runtime.portable.export import export
from mlops_spec.runtime.train.pipeline import features_of, pipeline_of

TRAIN_ROWS = 20_000
PROJECT = {
    "project": "bench",
    "language": 1,
    "environments": {"local": {"serve": {"on": "processes", "router": "envoy"}}},
}


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted pipeline with rows to ask about; `spec` is the model's as a user writes it."""

    name: str
    title: str
    dataset: Dataset
    recipe: Recipe
    pipeline: Any
    frame: pd.DataFrame  # raw feature columns

    @property
    def records(self) -> list[dict[str, Any]]:
        """The rows as a client sends them: missing is null."""
        found: list[dict[str, Any]] = json.loads(self.frame.to_json(orient="records"))
        return found

    def export_to(self, folder: Path) -> str:
        """The digest of the portable form."""
        report = export(self.pipeline, self.frame.head(2_000), folder, positive=True)
        assert report.kind == "onnx", report.reason
        return report.digest


def flights(rows: int = TRAIN_ROWS) -> Trained:
    """The columns of examples/flights under HistGradientBoosting(150)."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "carrier": random.choice([f"C{i}" for i in range(16)], rows),
            "origin": random.choice(["EWR", "JFK", "LGA"], rows),
            "dest": random.choice([f"D{i:03}" for i in range(104)], rows),
            "distance": random.uniform(80, 5000, rows).round(),
            "departs_hour": random.integers(5, 24, rows),
            "weekday": random.integers(0, 7, rows),
            **{name: _weather(random, rows) for name in (
                "temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"
            )},
        }
    )  # fmt: skip
    recipe = Recipe(
        "binary", tuple(frame.columns), "sklearn.ensemble.HistGradientBoostingClassifier",
        params={"max_iter": 150}, seed=0,
    )  # fmt: skip
    risk = (frame["departs_hour"] - 14) / 5 + (frame["carrier"] == "C3") + frame["precip"] / 40
    return _trained("flight-delay", "HistGradientBoosting(150), 13 columns", frame, recipe, risk)


def forest(rows: int = TRAIN_ROWS) -> Trained:
    """RandomForest(200) on 30 numbers."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{i:02}": random.normal(size=rows) for i in range(30)})
    recipe = Recipe(
        "binary", tuple(frame.columns), "sklearn.ensemble.RandomForestClassifier",
        params={"n_estimators": 200, "max_depth": 12}, seed=0,
    )  # fmt: skip
    risk = frame["x00"] + frame["x01"] * frame["x02"]
    return _trained("numbers", "RandomForest(200), 30 numbers", frame, recipe, risk)


def _weather(random: np.random.Generator, rows: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = random.uniform(0, 100, rows).round(2)
    values[random.random(rows) < 0.05] = np.nan
    return values


def _trained(
    name: str, title: str, frame: pd.DataFrame, recipe: Recipe, risk: pd.Series
) -> Trained:
    chance = 1 / (1 + np.exp(-risk.fillna(0).to_numpy()))
    label = np.random.default_rng(1).random(len(frame)) < chance
    columns = tuple(Column(column, _type(frame[column]), nullable=True) for column in frame)
    dataset = Dataset(
        name, Parquet("data/*.parquet"), "id", None, "label",
        (Column("id", "category"), Column("label", "boolean"), *columns), Split("random", 0.2, 0.1),
    )  # fmt: skip
    pipeline = pipeline_of(dataset, recipe)
    pipeline.fit(features_of(frame, dataset, recipe), label)
    return Trained(name, title, dataset, recipe, pipeline, frame)


def _type(values: pd.Series) -> Any:
    kinds: dict[str, Callable[[Any], bool]] = {
        "float": pd.api.types.is_float_dtype, "integer": pd.api.types.is_integer_dtype,
    }  # fmt: skip
    return next((kind for kind, holds in kinds.items() if holds(values)), "category")


def spec_of(trained: Trained) -> str:
    """The model's spec file. JSON is YAML too."""
    columns = {
        column.name: {"type": column.type, **({"nullable": True} if column.nullable else {})}
        for column in trained.dataset.columns
    }
    documents = [
        {
            "kind": "Dataset", "name": trained.name, "source": {"parquet": "data/*.parquet"},
            "key": "id", "label": {"column": "label", "arrives_after": "1d"}, "columns": columns,
            "split": {"by": "random", "test": "20%", "validation": "10%"},
        },
        {
            "kind": "Model", "name": trained.name, "owner": "bench@example.com",
            "dataset": trained.name, "task": "binary", "features": list(trained.recipe.features),
            "train": {
                "estimator": trained.recipe.estimator, "params": dict(trained.recipe.params)
            },
        },
    ]  # fmt: skip
    return "\n---\n".join(json.dumps(document, indent=1) for document in documents) + "\n"


def write_project(root: Path, specs: dict[str, str]) -> None:
    """A project folder: mlops.yaml and specs/<name>.yaml."""
    (root / "specs").mkdir(parents=True, exist_ok=True)
    (root / "mlops.yaml").write_text(json.dumps(PROJECT), encoding="utf-8")
    for name, text in specs.items():
        (root / "specs" / f"{name}.yaml").write_text(text, encoding="utf-8")


def render(root: Path) -> None:
    """Write what the specs render to for the environment `local`."""
    project, _ = compile_project(root)
    for path, text in render_project(project, "local"):
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def pickle(trained: Trained, path: Path) -> None:
    joblib.dump(trained.pipeline, path)
