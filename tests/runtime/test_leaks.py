"""Of many rows a sample is looked at first: what is found is what all rows would have told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from learning import RECIPE

from mlops_spec.runtime.data import leaks as leaks_of
from mlops_spec.runtime.data.leaks import leaks

ROWS = 60_000

LABELS = {
    "regression": lambda random: random.gamma(2, 1, ROWS),
    "ranking": lambda random: random.integers(0, 5, ROWS),
    "binary": lambda random: random.random(ROWS) < 0.3,
    "multiclass": lambda random: np.array(["α", "β", "γ"])[random.integers(0, 3, ROWS)],
}


def features(label, random):
    """A frame of what may and may not give a label away, with its label."""
    codes, _ = pd.factorize(label, sort=True)
    noise = random.random(ROWS)
    rows = pd.DataFrame(
        {"label": label, "noise": noise, "one": 1, "few": random.integers(0, 9, ROWS)}
    )
    rows["copy"] = codes.astype(float)
    rows["shifted"] = codes + noise / 1e3
    rows["late"] = rows["shifted"].where(random.random(ROWS) < 0.6)
    rows["rare"] = rows["shifted"].where(random.random(ROWS) < 0.4)
    wrong = random.random(ROWS) < 0.001
    rows["nearly"] = np.where(wrong, noise * codes.max(), rows["shifted"])
    rows["text"] = pd.Series(codes % 7).map("v{}".format)
    rows["keys"] = [f"k{row}" for row in range(ROWS)]
    rows["twice"] = rows["keys"].str[:-1]
    return rows


def found(rows, task, names):
    recipe = replace(RECIPE, task=task, features=names)
    return leaks(rows, "label", recipe)


@pytest.mark.parametrize("task", LABELS)
@pytest.mark.parametrize("seed", range(3))
def test_a_sample_hides_no_leak_and_accuses_no_honest_feature(task, seed, monkeypatch):
    random = np.random.default_rng(seed)
    rows = features(LABELS[task](random), random)
    names = tuple(name for name in rows if name != "label")
    quick = found(rows, task, names)
    monkeypatch.setattr(leaks_of, "_MIN_ROWS_TO_SAMPLE", ROWS + 1)
    assert quick == found(rows, task, names)
    assert {"copy", "shifted", "late"} <= set(quick)
    assert not {"noise", "one", "few", "keys", "twice", "rare"} & set(quick)


@pytest.mark.parametrize("cases", [10, 30, 300])
def test_a_leak_of_rare_cases_that_a_sample_misses_is_found(cases):
    label = np.arange(ROWS) < cases
    rows = pd.DataFrame({"label": label, "told": label + np.random.default_rng(1).random(ROWS)})
    assert found(rows, "binary", ("told",)) == {"told": "alone it has an AUC of 1.000000"}


def test_a_value_for_a_label_of_thousands_is_found_though_a_sample_has_few_twice():
    label = np.repeat(np.arange(ROWS // 2), 2).astype(float)
    rows = pd.DataFrame({"label": label, "told": [f"v{value:g}" for value in label]})
    told = {"told": "each of its values has one label"}
    assert found(rows.sample(frac=1, random_state=0), "regression", ("told",)) == told
