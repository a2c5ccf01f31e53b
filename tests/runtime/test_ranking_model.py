"""A ranking from rows to a verdict: trained row by row, judged list by list."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from learning import COLUMNS, DATASET, RECIPE, context, put, rows, trained

from mlops_spec.runtime.declare import Against, AtLeast, Column, Gates, Split
from mlops_spec.runtime.gates.step import gate
from mlops_spec.runtime.portable import load
from mlops_spec.runtime.train.evaluation import heldout_answers, heldout_rows
from mlops_spec.state import Deployment
from mlops_spec.terms.digest import file_digest

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

QUERIES = replace(
    DATASET,
    label="relevance",
    columns=(
        *(column for column in COLUMNS if column.name != DATASET.label),
        Column("relevance", "integer", min=0),
        Column("query", "category", nullable=True),
    ),
)
RANK = replace(
    RECIPE,
    task="ranking",
    group="query",
    estimator="sklearn.ensemble.HistGradientBoostingRegressor",
)
GATES = Gates(
    (AtLeast("ndcg", 0.5), AtLeast("mean_reciprocal_rank", 0.3)), min_rows=30, confidence=0.9
)


def queries(n=1600):
    """Eight rows a query; one query in five has nothing relevant, the last row has no query."""
    frame, random = rows(n), np.random.default_rng(1)
    number = np.arange(n) // 8
    signal = frame["ώρα"] / 8 + random.normal(size=n) * 0.3
    relevance = np.where(number % 5 == 0, 0, np.clip(signal, 0, 2).round()).astype(int)
    query = pd.Series([f"q{one}" for one in number], dtype=object)
    query.iloc[-1] = None
    return frame.drop(columns="καθυστέρηση").assign(relevance=relevance, query=query)


@pytest.fixture
def place(tmp_path):
    put(tmp_path, queries())
    return context(tmp_path)


def test_a_ranking_is_trained_and_judged_by_list(place):
    run = trained(place, QUERIES, RANK)
    found = place.journal.steps(place.model, step="evaluate", run=run)[0].output
    assert sorted(found["metrics"]) == [
        "mean_average_precision", "mean_reciprocal_rank", "ndcg", "ndcg_at_10", "skill",
    ]  # fmt: skip
    held = heldout_rows(place, run)
    with_relevant = held.groupby("query")["relevance"].sum()
    assert found["metrics"]["ndcg"]["n"] in {
        (with_relevant > 0).sum(),
        (with_relevant > 0).sum() + 1,
    }
    assert found["metrics"]["ndcg"]["value"] > 0.8
    assert (found["portable"]["kind"], found["validation"]["metric"]) == ("onnx", "ndcg")
    assert heldout_answers(place, run)["group"].nunique() == held["query"].nunique()
    profile = json.loads((place.workspace.run(run) / "profile.json").read_text())
    assert profile


def test_the_portable_model_scores_without_lists(place):
    run = trained(place, QUERIES, RANK)
    folder = place.workspace.run(run) / "portable"
    scorer = load(folder, file_digest(folder / "manifest.json"))
    held = heldout_rows(place, run)
    columns = {
        name: held[name].astype(object).where(held[name].notna(), None).tolist()
        for name in scorer.features
    }
    found = scorer.score(columns)
    np.testing.assert_allclose(found.score, heldout_answers(place, run)["score"], atol=1e-4)
    assert found.decision == found.score


@pytest.mark.parametrize("by", ["time", "random"])
def test_a_list_stays_in_one_part(place, by):
    from mlops_spec.runtime.data.checks import read_checked
    from mlops_spec.runtime.data.split import parts_of

    run = trained(place, QUERIES, RANK)
    data = place.journal.steps(place.model, step="fit", run=run)[0].output["data"]
    checked = read_checked(place, data)
    parts = parts_of(checked, replace(QUERIES, split=Split(by, 0.2, 0.1)), RANK)
    assert set(parts.tolist()) == {0, 1, 2}
    assert checked.assign(part=parts).groupby("query")["part"].nunique().max() == 1


def test_a_ranking_passes_its_gates_and_says_what_was_left_out(place):
    run = trained(place, QUERIES, RANK)
    output = gate(place, GATES, RANK, run)
    assert [v["outcome"] for v in output["verdicts"]] == ["pass", "pass"]
    assert {v["method"] for v in output["verdicts"]} == {"mean of lists"}
    assert all("lists have nothing relevant" in v["reason"] for v in output["verdicts"])


def test_a_ranking_is_compared_on_the_same_lists(place):
    first = trained(place, QUERIES, replace(RANK, features=("distance",)))
    place.deployments.save(Deployment(place.model, "r1", first, "1", "production"))
    changed = replace(place, facets={**place.facets, "train": "t2"})
    second = trained(changed, QUERIES, RANK)
    gates = replace(GATES, gates=(*GATES.gates, Against("ndcg", "superiority")))
    verdict = gate(changed, gates, RANK, second)["verdicts"][2]
    assert (verdict["outcome"], verdict["method"]) == ("pass", "mean of lists, paired")
    assert ", same lists; " in verdict["reason"]


def test_what_is_counted_is_called_lists_where_there_are_too_few(place):
    run = trained(place, QUERIES, RANK)
    verdicts = gate(place, replace(GATES, min_rows=5000), RANK, run)["verdicts"]
    assert [v["reason"].partition(";")[0] for v in verdicts] == ["5000 lists are the least"] * 2
    rows_of = replace(GATES, min_rows=5000, gates=(AtLeast("skill", 0.1),))
    verdict = gate(context_with(place, "g2"), rows_of, RANK, run)["verdicts"][0]
    assert verdict["reason"] == "5000 rows are the least"


def context_with(place, gates):
    """The same place, with another policy."""
    return replace(place, facets={**place.facets, "gate": gates})


def test_what_is_said_row_by_row_is_clustered_by_list(place):
    run = trained(place, QUERIES, RANK)
    verdict = gate(place, replace(GATES, gates=(AtLeast("skill", 0.1),)), RANK, run)["verdicts"][0]
    assert (verdict["outcome"], verdict["method"]) == ("pass", "clustered by list")


def test_rows_of_many_lists_may_go_together(place):
    run = trained(place, QUERIES, RANK)
    output = gate(place, replace(GATES, blocks=86400.0), RANK, run)
    assert output["verdicts"][0]["method"].startswith("clustered by stretches of 1d")
