"""Profiles: merging equals the whole, bins stay frozen, categories of every spelling meet."""

from __future__ import annotations

import json
import time

import numpy as np
import pandas as pd
import pytest
from monitor_world import DATASET, DRIFT, RECIPE, SUMMER, rows
from scipy import stats

from mlops_spec.runtime.declare import Column, Dataset, Parquet, Recipe, Split
from mlops_spec.runtime.monitor.profile import (
    CATEGORIES,
    NEW,
    OTHER,
    Categories,
    Numbers,
    Profile,
    baseline,
    canonical,
    counted,
    counted_rows,
    measure,
)
from mlops_spec.stats.drift import ks


def _profile(seed: int = 1) -> Profile:
    frame = rows(np.random.default_rng(seed), 5000, SUMMER, 30)
    return Profile.from_json(baseline(frame, DATASET, RECIPE, frame["score"]))


def test_profiles_of_chunks_add_up_to_the_profile_of_the_whole() -> None:
    frozen = _profile()
    frame = rows(np.random.default_rng(2), 3000, SUMMER, 7, lost=0.1, new=0.05)
    chunks = [counted_rows(frame[start : start + 700], frozen) for start in range(0, 3000, 700)]
    total = chunks[0]
    for chunk in chunks[1:]:
        total = total + chunk
    assert total == counted_rows(frame, frozen)


def test_a_profile_survives_json_with_greek_names() -> None:
    frame = rows(np.random.default_rng(1), 500, SUMMER, 30)
    written = baseline(frame, DATASET, RECIPE, frame["score"])
    text = json.dumps(written, ensure_ascii=False, allow_nan=False)
    assert Profile.from_json(json.loads(text)) == Profile.from_json(written)
    assert list(written["columns"]) == ["temp", "hour", "carrier", "Άφιξη"]


def test_profiles_on_other_edges_do_not_add_up() -> None:
    with pytest.raises(ValueError, match="same frozen edges"):
        Numbers((1.0,), (1, 2)) + Numbers((2.0,), (1, 2))
    with pytest.raises(ValueError, match="same frozen values"):
        Categories(("a",), (1,)) + Categories(("b",), (1,))


def test_a_column_of_few_values_is_counted_exactly() -> None:
    random = np.random.default_rng(3)
    before, now = random.integers(0, 200, 9000), random.integers(5, 220, 700)
    frozen = measure(before, "integer")
    found = counted(now, frozen)
    assert isinstance(frozen, Numbers)
    assert isinstance(found, Numbers)
    expected = stats.ks_2samp(before, now).statistic
    assert ks(frozen.counts, found.counts, 0.05).estimate == pytest.approx(expected, abs=1e-12)


def test_the_distance_on_bins_is_too_small_by_at_most_one_bin() -> None:
    random = np.random.default_rng(4)
    before, now = random.normal(size=20_000), random.normal(0.3, 1.2, size=5000)
    frozen = measure(before, "float")
    found = counted(now, frozen)
    assert isinstance(frozen, Numbers)
    assert isinstance(found, Numbers)
    exact = stats.ks_2samp(before, now).statistic
    binned = ks(frozen.counts, found.counts, 0.05).estimate
    assert exact - 1 / 256 - 1e-9 <= binned <= exact + 1e-12


def test_infinities_and_missing_values_have_their_place() -> None:
    frozen = measure([1.0, 2.0, np.nan, np.inf, -np.inf], "float")
    assert frozen == Numbers((1.0, 2.0), (2, 1, 1), 1)
    assert counted([], frozen) == Numbers((1.0, 2.0), (0, 0, 0), 0)
    assert measure([None, None], "float") == Numbers((), (0,), 2)


def test_new_rare_and_missing_categories_are_kept_apart() -> None:
    many = [f"v{i:04}" for i in range(CATEGORIES)] * 2 + ["rare"]
    frozen = measure(many, "category")
    assert isinstance(frozen, Categories)
    assert frozen.values[-2:] == (OTHER, NEW)
    found = counted(["v0001", "rare", "never", None], frozen)
    assert isinstance(found, Categories)
    assert dict(zip(found.values, found.counts, strict=True)) | {} == {
        **dict.fromkeys(frozen.values, 0), "v0001": 1, OTHER: 1, NEW: 1,
    }  # fmt: skip
    assert found.missing == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), ("True", "true"), (np.bool_(False), "false"), (1, "1"), (1.0, "1"),
     (np.float64(2), "2"), ("Αθήνα", "Αθήνα"), (1.5, "1.5")],
)  # fmt: skip
def test_a_category_is_the_same_from_every_source(value: object, text: str) -> None:
    assert canonical(value) == text


def test_a_feature_named_like_a_log_column_is_read_under_its_prefix() -> None:
    frozen = Profile({"score": measure([1.0, 2.0], "float")}, {"score": measure([0.5], "float")})
    log = pd.DataFrame({"score": [0.5], "feature.score": [2.0]})
    now = counted_rows(log, frozen)
    assert now.columns["score"] == Numbers((1.0, 2.0), (0, 1, 0))
    assert now.answers["score"] == Numbers((0.5,), (1, 0))


def test_a_column_that_vanished_from_the_log_is_all_missing() -> None:
    now = counted_rows(pd.DataFrame({"hour": [7, 8]}), _profile())
    assert now.columns["temp"].missing == 2
    assert now.columns["temp"].rows == 0


@pytest.mark.slow
def test_a_million_rows_of_twenty_columns_take_seconds() -> None:
    random = np.random.default_rng(5)
    numbers = {f"n{i}": random.normal(size=1_000_000) for i in range(15)}
    words = np.array([f"w{i}" for i in range(50)])
    texts = {f"c{i}": random.choice(words, 1_000_000) for i in range(5)}
    frame = pd.DataFrame({**numbers, **texts})
    columns = tuple(Column(n, "float") for n in numbers) + tuple(
        Column(n, "category") for n in texts
    )
    dataset = Dataset("d", Parquet("x"), "k", None, "y", columns, Split("random", 0.2, 0.1))
    recipe = Recipe("regression", tuple(frame.columns), "x.Y")
    begun = time.process_time()
    frozen = Profile.from_json(baseline(frame, dataset, recipe, frame["n0"]))
    counted_rows(frame, frozen)
    assert time.process_time() - begun < 20
    assert DRIFT.min_rows == 300
