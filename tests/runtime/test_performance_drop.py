"""The drop of the primary metric, for each task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from monitor_world import DATASET, DRIFT, RECIPE
from sklearn.metrics import roc_auc_score

from mlops_spec.runtime.monitor import performance
from mlops_spec.runtime.monitor.labels import labelled, labels
from mlops_spec.stats.estimate import Estimate
from mlops_spec.terms.verdict import Outcome


def _rows(count: int, noise: float, seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    truth = random.normal(size=count)
    score = truth + random.normal(0, noise, count)
    return pd.DataFrame({"label": truth, "score": score})


def _classes(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(label=frame["label"] > 0, decision=(frame["score"] > 0).astype(str))


def test_the_binary_metric_is_the_auc_of_scikit_learn() -> None:
    frame = _classes(_rows(2000, 1.0))
    found = performance.measured(frame, RECIPE)
    assert found.value == pytest.approx(roc_auc_score(frame["label"], frame["score"]), abs=1e-12)
    turned = performance.measured(frame, replace(RECIPE, positive=False))
    assert turned.value == pytest.approx(1 - found.value, abs=1e-12)
    text = frame.assign(label=frame["label"].map({True: "yes", False: "no"}))
    assert performance.measured(text, replace(RECIPE, positive="yes")) == found


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", "ranking"])
def test_a_worse_model_fails_and_an_equal_one_passes_in_every_task(task: str) -> None:
    recipe = replace(RECIPE, task=task)  # type: ignore[arg-type]
    make = (lambda frame: frame) if task in ("regression", "ranking") else _classes
    baseline, same, worse = (make(_rows(4000, noise, seed)) for seed, noise in
                             enumerate((0.5, 0.5, 1.2)))  # fmt: skip
    judged = performance.judge(same, baseline, "the baseline", recipe, DRIFT)
    assert judged.verdict.outcome is Outcome.PASS
    judged = performance.judge(worse, baseline, "the baseline", recipe, DRIFT)
    assert judged.verdict.outcome is Outcome.FAIL
    assert judged.verdict.reason.endswith("in the baseline")


def test_a_large_drop_on_few_rows_is_inconclusive() -> None:
    few = replace(DRIFT, performance_min_rows=20)
    outcomes = {
        performance.judge(
            _classes(_rows(40, 0.9, seed)), _classes(_rows(4000, 0.6)), "it", RECIPE, few
        ).verdict.outcome
        for seed in range(30)
    }
    assert Outcome.INCONCLUSIVE in outcomes


def test_the_standard_error_of_the_drop_is_that_of_simulation() -> None:
    now, base = (
        Estimate(0.72, 0.72 - 0.0164485, 0.7364485, 900),
        Estimate(0.75, 0.7335515, 0.77, 900),
    )
    drop, error = performance.relative_drop(now, base, more_is_better=True)
    random = np.random.default_rng(1)
    drawn = 1 - random.normal(0.72, 0.01, 200_000) / random.normal(0.75, 0.01, 200_000)
    assert drop == pytest.approx(0.04)
    assert error == pytest.approx(drawn.std(), rel=0.02)
    assert performance.relative_drop(now, base, more_is_better=False)[0] == pytest.approx(-0.04)


def test_without_drop_one_look_in_twenty_at_most_is_called_certain() -> None:
    """With no limit but the certainty alone, equal models fail at the rate of the confidence."""
    certain = replace(DRIFT, drop=0.0, performance_min_rows=100)
    fails = sum(
        performance.judge(
            _classes(_rows(500, 1.0, 2 * seed)), _classes(_rows(2000, 1.0, 2 * seed + 1)),
            "it", RECIPE, certain,
        ).verdict.outcome is Outcome.FAIL
        for seed in range(300)
    )  # fmt: skip
    assert 4 <= fails <= 30


def test_no_label_no_baseline_and_no_rows_are_no_data() -> None:
    good, nothing = _classes(_rows(1000, 0.5)), _classes(_rows(0, 0.5))
    assert performance.judge(nothing, good, "it", RECIPE, DRIFT).verdict.outcome is Outcome.NO_DATA
    found = performance.judge(good, nothing, "it", RECIPE, DRIFT).verdict
    assert found.outcome is Outcome.NO_DATA
    assert found.reason.startswith("there is no baseline")
    blank = good.assign(score=np.nan)
    assert performance.judge(blank, good, "it", RECIPE, DRIFT).verdict.outcome is Outcome.NO_DATA


def test_a_key_with_two_labels_has_none_and_repeated_requests_count_once(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pd.DataFrame(
        {"flight_id": ["a", "b", "b", "c", "c", "d"],
         "late": [True, False, True, False, False, None], "temp": 1.0}
    ).to_parquet(tmp_path / "data" / "rows.parquet")  # fmt: skip
    arrived = labels(tmp_path, DATASET, frozenset("abcd"))
    assert arrived.to_dict() == {"a": "true", "c": "false"}
    predictions = pd.DataFrame(
        {"key": ["a", "a", "c", None, "x"], "score": [1.0, 2.0, 3.0, 4.0, 5.0]}
    )
    found = labelled(predictions, arrived)
    assert found[["key", "score", "label"]].to_numpy().tolist() == [
        ["a", 1.0, "true"], ["c", 3.0, "false"],
    ]  # fmt: skip
