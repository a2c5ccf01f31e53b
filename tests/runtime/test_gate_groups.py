"""Groups of held-out rows: values crossed, numbers in ranges, missing values by themselves."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from mlops_spec.runtime.gates.groups import grouped, lacking


def counts(rows, by, cuts=None):
    found = grouped(pd.DataFrame(rows), by, cuts or {})
    return {found.name(i): int(n) for i, n in enumerate(found.rows)}


def test_columns_are_crossed_and_only_what_occurs_is_a_group():
    rows = {"carrier": ["UA", "UA", "Ωλ"], "origin": ["EWR", "EWR", "JFK"]}
    assert counts(rows, ["carrier", "origin"]) == {
        "carrier=UA × origin=EWR": 2,
        "carrier=Ωλ × origin=JFK": 1,
    }


def test_missing_values_are_a_group_of_their_own():
    rows = {"carrier": ["UA", None, None], "hour": [1.0, np.nan, 2.0]}
    assert counts(rows, ["carrier"]) == {"carrier=UA": 1, "carrier=(missing)": 2}
    assert counts(rows, ["hour"]) == {"hour=1": 1, "hour=(missing)": 1, "hour=2": 1}


def test_a_value_on_a_cut_belongs_to_the_range_that_begins_there():
    rows = {"distance": [-np.inf, 4.99, 5, 19.9, 20, np.inf, np.nan]}
    assert counts(rows, ["distance"], {"distance": (5.0, 20.0)}) == {
        "distance <5": 2,
        "distance 5–20": 2,
        "distance ≥20": 2,
        "distance=(missing)": 1,
    }


def test_one_cut_makes_two_ranges():
    assert counts({"x": [0.1, 0.3]}, ["x"], {"x": (0.25,)}) == {"x <0.25": 1, "x ≥0.25": 1}


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([True, False], ["b=true", "b=false"]),
        (pd.array([True, None], dtype="boolean"), ["b=true", "b=(missing)"]),
        (pd.array([7, None], dtype="Int64"), ["b=7", "b=(missing)"]),
        (pd.Categorical(["κ", None], categories=["κ", "λ"]), ["b=κ", "b=(missing)"]),
        (["a × b=c", ""], ["b=a × b=c", "b="]),
    ],
)
def test_values_are_written_as_in_a_spec(values, names):
    assert list(counts({"b": values}, ["b"])) == names


def test_the_rows_of_each_group_are_found_again():
    found = grouped(pd.DataFrame({"c": list("abacb")}), ["c"], {})
    assert [places.tolist() for places in found.places()] == [[0, 2], [1, 4], [3]]


def test_a_column_that_the_rows_lack_is_named():
    rows = pd.DataFrame({"a": [1]})
    assert lacking(rows, ["a"]) == ""
    assert lacking(rows, ["a", "b"]).startswith("the held-out rows of this run have no column 'b'")


def test_no_rows_have_no_groups():
    found = grouped(pd.DataFrame({"a": pd.Series([], dtype=object)}), ["a"], {})
    assert (len(found.rows), len(found.of_row)) == (0, 0)
    assert found.places() == []


def test_a_million_rows_take_no_more_than_a_second():
    random = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"c": random.choice(np.array(["UA", "AA", "Ωλ"], dtype=object), 1_000_000),
         "d": random.uniform(0, 30, 1_000_000)}
    )  # fmt: skip
    start = time.process_time()
    assert len(grouped(rows, ["c", "d"], {"d": (5.0, 20.0)}).rows) == 9
    assert time.process_time() - start < 1
