"""Batch predictions on the platform: asked for by hand, into files and then into a table."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator

import pandas as pd
import pytest
from small_model import write_trips
from stories import UsersProject

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

ASKED = """kind: Dataset
name: asked
source: {csv: "asked/*.csv"}
key: trip_id
label: {column: late}
columns:
  trip_id:  {type: category}
  distance: {type: float, min: 0, max: 5000}
  load:     {type: float}
  zone:     {type: category, values: [north, south]}
  late:     {type: boolean, nullable: true}
split: {by: random}
"""
NOTHING = "rollout: trip\nmonitor: trip\n"
FILES = "output: {parquet: predictions}"
TABLE = "output: {table: {url_env: SCORES_URL, name: trip_scores}}"


@pytest.fixture
def asking(trips: UsersProject) -> Iterator[UsersProject]:
    """The small model with rows to predict: 500 trips."""
    specs, rows = trips.root / "specs" / "asked.yaml", trips.root / "asked" / "a.csv"
    specs.write_text(ASKED)
    write_trips(rows, 500, seed=8)
    yield trips
    trips.edit(r"batch: .*\n", "")
    specs.unlink()
    trips.apply()


def test_every_trip_is_predicted_into_files_and_then_into_a_table(asking: UsersProject) -> None:
    database = asking.root / "scores.db"
    asking.environment = {"SCORES_URL": f"sqlite:///{database}"}
    asking.edit(NOTHING, f"{NOTHING}batch: {{input: asked, {FILES}}}\n")
    asking.apply()
    assert asking.spec("run", "batch", "trip").code == 0, asking.logs()
    files = predicted(asking)
    assert len(files) == 500
    assert files["score"].between(0, 1).all()

    asking.edit(re.escape(FILES), TABLE)
    asking.apply()
    for _ in range(2):
        assert asking.spec("run", "batch", "trip").code == 0, asking.logs()
    with sqlite3.connect(database) as connection:
        rows = pd.read_sql("SELECT trip_id, score, release FROM trip_scores", connection)
    assert dict(zip(rows["trip_id"], rows["score"], strict=True)) == dict(
        zip(files["trip_id"], files["score"], strict=True)
    )
    assert set(rows["release"]) == {asking.production}


def predicted(trips: UsersProject) -> pd.DataFrame:
    """What a reader finds."""
    place = trips.root / "predictions"
    latest = json.loads((place / "latest.json").read_text())
    return pd.read_parquet(place / latest["folder"])
