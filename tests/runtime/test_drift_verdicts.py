"""Drift as verdicts: no data is no pass, chance is no drift, drift is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from monitor_world import DATASET, DRIFT, RECIPE, SUMMER, rows

from mlops_spec.runtime.monitor.drift import folded, verdicts
from mlops_spec.runtime.monitor.profile import (
    Categories,
    Profile,
    baseline,
    counted_rows,
    measure,
)
from mlops_spec.terms.verdict import Outcome, Verdict


def _judged(
    drift: object = DRIFT, count: int = 1500, seed: int = 2, **shift: float
) -> dict[str, Verdict]:
    random = np.random.default_rng(seed)
    before = rows(random, 8000, SUMMER, 60)
    frozen = Profile.from_json(baseline(before, DATASET, RECIPE, before["score"]))
    now = counted_rows(rows(random, count, SUMMER, 7, **shift), frozen)
    return {v.check: v for v in verdicts(frozen, now, drift)}  # type: ignore[arg-type]


def _failed(found: dict[str, Verdict]) -> set[str]:
    return {check for check, verdict in found.items() if verdict.outcome is Outcome.FAIL}


def test_rows_like_those_of_training_pass_every_check() -> None:
    found = _judged()
    assert {v.outcome for v in found.values()} == {Outcome.PASS}
    assert list(found) == [
        "ks score", "missing score", "ks temp", "missing temp", "ks hour", "missing hour",
        "psi carrier", "new carrier", "missing carrier", "psi Άφιξη", "new Άφιξη", "missing Άφιξη",
    ]  # fmt: skip


def test_a_warmer_month_fails_its_column_only() -> None:
    found = _judged(warmer=6)
    assert _failed(found) == {"ks temp"}
    verdict = found["ks temp"]
    assert verdict.low is not None
    assert verdict.low > 0.1
    assert (verdict.n, verdict.limit) == (1500, "0.1")


def test_lost_values_fail_as_missing_and_do_not_move_the_distance() -> None:
    assert _failed(_judged(lost=0.4)) == {"missing temp"}


def test_values_that_training_never_saw_fail_by_their_share() -> None:
    found = _judged(new=0.3)
    assert _failed(found) == {"new carrier", "psi carrier"}
    assert found["new carrier"].reason.endswith("rows of 1500")


def test_too_few_rows_are_no_data_and_say_how_many_are_needed() -> None:
    found = _judged(count=40)
    assert {v.outcome for v in found.values()} == {Outcome.NO_DATA}
    assert {v.n_enough for v in found.values()} == {300}


def test_an_empty_window_is_no_data() -> None:
    assert {v.outcome for v in _judged(count=0).values()} == {Outcome.NO_DATA}
    nothing_asked = _judged(drift=replace(DRIFT, min_rows=0), count=0)
    assert {v.outcome for v in nothing_asked.values()} == {Outcome.NO_DATA}


def test_a_column_that_was_empty_in_training_is_no_data() -> None:
    frozen = Profile({"x": measure([None] * 500, "float")}, {})
    now = Profile({"x": measure([None] * 500, "float")}, {})
    found = {v.check: v.outcome for v in verdicts(frozen, now, DRIFT)}
    assert found == {"ks x": Outcome.NO_DATA, "missing x": Outcome.PASS}


def test_a_large_distance_on_few_rows_is_inconclusive_rather_than_either() -> None:
    outcomes = {
        _judged(drift=replace(DRIFT, min_rows=5), count=25, seed=seed)["ks temp"].outcome
        for seed in range(12)
    }
    assert Outcome.INCONCLUSIVE in outcomes
    assert Outcome.FAIL not in outcomes


def test_rare_categories_are_folded_by_the_baseline_alone() -> None:
    before = Categories(("a", "b", "c", "__other__", "__new__"), (900, 90, 3, 7, 0))
    now = Categories(before.values, (40, 50, 9, 1, 0))
    assert folded(before, now) == ([900, 90, 10], [40, 50, 10])
    with_new = Categories(before.values, (40, 50, 0, 0, 10))
    assert folded(before, with_new) == ([900, 90, 0, 10], [40, 50, 10, 0])


def test_a_thousand_identical_worlds_raise_no_alarm_and_a_stated_shift_always_does() -> None:
    """KS 0.1 and PSI 0.2 at 300 rows: at most 1 in 100 false, at least 95 in 100 found."""
    random = np.random.default_rng(11)
    before = random.normal(size=5000)
    letters = np.array(list("abcdefgh"))
    words = random.choice(letters, 5000)
    frozen = Profile({"x": measure(before, "float"), "c": measure(words, "category")}, {})
    false = found = 0
    for _ in range(1000):
        same = {"x": random.normal(size=300), "c": random.choice(letters, 300)}
        false += bool(_fails(frozen, same))
    for _ in range(200):
        moved = {"x": random.normal(0.5, 1, 300), "c": random.choice(letters, 300)}
        found += "ks x" in _fails(frozen, moved)
    assert false <= 10
    assert found >= 190


def _fails(frozen: Profile, columns: dict[str, np.ndarray]) -> set[str]:
    import pandas as pd

    now = counted_rows(pd.DataFrame(columns), frozen)
    return {v.check for v in verdicts(frozen, now, DRIFT) if v.outcome is Outcome.FAIL}
