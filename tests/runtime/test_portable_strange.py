"""Rows that no training had: the portable form answers them as scikit-learn does."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from portable_world import CLASSIFIERS, rows, scaled_and_one_hot, target
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from mlops_spec.runtime.portable import Scorer, export, load
from mlops_spec.runtime.portable.encoding import Coded
from mlops_spec.runtime.portable.scorer import CHUNK_ROWS, NoAnswer
from mlops_spec.runtime.portable.sklearn_scorer import answers_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|google).*")

Pair = tuple[Any, Scorer]
MODELS: dict[str, Any] = {
    "boosting": CLASSIFIERS["the same with native categories"],
    "forest": make_pipeline(scaled_and_one_hot(), RandomForestClassifier(10, random_state=0)),
    "gradient boosting": make_pipeline(
        scaled_and_one_hot(), GradientBoostingClassifier(n_estimators=10, random_state=0)
    ),
    "regression": make_pipeline(scaled_and_one_hot(), LogisticRegression(max_iter=500)),
}
# scikit-learn's forests refuse what single precision cannot hold.
WIDEST = {"boosting": math.inf, "forest": 1e37, "gradient boosting": 1e37, "regression": 1e9}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Pair]]:
    made: dict[str, Pair] = {}

    def made_once(name: str) -> Pair:
        if name not in made:
            folder = tmp_path_factory.mktemp("model")
            train = rows()
            model = MODELS[name].fit(train, target(train)[1])
            report = export(model, rows(200, 1), folder)
            assert (report.kind, report.reason) == ("onnx", "")
            made[name] = model, load(folder, report.digest)
        return made[name]

    return made_once


def numbers(widest: float) -> st.SearchStrategy[float | int | None]:
    finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
    whole = st.integers(-(2**62), 2**62)
    return st.none() | (finite | whole | st.sampled_from([1e308, -1e308, 5e-324, -0.0])).map(
        lambda value: float(np.clip(value, -widest, widest)) if abs(value) > widest else value
    )


def row(widest: float) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "distance": numbers(widest).filter(lambda value: value is not None),
            "temp": numbers(widest),
            "carrier": st.none() | st.sampled_from(["UA", "AA", "Ω air", ""]) | st.text(),
            "rainy": st.sampled_from([True, False]),
        }
    )


def asked(columns: dict[str, list[Any]]) -> pd.DataFrame:
    """The rows as scikit-learn is given them."""
    kinds = {"distance": "float64", "temp": "float64"}
    series = {
        name: pd.Series(
            [np.nan if v is None else v for v in values], dtype=kinds.get(name, "object")
        )
        for name, values in columns.items()
    }
    return pd.DataFrame(series)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_row_of_the_declared_types_is_scored_as_in_scikit_learn(
    name: str, data: st.DataObject, pair: Callable[[str], Pair]
) -> None:
    model, scorer = pair(name)
    found = data.draw(st.lists(row(WIDEST[name]), min_size=1, max_size=24))
    columns = {key: [each[key] for each in found] for key in found[0]}

    with threadpool_limits(1):
        wanted = answers_of(model, asked(columns))[:, 1]

    assert scorer.score(columns).score == pytest.approx(wanted.tolist(), rel=1e-9, abs=1e-12)
    assert scorer.score_batch(columns).score == pytest.approx(wanted, rel=1e-9, abs=1e-12)


def test_a_forest_takes_a_number_beyond_single_precision_for_an_infinite_one(
    pair: Callable[[str], Pair],
) -> None:
    """scikit-learn refuses it; a service has to answer, and any split is below it."""
    model, scorer = pair("forest")
    columns = {"distance": [1e308], "temp": [-1e308], "carrier": ["UA"], "rainy": [True]}
    nearly = {**columns, "distance": [1e30], "temp": [-1e30]}

    assert scorer.score(columns).score == pytest.approx(answers_of(model, asked(nearly))[:, 1])


def test_a_row_without_an_answer_is_no_negative_one(tmp_path: Path) -> None:
    """scikit-learn refuses it; a service must not decide on it."""
    train = rows()[["distance"]]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train, train.distance > 800)
    scorer = load(tmp_path, export(model, train[:100], tmp_path).digest)

    with pytest.raises(NoAnswer, match="no finite number"):
        scorer.score({"distance": [900.0, None]})

    batch = scorer.score_batch({"distance": [900.0, None]})
    assert np.isnan(batch.score).tolist() == [False, True]


def test_arrays_and_codes_are_scored_as_lists_are(pair: Callable[[str], Pair]) -> None:
    _, scorer = pair("boosting")
    found = rows(3 * CHUNK_ROWS // 2, seed=4)
    words = sorted(found["carrier"].dropna().unique())
    codes = np.array([-1 if pd.isna(v) else words.index(v) for v in found["carrier"]], np.int32)
    arrays = {
        "distance": found["distance"].to_numpy(),
        "temp": found["temp"].to_numpy(),
        "carrier": Coded(codes, words),
        "rainy": Coded(
            np.array([-1 if pd.isna(v) else int(v) for v in found["rainy"]]), [False, True]
        ),
    }
    lists = {name: [None if pd.isna(v) else v for v in found[name]] for name in found}

    batch, listed = scorer.score_batch(arrays), scorer.score(lists)

    assert batch.score.tolist() == listed.score
    assert batch.decision.tolist() == listed.decision
    assert batch.decision.dtype == np.bool_


def test_no_row_is_no_answer(pair: Callable[[str], Pair]) -> None:
    _, scorer = pair("boosting")
    nothing: dict[str, list[Any]] = {"distance": [], "temp": [], "carrier": [], "rainy": []}

    assert scorer.score(nothing).score == []
    assert scorer.score_batch(nothing).score.tolist() == []
