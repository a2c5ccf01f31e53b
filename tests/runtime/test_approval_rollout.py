"""Where a person is asked, no way leads to traffic without the answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from learning import DATASET, RECIPE, context, put, rows, trained
from rollout_world import POLICY, Stage

from mlops_spec.runtime.declare import AtLeast, Gates
from mlops_spec.runtime.gates.step import gate
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.train.registry import promote, register
from mlops_spec.runtime.train.tracking import client_of
from mlops_spec.state.approvals import Approval, record_approval

ASKS = replace(POLICY, criteria=("The card was read.",))


@pytest.fixture
def stage(tmp_path):
    found = Stage(tmp_path)
    yield found
    found.context.store.close()


def gated(stage, run):
    journal = stage.context.journal
    journal.start("m", "gate", f"gate-{run}", run)
    journal.finish("m", "gate", f"gate-{run}", "done", {"outcome": "pass"})


def decide(stage, run, decision="approved", criteria=ASKS.criteria):
    said = Approval(decision, f"gate-{run}", "ann", "read it", stage.now, "pass", False, criteria)
    record_approval(stage.context.journal, "m", run, said)


def test_without_a_decision_nothing_is_started(stage):
    stage.register("run1", "1")
    gated(stage, "run1")
    with pytest.raises(Refusal, match="needs approval: nobody has decided") as refused:
        stage.roll_out(policy=ASKS)

    assert (refused.value.code, refused.value.details) == (
        "MLS611", ("to confirm: The card was read.",),
    )  # fmt: skip
    assert (stage.world.effects, stage.roles()) == ([], {})


def test_an_approved_run_takes_over(stage):
    release = stage.register("run1", "1")
    gated(stage, "run1")
    decide(stage, "run1")
    stage.roll_out(policy=ASKS)

    assert stage.roles() == {release: ("production", 1.0, False)}


@pytest.mark.parametrize("said", [{"decision": "rejected"}, {"criteria": ("Something else.",)}])
def test_another_answer_is_no_approval(stage, said):
    stage.register("run1", "1")
    gated(stage, "run1")
    decide(stage, "run1", **said)
    with pytest.raises(Refusal, match="needs approval"):
        stage.roll_out(policy=ASKS)


def test_an_approval_of_one_run_is_none_of_the_next(stage):
    for run in ("run1", "run2"):
        stage.register(run, run[-1])
        gated(stage, run)
    decide(stage, "run1")
    with pytest.raises(Refusal, match="run run2 of m needs approval"):
        stage.roll_out(policy=ASKS)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_run_that_a_person_lets_through_becomes_a_version_that_says_so(tmp_path):
    put(tmp_path, rows())
    place = context(tmp_path)
    run = trained(place)
    gate(place, Gates((AtLeast("roc_auc", 0.999),)), RECIPE, run)
    assert register(place, DATASET, RECIPE, run, "sqlite")["version"] == ""
    verdicts = place.journal.steps(place.model, step="gate", run=run)[0].digest
    said = Approval("approved", verdicts, "ann", "a label bug", 1.0, "fail", override=True)
    record_approval(place.journal, place.model, run, said)

    assert register(place, DATASET, RECIPE, run, "sqlite")["version"] == "1"
    assert promote(place, run, "production", "sqlite") == "1"
    with client_of(place, "sqlite") as client:
        tags = client.get_model_version_by_alias(place.model, "production").tags
    assert tags["mlops_spec.approval"] == "approved against the gates by ann: a label bug"
    assert tags["outcome"] == "fail"
