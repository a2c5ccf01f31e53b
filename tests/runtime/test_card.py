"""The model card: whole, self-contained, of records alone, and safe with any text."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from learning import COLUMNS, DATASET, FACETS, RECIPE, context, put, rows, trained
from page_reader import parsed

from mlops_spec.runtime.card.origin import record_origin
from mlops_spec.runtime.card.recorded import read_recorded
from mlops_spec.runtime.card.write import page, write_card
from mlops_spec.runtime.declare import Against, AtLeast, AtMost, Column, Fair, Gates, Segments
from mlops_spec.runtime.gates.step import gate
from mlops_spec.state import Deployment
from mlops_spec.state.approvals import Approval, record_approval
from mlops_spec.state.asked import record_asked

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

EVIL = "<script>alert('Ωλ')</script>\u202e\"&"
CODE = {"code_revision": "4f2c", "code_dirty": "true"}
FIRST = Gates((AtLeast("roc_auc", 0.55), AtMost("brier_score", 0.3)), min_rows=50)
BINARY = Gates(
    (
        AtLeast("roc_auc", 0.999),
        Against("roc_auc", "non_inferiority", 0.01, "pp"),
        Segments("carriers", ("carrier",), AtLeast("accuracy", 0.5), min_rows=40),
        Fair("carriers", ("carrier",), "demographic_parity_difference", most=0.9),
    ),
    min_rows=50,
)


def evil_rows(n=900):
    """As learning's, with a carrier whose name is markup."""
    frame = rows(n)
    return frame.assign(carrier=frame["carrier"].replace("UA", EVIL))


def columns(label=None):
    plain = [c for c in COLUMNS if c.name not in ("carrier", *([DATASET.label] if label else []))]
    return (*plain, Column("carrier", "category"), *([label] if label else []))


FLIGHTS = replace(DATASET, columns=columns())


