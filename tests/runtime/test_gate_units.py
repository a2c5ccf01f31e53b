"""Rows that go together count as one: by a column, by a stretch of time, by both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from learning import DATASET, RECIPE, context, put, rows, trained

from mlops_spec.runtime.declare import AtLeast, Gates
from mlops_spec.runtime.gates.step import gate
from mlops_spec.runtime.gates.units import units_of
from mlops_spec.runtime.refusal import Refusal

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

LIMIT = AtLeast("roc_auc", 0.5)
TIME = pd.Series(pd.date_range("2026-01-01", periods=6, freq="12h", tz="UTC"))
ROWS = pd.DataFrame({"customer": ["a", "a", "b", None, None, "b"]})


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"cluster": "customer"}, [{0, 1}, {2, 5}, {3}, {4}]),
        ({"blocks": 86400.0}, [{0, 1}, {2, 3}, {4, 5}]),
        ({"cluster": "customer", "blocks": 86400.0}, [{0, 1}, {2}, {3}, {4}, {5}]),
    ],
)
def test_rows_that_go_together(settings, parts):
    units = units_of(Gates((), **settings), ROWS, TIME)
    found = [set(np.flatnonzero(units.of_row == one)) for one in range(units.count)]
    assert sorted(map(sorted, found)) == sorted(map(sorted, parts))


def test_without_a_wish_each_row_is_alone():
    assert units_of(Gates(()), ROWS, TIME) is None


def test_a_column_that_the_rows_lack_is_said():
    with pytest.raises(Refusal, match="no column 'session', by which gates cluster them"):
        units_of(Gates((), cluster="session"), ROWS, TIME)
    with pytest.raises(Refusal, match="have no time, by which gates put them into `blocks`"):
        units_of(Gates((), blocks=60.0), ROWS, pd.Series([pd.NaT] * 6))


def test_the_verdict_says_how_rows_were_clustered(tmp_path):
    put(tmp_path, rows())
    place = context(tmp_path)
    run = trained(place)
    alone = gate(place, Gates((LIMIT,)), RECIPE, run)["verdicts"][0]
    changed = replace(place, facets={**place.facets, "gate": "g2"})
    found = gate(changed, Gates((LIMIT,), blocks=6 * 3600.0), RECIPE, run)["verdicts"][0]
    assert (alone["method"], found["method"]) == (
        "DeLong", "clustered by stretches of 6h, 20 clusters",
    )  # fmt: skip
    assert (found["n"], found["estimate"]) == (120, pytest.approx(alone["estimate"]))
    assert found["low"] != pytest.approx(alone["low"])
    assert DATASET.time == "at"
