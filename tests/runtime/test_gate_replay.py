"""Gate replay: recorded candidates decided again, and what is missing said of each."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest
from learning import FACETS, RECIPE, context, put, rows, trained

from mlops_spec.runtime.declare import Against, AtLeast, Fair, Gates, Latency, Segments
from mlops_spec.runtime.gates.decide import decide
from mlops_spec.runtime.gates.replay import Past, candidates, replay, summary
from mlops_spec.runtime.gates.reread import reread
from mlops_spec.runtime.gates.step import gate
from mlops_spec.state import Deployment, Step
from mlops_spec.terms.keys import gate_key
from mlops_spec.terms.verdict import Verdict

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

LENIENT = Gates((AtLeast("roc_auc", 0.3), Against("roc_auc", "non_inferiority", 0.5, "pp")))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Three candidates, each compared with the first: it again, a stump, and a smoother one."""
    place = context(tmp_path_factory.mktemp("replays"))
    put(place.root, rows())
    first = trained(place)
    gate(place, LENIENT, RECIPE, first)
    place.deployments.save(Deployment(place.model, f"release-{first}", first, "1", "production"))
    runs = [first]
    for name, recipe in (
        ("t2", replace(RECIPE, features=("distance",))),
        ("t3", replace(RECIPE, params={"C": 0.01})),
    ):
        changed = replace(place, facets={**FACETS, "train": name})
        run = trained(changed, recipe=recipe)
        gate(changed, LENIENT, recipe, run)
        runs.append(run)
    return place, runs


@pytest.fixture
def copy(world, tmp_path):
    """The world, for tests that damage it."""
    place, runs = world
    shutil.copytree(place.root / ".spec", tmp_path / ".spec")
    return context(tmp_path), runs


def replayed(place, *rules, now=(), **settings):
    past = candidates(place.journal.steps(place.model, step="gate"), (), now)
    return replay(place.workspace, Gates(rules, **settings), past)


def told(found):
    return [(one.run, one.before, one.after) for one in found]


def test_the_same_gates_decide_the_same(world):
    place, (first, stump, third) = world
    found = replayed(place, *LENIENT.gates)
    assert told(found) == [
        (third, "pass", "pass"),
        (stump, "pass", "pass"),
        (first, "pass", "pass"),
    ]
    assert [one.flips for one in found] == [(), (), ()]
    assert summary(found) == "of the last 3 candidates no promotion would have gone another way"


def test_what_is_read_back_is_what_was_decided_on(world):
    place, (first, stump, _) = world
    found = reread(place.workspace.run(stump), LENIENT, first)
    recorded = place.journal.steps(place.model, step="gate", run=stump)[0]
    lines = [Verdict.from_json(verdict).line() for verdict in recorded.output["verdicts"]]
    assert [v.line() for v in decide(LENIENT, found.evidence, found.task)] == lines


def test_a_stricter_gate_would_have_refused_the_worse_model(world):
    place, (_, stump, _) = world
    found = replayed(place, AtLeast("roc_auc", 0.6), Against("roc_auc", "non_inferiority", 0.05))
    assert [(one.before, one.after) for one in found] == [
        ("pass", "pass"), ("pass", "fail"), ("pass", "pass"),
    ]  # fmt: skip
    assert [(f.check, f.before, f.after) for f in found[1].flips] == [
        ("roc_auc", "pass", "inconclusive"), ("roc_auc non-inferiority", "pass", "fail"),
    ]  # fmt: skip
    assert found[1].flips[0].line.startswith("roc_auc: INCONCLUSIVE")
    assert summary(found) == (
        "of the last 3 candidates 1 would not have been promoted: "
        f"run {stump[:8]} (roc_auc, roc_auc non-inferiority)"
    )


def test_a_rule_that_is_new_flips_what_it_refuses(world):
    place, _ = world
    found = replayed(place, *LENIENT.gates, AtLeast("accuracy", 0.99))
    assert [[(f.check, f.before) for f in one.flips] for one in found] == [[("accuracy", "")]] * 3


def test_a_looser_gate_would_have_let_through_what_was_stopped(copy):
    place, (first, *_) = copy
    strict = Gates((AtLeast("roc_auc", 0.99),))
    gate(replace(place, facets={**FACETS, "gate": "strict"}), strict, RECIPE, first)
    found = replayed(place, AtLeast("roc_auc", 0.5))
    assert told(found)[0] == (first, "fail", "pass")
    assert summary(found).endswith(
        f"1 that stopped would have been promoted: run {first[:8]}"
    )  # fmt: skip


