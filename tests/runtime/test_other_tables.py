"""Tables like those of other people, through every step up to a version: no change of code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from learning import context, put, trained

from mlops_spec.runtime.declare import (
    AtLeast,
    AtMost,
    Calibrated,
    Column,
    Consistent,
    Dataset,
    Fair,
    Gates,
    Latency,
    Leakage,
    ModelSize,
    Parquet,
    Recipe,
    Segments,
    Split,
    Stable,
)
from mlops_spec.runtime.gates.step import gate
from mlops_spec.runtime.train.registry import register

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

ON_THE_MODEL = (
    Latency(0.95, most=1.0), ModelSize(10**9), Stable(0.01, 0.2), Leakage(0.999, 0.9),
    Consistent(0.01, 0.05),
)  # fmt: skip
HGB = "sklearn.ensemble.HistGradientBoosting"


def adult(n: int) -> pd.DataFrame:
    """Census rows: a target of text, forty countries, missing values, weights, no time."""
    random = np.random.default_rng(1)
    age, hours = random.integers(17, 90, n), random.integers(1, 99, n).astype(float)
    sex = random.choice(["Male", "Female"], n, p=[0.67, 0.33])
    country = random.choice([f"Country {i}" for i in range(40)], n, p=_falling(40))
    wished = (age - 45) / 15 + (hours - 40) / 20 + (sex == "Male") * 0.4 - 1.2
    rich = random.random(n) < 1 / (1 + np.exp(-wished))
    hours[random.random(n) < 0.05] = np.nan
    known = pd.Series(country).mask(random.random(n) < 0.02)
    return pd.DataFrame(
        {
            "row": np.arange(n), "age": age, "hours per week": hours, "sex": sex,
            "native-country": known, "fnlwgt": random.uniform(1e4, 1e6, n),
            "income": np.where(rich, ">50K", "<=50K"),
        }
    )  # fmt: skip


def _falling(n: int) -> np.ndarray:
    shares = 1 / np.arange(1, n + 1) ** 2
    return shares / shares.sum()


ADULT = Dataset(
    "adult", Parquet("data/*.parquet"), "row", None, "income",
    (
        Column("row", "integer"), Column("age", "integer"),
        Column("hours per week", "float", nullable=True), Column("sex", "category"),
        Column("native-country", "category", nullable=True), Column("fnlwgt", "float"),
        Column("income", "category"),
    ),
    Split("random", 0.3, 0.1),
)  # fmt: skip
ADULT_RECIPE = Recipe(
    "binary", ("age", "hours per week", "sex", "native-country"), f"{HGB}Classifier",
    {"max_iter": 40}, positive=">50K", weight="fnlwgt",
)  # fmt: skip
ADULT_GATES = (
    AtLeast("roc_auc", 0.6), AtMost("brier_score", 0.24),
    Segments("sex", ("sex",), AtLeast("roc_auc", 0.55)),
    Segments("countries", ("native-country", "sex"), AtLeast("accuracy", 0.4)),
    Fair("sex", ("sex",), "demographic_parity_difference", most=0.5),
    Calibrated("ece", most=0.2),
)  # fmt: skip


def outcomes(root: Path, rows: pd.DataFrame, dataset: Dataset, recipe: Recipe, gates: Gates):
    """Each verdict's outcome by its check, and the version."""
    put(root, rows)
    place = context(root)
    run = trained(place, dataset, recipe)
    found = gate(place, gates, recipe, run)
    version = register(place, dataset, recipe, run, "sqlite")["version"]
    return {one["check"]: one["outcome"] for one in found["verdicts"]}, version


def test_census_rows_with_a_target_of_text_pass_what_they_should(tmp_path):
    gates = Gates((*ADULT_GATES, *ON_THE_MODEL))
    found, version = outcomes(tmp_path, adult(8000), ADULT, ADULT_RECIPE, gates)
    assert (set(found.values()), version) == ({"pass"}, "1"), found


def test_two_hundred_rows_decide_little_and_nothing_breaks(tmp_path):
    gates = Gates((*ADULT_GATES, *ON_THE_MODEL))
    found, version = outcomes(tmp_path, adult(200), ADULT, ADULT_RECIPE, gates)
    assert (found["roc_auc"], version) == ("no_data", "")
    assert "error" not in found.values()


def test_credit_rows_with_few_defaults_are_judged_on_the_defaults(tmp_path):
    rows = adult(4000)
    random = np.random.default_rng(2)
    rows["income"] = np.where(random.random(4000) < 0.01, "default", "paid")
    recipe = replace(ADULT_RECIPE, positive="default", weight=None)
    gates = Gates((AtLeast("roc_auc", 0.8), AtLeast("recall", 0.3)))
    found, version = outcomes(tmp_path, rows, ADULT, recipe, gates)
    assert "pass" not in found.values()
    assert version == ""


def test_a_table_of_prices_is_a_regression_with_its_segments(tmp_path):
    rows = adult(5000)
    random = np.random.default_rng(3)
    rows["income"] = 1000.0 * rows["age"] + random.normal(0, 4000, 5000)
    columns = tuple(
        Column("income", "float") if column.name == "income" else column for column in ADULT.columns
    )
    recipe = replace(
        ADULT_RECIPE, task="regression", estimator=f"{HGB}Regressor", positive=None, weight=None
    )
    segments = Segments("sex", ("sex",), AtMost("mean_absolute_error", 9000.0))
    gates = Gates((AtLeast("r2", 0.8), AtMost("mean_absolute_error", 6000.0), segments))
    found, version = outcomes(tmp_path, rows, replace(ADULT, columns=columns), recipe, gates)
    assert (set(found.values()), version) == ({"pass"}, "1"), found
