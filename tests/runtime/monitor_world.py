"""A small world for the monitor: a model in production, its training rows, a log, labels."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Column, Dataset, Drift, Parquet, Recipe, Retrain, Split
from mlops_spec.runtime.monitor import steps as monitoring
from mlops_spec.runtime.monitor.performance import Performance
from mlops_spec.runtime.monitor.profile import baseline
from mlops_spec.runtime.monitor.steps import Compared, Look
from mlops_spec.runtime.service.log_table import Answered, Identity, table_of
from mlops_spec.state import Deployment, Store, Window
from mlops_spec.terms.workspace import Workspace

DAY = 86400.0
SUMMER = datetime(2013, 6, 1, tzinfo=UTC).timestamp()
FEATURES = {"temp": "float", "hour": "integer", "carrier": "category", "Άφιξη": "category"}

DATASET = Dataset(
    name="flights",
    source=Parquet("data/*.parquet"),
    key="flight_id",
    time="departs_at",
    label="late",
    columns=(
        Column("flight_id", "category"),
        Column("departs_at", "timestamp"),
        Column("late", "boolean"),
        Column("temp", "float", nullable=True),
        Column("hour", "integer"),
        Column("carrier", "category"),
        Column("Άφιξη", "category"),
    ),
    split=Split("time", 0.2, 0.1),
    label_arrives_after=DAY,
)
RECIPE = Recipe("binary", tuple(FEATURES), "sklearn.linear_model.LogisticRegression")
DRIFT = Drift(
    window=7 * DAY,
    min_rows=300,
    ks=0.1,
    psi=0.2,
    confidence=0.95,
    baseline=14 * DAY,
    performance_window=7 * DAY,
    drop=0.03,
    performance_min_rows=300,
)
RETRAIN = Retrain(("drift", "performance"), 3 * DAY, 4, 30 * DAY)


def rows(
    random: np.random.Generator, count: int, start: float, days: float, **shift: float
) -> pd.DataFrame:
    """Flights in order of time. `warmer` moves temp, `lost` removes it, `blind` blurs the score."""
    chance = random.beta(2, 4, count)
    late = random.uniform(size=count) < chance
    temp = random.normal(55 + shift.get("warmer", 0.0), 10, count)
    temp[random.uniform(size=count) < shift.get("lost", 0.0)] = np.nan
    noise = random.uniform(size=count)
    blind = shift.get("blind", 0.0)
    names = np.array(["UA", "DL", "AA", "WN", "ZZ"])
    shares = np.array([0.4, 0.3, 0.2, 0.1, 0.0])
    new = shift.get("new", 0.0)
    shares = shares * (1 - new) + np.array([0, 0, 0, 0, new])
    return pd.DataFrame(
        {
            "flight_id": [f"{start:.0f}-{i}" for i in range(count)],
            "departs_at": pd.to_datetime(
                start + np.sort(random.uniform(0, days * DAY, count)), unit="s", utc=True
            ).floor("us"),
            "late": late,
            "temp": temp,
            "hour": random.integers(5, 23, count),
            "carrier": random.choice(names, count, p=shares),
            "Άφιξη": random.choice(["Αθήνα", "Θεσσαλονίκη", "Πάτρα"], count, p=[0.5, 0.3, 0.2]),
            "score": chance * (1 - blind) + noise * blind,
        }
    )  # fmt: skip


@dataclass
class World:
    """`clock` is the wall clock. Nothing runs by itself."""

    root: Path
    clock: float = SUMMER + 365 * DAY
    seed: int = 7
    written: int = 0
    started: list[tuple[str, dict[str, object], str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        workspace = Workspace.of(self.root, "local")
        store = Store.at(workspace.state, lambda: self.clock)
        self.context = Context("flight-delay", self.root, workspace, store, {})
        self.promote("release-1", "run-1")

    def promote(self, release: str, run: str) -> None:
        spring = rows(self.random, 8000, SUMMER - 90 * DAY, 80)
        held_out = rows(self.random, 2000, SUMMER - 10 * DAY, 10)
        folder = self.context.workspace.run(run)
        folder.mkdir(parents=True)
        profile = baseline(spring, DATASET, RECIPE, held_out["score"])
        (folder / "profile.json").write_text(json.dumps(profile, ensure_ascii=False))
        recorded = held_out.assign(label=held_out["late"], decision=held_out["score"] > 0.5)
        recorded[["label", "score", "decision"]].to_parquet(folder / "heldout.parquet")
        self.context.deployments.save(
            Deployment("flight-delay", release, run, "1", "production", weight=1.0)
        )

    def serve(self, frame: pd.DataFrame, *, labels: bool = True, release: str = "release-1",
              times: bool = True, shadow: bool = False) -> None:  # fmt: skip
        """Log these rows as answered now, and let their labels arrive."""
        import pyarrow.parquet as pq

        self.clock += 60
        answered = Answered(
            self.clock, f"request-{self.written}", "", shadow,
            list(frame["flight_id"]),
            [moment.to_pydatetime() if times else None for moment in frame["departs_at"]],
            [*zip(*(_plain(frame[name]) for name in FEATURES), strict=True)],
            list(frame["score"]), [bool(score > 0.5) for score in frame["score"]],
        )  # fmt: skip
        folder = self.context.workspace.predictions("flight-delay", release)
        folder.mkdir(parents=True, exist_ok=True)
        table = table_of([answered], Identity("flight-delay", "1", release), FEATURES)
        pq.write_table(table, folder / f"{self.written:06}.parquet")
        if labels:
            data = self.root / "data"
            data.mkdir(exist_ok=True)
            frame.drop(columns="score").to_parquet(data / f"{self.written:06}.parquet")
        self.written += 1

    def look(
        self, until: str | None = None, drift: Drift = DRIFT
    ) -> tuple[Look, Compared, Performance, Window]:
        seen = monitoring.look(self.context, DATASET, drift, until)
        compared = monitoring.compare(self.context, RECIPE, drift, seen)
        judged = monitoring.perform(self.context, DATASET, RECIPE, drift, seen)
        return seen, compared, judged, monitoring.record(self.context, seen, compared, judged)

    def start(self, deployment: str, parameters: dict[str, object], key: str) -> str:
        """Prefect, as far as the monitor sees it: the same key is the same run."""
        if key not in [known for _, _, known in self.started]:
            self.started.append((deployment, parameters, key))
        return f"flow-run-{[known for _, _, known in self.started].index(key)}"


def outcomes(found: tuple[dict[str, object], ...]) -> dict[str, str]:
    return {str(verdict["check"]): str(verdict["outcome"]) for verdict in found}


def _plain(column: pd.Series) -> list[object]:
    return [None if pd.isna(value) else value for value in column.tolist()]