def judged(root, gates, dataset=FLIGHTS, recipe=RECIPE, facets=FACETS):
    """Train, judge, and keep where it comes from, as `register` does; the place and the run."""
    place = context(root, facets)
    run = trained(place, dataset, recipe)
    gate(place, gates, recipe, run)
    record_origin(place, dataset, recipe, run, CODE, "# Python 3.11 on a machine\nnumpy==2.0\n")
    return place, run


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A candidate that one gate refuses, beside production; its place and run."""
    root = tmp_path_factory.mktemp("compared")
    put(root, evil_rows())
    place, run = judged(root, FIRST)
    place.deployments.save(Deployment(place.model, "r1", run, "1", "production", 1.0))
    other = replace(RECIPE, params={"C": 0.01})
    return judged(root, BINARY, recipe=other, facets={**FACETS, "train": "t2", "gate": "g2"})


def card(place, run):
    return write_card(place, run).read_text(encoding="utf-8")


def test_a_card_is_one_file_without_any_outside_part(compared):
    text = card(*compared)
    read = parsed(text)
    assert read.outside == []
    assert "script" not in read.tags
    assert not re.search(r"https?://|@import|url\(", text)
    assert "Could not be shown" not in read.said
    assert 'lang="en"' in text
    assert "prefers-color-scheme: dark" in text


def test_the_decision_stands_first_with_every_verdict_and_its_interval(compared):
    place, run = compared
    said = parsed(card(place, run)).said
    assert "This candidate was refused by 1 of 4 gates" in said
    found = read_recorded(place, run)
    for verdict in found.decided.verdicts:
        assert verdict.check in said
        assert f"n {verdict.n:,}" in said
    titles = re.findall(r"<h2[^>]*>([^<]*)</h2>", card(place, run))
    assert titles == [
        "Decision", "Model", "Data", "Metrics", "Answers", "Segments and fairness", "In service",
        "Lineage", "What this card does not show",
    ]  # fmt: skip


def test_text_from_data_cannot_become_markup(compared):
    text = card(*compared)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "\u202e" not in text
    assert "Ωλ" in text


def test_equal_records_give_equal_bytes(compared):
    place, run = compared
    assert page(read_recorded(place, run)) == page(read_recorded(place, run))


def test_lineage_names_data_code_spec_people_and_what_it_was_compared_with(compared):
    place, run = compared
    said = parsed(card(place, run)).said
    found = read_recorded(place, run)
    for word in (run, found.steps["fit"].output["data"], "4f2c", "not committed", "numpy==2.0",
                 found.decided.baseline, "train t2", "1 packages"):  # fmt: skip
        assert word in said


def test_production_stands_beside_the_candidate_on_the_same_rows(compared):
    place, run = compared
    text = card(place, run)
    assert "on the same rows" in text
    assert text.count('class="mark then"') == len(read_recorded(place, run).evaluation["metrics"])
    assert text.count('class="curve then"') == 2


def test_groups_of_a_rule_are_a_forest_and_fairness_shows_rates(compared):
    said = parsed(card(*compared)).said
    assert "segments.carriers accuracy" in said
    assert "Share of positive decisions" in said
    assert "This is a description, not a verdict" not in said


def test_without_a_rule_groups_are_described_and_not_judged(tmp_path):
    put(tmp_path, evil_rows())
    said = parsed(card(*judged(tmp_path, FIRST))).said
    assert "This is a description, not a verdict" in said
    assert "No gate compares groups of people." in said
    assert "nothing was in production when this run was judged" in said
    assert "passed all 2 gates" in said


def test_a_random_split_is_told_as_one_and_blames_no_time(tmp_path):
    put(tmp_path, evil_rows())
    at_random = replace(FLIGHTS, split=replace(FLIGHTS.split, by="random"))
    said = parsed(card(*judged(tmp_path, FIRST, at_random))).said
    assert "at random, " in said
    assert "held-out value, chance has a large part." in said
    assert "the time between them" not in said


GONE = (
    ("heldout.parquet", "heldout.parquet is gone"),
    ("heldout-rows.parquet", "This candidate was refused"),
    ("evaluation.json", "evaluation.json is gone or cannot be read"),
    ("origin.json", "where the run comes from (origin.json) was not recorded"),
    ("profile.json", "not recorded"),
    ("split.parquet", "the rows of each part"),
    ("model/manifest.json", "manifest.json is gone"),
)


@pytest.mark.parametrize(("name", "sentence"), GONE)
def test_a_missing_record_is_named_and_nothing_breaks(compared, tmp_path, name, sentence):
    place, run = compared
    copy = tmp_path / "project"
    shutil.copytree(place.root, copy)
    there = context(copy, place.facets)
    (there.workspace.run(run) / name).unlink()
    said = parsed(card(there, run)).said
    assert sentence in said
    assert "Could not be shown" not in said


def test_of_an_empty_folder_there_is_still_an_honest_card(compared, tmp_path):
    place, run = compared
    copy = tmp_path / "project"
    shutil.copytree(place.root, copy)
    there = context(copy, place.facets)
    shutil.rmtree(there.workspace.run(run))
    said = parsed(card(there, run)).said
    assert "This candidate was refused by 1 of 4 gates" in said
    assert "Missing: its folder is gone." in said
    assert "Could not be shown" not in said


def test_a_run_that_was_never_judged_says_so(tmp_path):
    put(tmp_path, evil_rows())
    place = context(tmp_path)
    said = parsed(card(place, trained(place, FLIGHTS))).said
    assert "This candidate was not gated" in said
    assert "✓ pass" not in said


def test_a_section_that_fails_does_not_take_the_card_with_it(compared, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a bug <b>")

    monkeypatch.setattr("mlops_spec.runtime.card.metrics.estimate", broken)
    read = parsed(card(*compared))
    assert "Could not be shown: ZeroDivisionError: a bug <b>" in read.said
    assert "b" in read.tags


def of_task(task):
    frame = evil_rows().drop(columns=DATASET.label)
    random = np.random.default_rng(2)
    signal = frame["ώρα"] / 8 + random.normal(size=len(frame)) * 0.6
    match task:
        case "multiclass":
            label = np.select([signal < 0.8, signal < 1.8], ["early", EVIL], "late")
            column, estimator = Column("label", "category"), RECIPE.estimator
        case "regression":
            label = signal.to_numpy()
            column, estimator = Column("label", "float"), "sklearn.linear_model.Ridge"
        case _:
            label = np.clip(signal.round(), 0, 3).to_numpy()
            column, estimator = Column("label", "float"), "sklearn.linear_model.Ridge"
    extra = (Column("list", "category"),) if task == "ranking" else ()
    frame = frame.assign(label=label, list=[f"q{i // 8}" for i in range(len(frame))])
    dataset = replace(DATASET, label="label", columns=(*columns(column), *extra))
    group = "list" if task == "ranking" else None
    return frame, dataset, replace(RECIPE, task=task, estimator=estimator, group=group)


@pytest.mark.parametrize(
    ("task", "metric", "drawn"),
    [
        ("multiclass", "accuracy", ("Confusion", "Each class")),
        ("regression", "r2", ("Prediction and truth", "Errors in time")),
        ("ranking", "ndcg", ("NDCG of each list", "1 / first relevant rank")),
    ],
)
def test_every_task_has_its_own_plots(tmp_path, task, metric, drawn):
    frame, dataset, recipe = of_task(task)
    put(tmp_path, frame)
    text = card(*judged(tmp_path, Gates((AtLeast(metric, 0.1),)), dataset, recipe))
    read = parsed(text)
    assert [title for title in drawn if title not in read.said] == []
    assert "Could not be shown" not in read.said
    assert re.findall(r'n soft">(?:n )?[\d,]+( lists)?<', text) == [
        " lists" if task == "ranking" else ""
    ]
    assert "<script" not in text


def test_words_of_the_spec_and_of_the_person_who_approved_are_shown(compared, tmp_path):
    place, run = compared
    copy = tmp_path / "project"
    shutil.copytree(place.root, copy)
    there = context(copy, place.facets)
    spec = {"model.owner": ["docs", "ops-ml <x>"], "model.description": ["docs", "Late?"]}
    there.journal.record_applied(there.model, spec)
    gated = there.journal.steps(there.model, step="gate", run=run)[-1].digest
    read = ("The card was read.",)
    said = Approval("approved", gated, "Άννα", "a known season", 0.0, "pass", criteria=read)
    record_approval(there.journal, there.model, run, said)
    shown = parsed(card(there, run)).said
    for word in (
        "ops-ml <x>",
        "Late?",
        "It was approved by Άννα: a known season",
        *read,
        "1970-01-01 00:00 UTC",
    ):
        assert word in shown
    assert "nobody has overridden it" not in shown


def test_a_first_candidate_is_described_before_it_is_applied(compared, tmp_path):
    place, run = compared
    copy = tmp_path / "project"
    shutil.copytree(place.root, copy)
    there = context(copy, place.facets)
    spec = {"model.owner": ["docs", "ops-ml"], "model.description": ["docs", "Late?"]}
    record_asked(there.journal, there.model, {**there.facets, "train": "another recipe"}, spec)
    assert "not recorded yet" in parsed(card(there, run)).said
    record_asked(there.journal, there.model, there.facets, spec)
    shown = parsed(card(there, run)).said
    assert "ops-ml" in shown
    assert "Late?" in shown
