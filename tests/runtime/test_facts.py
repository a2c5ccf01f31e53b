"""What a gate leaves for power warnings: counts, estimates, how far two versions disagree."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from learning import FACETS, RECIPE, context, put, rows, trained

from mlops_spec.load.facts import read_facts
from mlops_spec.model.facts import Facts, Group
from mlops_spec.runtime.declare import Against, AtLeast, Fair, Gates, Latency, Segments
from mlops_spec.runtime.gates.step import gate
from mlops_spec.state import Deployment

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FLOOR = AtLeast("roc_auc", 0.5)
BY_HOUR = Segments("hours", ("carrier", "ώρα"), FLOOR, cuts={"ώρα": (6, 12.5)})
GATES = Gates((FLOOR, Against("roc_auc", "non_inferiority", 0.05, "pp"), BY_HOUR))


@pytest.fixture
def place(tmp_path):
    put(tmp_path, rows())
    return context(tmp_path)


def test_a_first_gate_leaves_counts_of_the_held_out_rows(place, tmp_path):
    gate(place, GATES, RECIPE, trained(place))

    found = read_facts(tmp_path)["flight-delay"]
    assert (found.source, found.dataset, found.label, found.task) == (
        "local", "flights", "καθυστέρηση", "binary",
    )  # fmt: skip
    assert (found.rows, found.held_out, found.test) == (600, 120, 0.2)
    assert (found.disagreement, found.deviations) == (None, {})
    assert 0.5 < found.estimates["roc_auc"] < 1
    assert {"accuracy", "brier_score", "recall"} <= set(found.estimates)


def test_groups_are_counted_by_column_and_as_rules_cross_them(place, tmp_path):
    gate(place, GATES, RECIPE, trained(place))

    found = read_facts(tmp_path)["flight-delay"]
    assert set(found.groups) == {("carrier",), ("ώρα",), ("carrier", "ώρα[6, 12.5]")}
    for groups in found.groups.values():
        assert sum(group.rows for group in groups) == 120
        assert sum(group.positives or 0 for group in groups) == found.positives
    assert {group.value for group in found.groups[("carrier",)]} == {"AA", "UA", "Ωλ"}
    assert len(found.groups[("carrier", "ώρα[6, 12.5]")]) == 9


def test_beside_production_it_is_told_how_far_two_versions_differ(place, tmp_path):
    first = trained(place)
    place.deployments.save(Deployment(place.model, "r1", first, "1", "production"))
    stump = replace(RECIPE, features=("distance", "carrier"))
    changed = replace(place, facets={**FACETS, "train": "t2"})
    output = gate(changed, GATES, stump, trained(changed, recipe=stump))

    found = read_facts(tmp_path)["flight-delay"]
    verdict = next(v for v in output["verdicts"] if v["check"] == "roc_auc non-inferiority")
    error = (verdict["high"] - verdict["low"]) / 2 / 1.6448536
    assert 0 < found.disagreement < 1
    assert found.deviations == {"roc_auc": pytest.approx(error * 120**0.5)}


def test_the_noise_of_timings_beside_production_is_kept(place, tmp_path):
    first = trained(place)
    place.deployments.save(Deployment(place.model, "r1", first, "1", "production"))
    changed = replace(place, facets={**FACETS, "train": "t2"})
    run = trained(changed, recipe=replace(RECIPE, features=("distance", "carrier")))
    output = gate(changed, Gates((FLOOR, Latency(0.5, slower_by=0.5))), RECIPE, run)

    verdict = next(v for v in output["verdicts"] if v["check"] == "latency p50 against production")
    error = (verdict["high"] - verdict["low"]) / 2 / 1.6448536
    assert read_facts(tmp_path)["flight-delay"].slowness == {"p50": pytest.approx(error)}


def test_fairness_by_one_column_needs_no_second_count(place, tmp_path):
    rule = Fair("carriers", ("carrier",), "demographic_parity_difference", most=0.2)
    gate(place, Gates((FLOOR, rule)), RECIPE, trained(place))

    assert set(read_facts(tmp_path)["flight-delay"].groups) == {("carrier",), ("ώρα",)}


def test_a_run_of_before_leaves_nothing_and_is_gated_all_the_same(place, tmp_path):
    run = trained(place)
    (place.workspace.run(run) / "facts.json").unlink()

    assert gate(place, GATES, RECIPE, run)["outcome"] != "error"
    assert read_facts(tmp_path) == {}


SOUND = {
    "format_version": 1, "dataset": "d", "label": "l", "task": "binary", "rows": 10, "held_out": 2,
    "test": 0.2, "positives": None, "groups": [{"by": ["a"], "values": [["x", 2, None]]}],
    "estimates": {"accuracy": 0.5, "roc_auc": None}, "deviations": {}, "disagreement": None,
}  # fmt: skip


def put_facts(root, environment, text):
    path = root / ".spec" / environment / "facts" / "m.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_the_environment_with_the_most_rows_speaks_unless_one_is_asked_for(tmp_path):
    put_facts(tmp_path, "local", json.dumps(SOUND))
    put_facts(tmp_path, "large", json.dumps({**SOUND, "held_out": 9}))

    assert read_facts(tmp_path)["m"].source == "large"
    assert read_facts(tmp_path, "local")["m"] == Facts(
        "local", "d", "l", "binary", 10, 2, 0.2, None, {("a",): (Group("x", 2),)},
        {"accuracy": 0.5},
    )  # fmt: skip
    assert read_facts(tmp_path, "other") == {}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", "[" * 10_000, json.dumps({**SOUND, "format_version": 2}),
     json.dumps({**SOUND, "rows": "many"}), json.dumps({**SOUND, "groups": [3]}),
     json.dumps({**SOUND, "estimates": []})],
)  # fmt: skip
def test_facts_that_make_no_sense_are_none(tmp_path, text):
    put_facts(tmp_path, "local", text)

    assert read_facts(tmp_path) == {}
