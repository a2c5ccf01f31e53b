"""What a machine without users sends as requests is like a week of users."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mlops_spec.runtime.declare import Column, Dataset, Parquet, Recipe, Split
from mlops_spec.runtime.rollout.trained import TrainedWorld

DATASET = Dataset(
    name="trips",
    source=Parquet(path="trips.parquet"),
    key="trip",
    time="at",
    label="cost",
    columns=(
        Column(name="trip", type="integer"),
        Column(name="at", type="timestamp"),
        Column(name="cost", type="float"),
        Column(name="hour", type="integer"),
    ),
    split=Split(by="time", test=0.2, validation=0.0),
)


class World(TrainedWorld):
    def __init__(self, rows):
        self.rows = rows
        self.dataset = DATASET
        self.recipe = Recipe("regression", ("hour",), "x.Y", {}, 0, None)

    def _heldout(self, release):
        return self.rows


def trips(number, days):
    at = pd.Timestamp("2025-06-01", tz="UTC") + pd.to_timedelta(
        np.linspace(0, days * 24, number, endpoint=False), unit="h"
    )
    return pd.DataFrame({"trip": np.arange(number), "at": at, "cost": 1.0, "hour": at.hour})


def sent(rows):
    bodies = World(rows).bodies(None)
    return pd.DataFrame([json.loads(body)["rows"][0] for body in bodies])


def test_of_millions_of_rows_those_of_a_whole_week_are_sent():
    found = sent(trips(500_000, 30))
    assert len(found) == 5_000
    assert found["trip"].min() >= 500_000 * 23 // 30
    assert found["hour"].value_counts(normalize=True).between(0.03, 0.055).all()


@pytest.mark.parametrize("shuffled", [False, True])
def test_of_a_sparse_week_the_newest_rows_are_sent_whatever_their_order(shuffled):
    rows = trips(20_000, 300)
    found = sent(rows.sample(frac=1, random_state=1) if shuffled else rows)
    assert sorted(found["trip"]) == list(range(15_000, 20_000))


def test_few_rows_are_all_sent():
    assert sorted(sent(trips(40, 3))["trip"]) == list(range(40))