def test_segments_and_fairness_read_their_columns_back(world):
    place, (first, *_) = world
    gates = Gates(
        (
            Segments("carriers", ("carrier",), AtLeast("accuracy", 0.5)),
            Fair("hours", ("ώρα", "tail"), "demographic_parity_difference", most=1.0),
        ),
        blocks=86400.0,
    )
    found = reread(place.workspace.run(first), gates, "")
    assert list(found.evidence.rows.columns) == ["carrier", "ώρα"]
    assert len(found.evidence.rows) == len(found.evidence.candidate.truth) == 120
    assert found.evidence.units.count == 5


def test_a_deleted_run_cannot_be_told(copy):
    place, (_, stump, _) = copy
    shutil.rmtree(place.workspace.run(stump))
    found = replayed(place, *LENIENT.gates)
    assert (found[1].after, found[1].untold) == ("", ("its folder is gone",))
    assert summary(found).endswith("no promotion would have gone another way; 1 cannot be told")


def test_one_rule_that_does_not_pass_is_enough_without_the_rest(world):
    place, _ = world
    found = replayed(place, AtLeast("roc_auc", 0.999), Latency(0.5, most=9.0))
    assert [(one.after, one.untold) for one in found] == [("fail", ())] * 3


def test_answers_of_production_that_were_not_recorded_cannot_be_told(copy):
    place, (first, stump, third) = copy
    for run in (stump, third):
        (place.workspace.run(run) / f"production-{first}.parquet").unlink()
    against = Against("roc_auc", "superiority")
    found = replayed(place, AtLeast("roc_auc", 0.3), against)
    why = ("what production answered on the same rows was not recorded",)
    assert [(one.after, one.untold) for one in found] == [("", why), ("", why), ("pass", ())]
    assert [one.after for one in replayed(place, AtLeast("roc_auc", 0.2))] == ["pass"] * 3
    fair = Fair(
        "c", ("carrier",), "demographic_parity_difference", most=1.0, no_worse_by=1.0, min_rows=5
    )
    also = replayed(place, AtLeast("roc_auc", 0.2), fair, Latency(0.5, slower_by=9.0))
    assert [one.untold[0] for one in also[:2]] == [*why, *why]


DAMAGE = {
    "heldout.parquet": b"no parquet",
    "heldout-rows.parquet": b"PAR1PAR1",
    "model/manifest.json": b"[]",
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_evidence_is_said_never_raised(copy, name):
    place, (_, _, third) = copy
    (place.workspace.run(third) / name).write_bytes(DAMAGE[name])
    fair = Fair("carriers", ("carrier",), "demographic_parity_difference", most=1.0, min_rows=5)
    found = replayed(place, *LENIENT.gates, fair)
    assert found[0].after == ""
    assert "cannot be read" in found[0].untold[0]


def test_answers_of_other_rows_are_not_compared(copy):
    place, (first, stump, _) = copy
    path = place.workspace.run(stump) / f"production-{first}.parquet"
    pd.read_parquet(path).head(5).to_parquet(path)
    found = replayed(place, *LENIENT.gates)
    assert found[1].untold == (f"{path.name} has 5 rows, not 120",)


def test_an_obstacle_of_then_is_one_now(copy):
    place, (first, stump, _) = copy
    folder = place.workspace.run(stump)
    (folder / f"production-{first}.parquet").unlink()
    (folder / f"production-{first}.json").write_text(json.dumps({"obstacle": "gone"}))
    found = replayed(place, *LENIENT.gates)
    assert (found[1].after, found[1].flips[0].line) == (
        "error", "roc_auc non-inferiority: ERROR  n=0  (gone)",
    )  # fmt: skip


def test_the_newest_decision_of_each_of_the_newest_runs_counts():
    def step(run, at, digest="", status="done"):
        return Step("gate", digest, run, status, {}, at, at)

    steps = (step("a", 1.0), step("b", 2.0), step("a", 3.0, "now"), step("c", 4.0, status="failed"))
    registered = (Step("register", "", "b", "done", {"version": "7"}, 5.0, 5.0),)
    assert candidates(steps, registered, {"now"}) == (Past(steps[1], "7"), Past(steps[0]))
    assert candidates(steps, (), ()) == (Past(steps[2]), Past(steps[1]))
    assert candidates(steps, (), (), last=1) == (Past(steps[2]),)
    assert candidates(steps[2:], (), {"now"}) == (Past(steps[2]),)


def test_a_decision_under_the_changed_gates_is_known_by_its_digest(world):
    place, (first, *_) = world
    step = place.journal.steps(place.model, step="gate", run=first)[0]
    assert step.digest == gate_key(first, FACETS, "")
