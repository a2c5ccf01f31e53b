"""Splits: the newest rows judge, or a hash of the key decides; every part can be used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from learning import DATASET, RECIPE, context, put, rows

from mlops_spec.runtime.data.checks import check
from mlops_spec.runtime.data.snapshot import snapshot
from mlops_spec.runtime.data.split import TEST, TRAIN, VALIDATION, parts_of, read_parts, split
from mlops_spec.runtime.declare import Split
from mlops_spec.runtime.refusal import Refusal

AT_RANDOM = replace(DATASET, time=None, split=Split("random", 0.2, 0.1))


def test_by_time_the_newest_rows_judge_and_the_next_choose():
    frame = rows(100).sample(frac=1, random_state=1)
    parts = parts_of(frame, DATASET, RECIPE)
    newest_first = parts[np.argsort(-frame["at"].astype("int64"))]
    assert newest_first.tolist() == [TEST] * 20 + [VALIDATION] * 10 + [TRAIN] * 70


def test_rows_of_one_moment_fall_on_one_side():
    frame = rows(100)
    frame["at"] = frame["at"].dt.floor("D")
    parts = parts_of(frame, DATASET, RECIPE)
    assert (pd.Series(parts).groupby(frame["at"].to_numpy()).nunique() == 1).all()


def test_at_random_a_row_stays_in_its_part_when_others_come():
    few, many = rows(300), rows(600)
    kept = parts_of(many, AT_RANDOM, RECIPE)[:300]
    assert (parts_of(few, AT_RANDOM, RECIPE) == kept).all()


def test_at_random_the_shares_are_about_those_asked_for():
    parts = parts_of(rows(20_000), AT_RANDOM, RECIPE)
    shares = [round(float((parts == part).mean()), 2) for part in (TRAIN, VALIDATION, TEST)]
    assert shares == [0.7, 0.1, 0.2]


def test_another_seed_is_another_split():
    frame = rows(300)
    other = parts_of(frame, AT_RANDOM, replace(RECIPE, seed=2**32 - 1))
    assert (parts_of(frame, AT_RANDOM, RECIPE) != other).any()


def splitted(root, frame, dataset=DATASET):
    put(root, frame)
    place = context(root)
    data = snapshot(place, dataset)["data"]
    check(place, dataset, RECIPE, data)
    return split(place, dataset, RECIPE, data), place, data


def test_the_parts_are_counted_and_kept(tmp_path):
    output, place, data = splitted(tmp_path, rows())
    assert output == {"train": 420, "validation": 60, "test": 120}
    assert np.bincount(read_parts(place, data)).tolist() == [420, 60, 120]


NOTHING_LEFT = {
    "one moment": (
        lambda f: f.assign(at=pd.Timestamp("2013-03-01", tz="UTC")),
        "the part 'train' has no row",
    ),
    "no late flight at the end": (
        lambda f: f.assign(καθυστέρηση=f["καθυστέρηση"] & (f.index < 480)),
        "the part 'test' (120 rows) has no row with label True",
    ),
}


@pytest.mark.parametrize("case", NOTHING_LEFT)
def test_a_part_that_cannot_be_used_is_refused(tmp_path, case):
    change, message = NOTHING_LEFT[case]
    with pytest.raises(Refusal) as caught:
        splitted(tmp_path, change(rows()))
    assert caught.value.code == "MLS703"
    assert caught.value.message == f"the split by time leaves too little: {message}"


def test_a_feature_that_began_after_the_training_rows_is_refused(tmp_path):
    frame = rows()
    frame["distance"] = frame["distance"].where(frame.index > 450)
    put(tmp_path, frame)
    place = context(tmp_path)
    data = snapshot(place, DATASET)["data"]
    check(place, DATASET, RECIPE, data)
    with pytest.raises(Refusal, match="'distance' holds no value in any of the 420 training") as no:
        split(place, DATASET, RECIPE, data)
    assert no.value.code == "MLS705"
