"""What is done, what is to do: look-ups, for every place where a run can have stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_spec.apply.blocked import Blocked, Situation
from mlops_spec.apply.stages import (
    ApplyPlan,
    ModelPlan,
    Record,
    Rollout,
    ServeFlows,
    Train,
    Withdraw,
    plan_model,
)
from mlops_spec.apply.standing import Standing, Wanted, stand
from mlops_spec.model.facets import FieldChange
from mlops_spec.model.spec.base import Change
from mlops_spec.state import Deployment, Journal, Store
from mlops_spec.terms import keys
from mlops_spec.terms.steps import TRAIN_STEPS
from mlops_spec.terms.verdict import Outcome, Verdict

FACETS = {
    name: f"{name}-1" for name in ("data", "train", "gate", "serve", "rollout", "monitor", "docs")
}
WANTED = Wanted("churn", FACETS, "files-1", (0.05, 0.25, 1.0), shadow=True)
CANARY = ("canary-5", "canary-25", "canary-100")
RUN = keys.run_id("rows-1", FACETS)
RELEASE = keys.release_id(RUN, FACETS)
OLD = Deployment("churn", "old-release", "old-run", "1", "production", 1.0)
LIVE = Deployment("churn", RELEASE, RUN, "2", "production", 1.0)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    store = Store.at(tmp_path / "state.db")
    yield Journal(store, "local")
    store.close()


def _do(journal: Journal, step: str, key: str, **output: object) -> None:
    journal.start("churn", step, key, RUN)
    journal.finish("churn", step, key, "done", output)


def _train_up_to(
    journal: Journal,
    last: str,
    *,
    outcome: str = "pass",
    baseline: str = "",
    wanted: Wanted = WANTED,
) -> None:
    """Record the training steps up to and with `last`, as the flow would."""
    run = keys.run_id("rows-1", wanted.facets)
    gate = keys.gate_key(run, wanted.facets, baseline)
    records: dict[str, tuple[str, dict[str, object]]] = {
        "snapshot": (keys.snapshot_key(wanted.fingerprint, wanted.facets), {"data": "rows-1"}),
        "check": (keys.check_key("rows-1", wanted.facets), {}),
        "split": (keys.split_key("rows-1", wanted.facets), {}),
        "fit": (run, {}),
        "evaluate": (keys.evaluate_key(run), {}),
        "gate": (gate, {"outcome": outcome, "baseline": baseline}),
        "register": (keys.register_key(run, gate), {"version": "2"}),
    }
    for step in TRAIN_STEPS[: TRAIN_STEPS.index(last) + 1]:
        _do(journal, step, records[step][0], **records[step][1])


def _plan(standing: Standing, **situation: object) -> ModelPlan:
    usual: dict[str, object] = {
        "changes": (),
        "first": False,
        "flows_stale": False,
        "on_inconclusive": "hold",
        "retry": False,
    }
    return plan_model(Situation(standing, **{**usual, **situation}))  # type: ignore[arg-type]


def test_nothing_recorded_means_everything_is_to_do(journal: Journal) -> None:
    plan = _plan(stand(WANTED, journal, ()), first=True, flows_stale=True)

    assert plan.stages == (
        ServeFlows("churn"),
        Train("churn", TRAIN_STEPS, ()),
        Rollout("churn", ("package", "deploy", *CANARY, "promote"), ()),
        Record("churn"),
    )
    assert (plan.consequence, plan.reasons) == ("first model", ("never applied here",))


def test_a_metric_whose_code_changed_is_named_as_the_reason(journal: Journal) -> None:
    _train_up_to(journal, "register")
    plan = _plan(stand(replace(WANTED, code={"own.cost": "2"}), journal, (LIVE,)),
                 recoded=("own.cost",))  # fmt: skip

    assert plan.reasons == ("own.cost: its code changed",)
    assert plan.consequence == "gate again on the recorded evidence"


def test_everything_recorded_and_live_means_nothing_is_to_do(journal: Journal) -> None:
    _train_up_to(journal, "register")
    plan = _plan(stand(WANTED, journal, (LIVE,)))

    assert (plan.stages, plan.consequence) == ((), "nothing to do")
    assert ApplyPlan("local", (), (plan,)).no_op


@pytest.mark.parametrize("last", TRAIN_STEPS)
def test_a_killed_run_goes_on_with_the_first_step_that_is_not_recorded(
    journal: Journal, last: str
) -> None:
    _train_up_to(journal, last)
    standing = stand(WANTED, journal, ())

    cut = TRAIN_STEPS.index(last) + 1
    assert [step.name for step in standing.train if step.status == "done"] == list(
        TRAIN_STEPS[:cut]
    )
    assert standing.run == RUN
    assert standing.trained is (last == "register")


def test_a_step_that_runs_or_failed_is_not_done(journal: Journal) -> None:
    _train_up_to(journal, "split")
    journal.start("churn", "fit", RUN, RUN)
    running = stand(WANTED, journal, ()).train[3]
    journal.finish("churn", "fit", RUN, "failed", {"code": "MLS707"})
    failed = stand(WANTED, journal, ()).train[3]

    assert (running.status, failed.status) == ("todo", "failed")
    assert failed.output == {"code": "MLS707"}


def test_a_replacement_of_production_is_shadowed_first(journal: Journal) -> None:
    _train_up_to(journal, "register", baseline="old-run")
    plan = _plan(stand(WANTED, journal, (OLD,)))

    assert plan.stages == (
        Rollout("churn", ("package", "deploy", "shadow", *CANARY, "promote"), ()),
        Record("churn"),
    )
    assert plan.consequence == "redeploy"


def test_new_files_retrain_and_say_so(journal: Journal) -> None:
    _train_up_to(journal, "register")
    plan = _plan(stand(replace(WANTED, fingerprint="files-2"), journal, (LIVE,)))

    assert (plan.consequence, plan.reasons) == ("retrain", ("the source's files changed",))
    assert plan.stages[0] == Train("churn", TRAIN_STEPS, ())


def test_a_changed_gate_is_decided_on_the_recorded_evidence_against_the_same_baseline(
    journal: Journal,
) -> None:
    _train_up_to(journal, "register", baseline="old-run")
    stricter = replace(WANTED, facets={**FACETS, "gate": "gate-2"})
    standing = stand(stricter, journal, (LIVE,))
    plan = _plan(standing)

    assert plan.stages == (
        Train("churn", ("gate", "register"), ("snapshot", "check", "split", "fit", "evaluate")),
        Record("churn"),
    )
    assert plan.consequence == "gate again on the recorded evidence"
    assert standing.train[5].key == keys.gate_key(RUN, stricter.facets, "old-run")


def test_a_changed_service_is_a_new_release_of_the_same_run(journal: Journal) -> None:
    _train_up_to(journal, "register")
    plan = _plan(stand(replace(WANTED, facets={**FACETS, "serve": "serve-2"}), journal, (LIVE,)))

    assert (plan.consequence, [type(stage) for stage in plan.stages]) == (
        "redeploy",
        [Rollout, Record],
    )
    assert plan.standing.run == RUN
    assert plan.standing.release != RELEASE


def test_a_changed_number_of_copies_scales(journal: Journal) -> None:
    _train_up_to(journal, "register")
    change = FieldChange("model.serve.replicas.max", Change.SCALE, 10, 20)
    same = replace(WANTED, facets={**FACETS, "scale": "scale-2"})
    plan = _plan(stand(same, journal, (LIVE,)), changes=(change,))

    assert (plan.consequence, plan.stages) == ("scale only", (Record("churn"),))


def test_a_changed_monitor_touches_neither_model_nor_service(journal: Journal) -> None:
    _train_up_to(journal, "register")
    quieter = replace(WANTED, facets={**FACETS, "monitor": "monitor-2"})
    plan = _plan(stand(quieter, journal, (LIVE,)), flows_stale=True)

    assert plan.stages == (ServeFlows("churn"),)


@pytest.mark.parametrize(
    ("outcome", "on_inconclusive", "code"),
    [
        ("fail", "hold", 4),
        ("error", "hold", 4),
        ("inconclusive", "hold", 5),
        ("inconclusive", "fail", 4),
        ("no_data", "hold", 5),
        ("no_data", "fail", 4),
    ],
)
def test_a_gate_that_did_not_pass_blocks_and_nothing_is_done_again(
    journal: Journal, outcome: str, on_inconclusive: str, code: int
) -> None:
    _train_up_to(journal, "gate", outcome=outcome, baseline="old-run")
    plan = _plan(stand(WANTED, journal, (OLD,)), on_inconclusive=on_inconclusive)

    assert plan.stages == ()
    assert plan.blocked is not None
    assert plan.blocked.exit_code == code


def test_a_gate_that_blocks_says_which_checks_did_not_pass(journal: Journal) -> None:
    good = Verdict("brier_score", Outcome.PASS, 0.1, 0.09, 0.11, 900, "≤ 0.2")
    bad = Verdict("roc_auc", Outcome.FAIL, 0.61, 0.6, 0.62, 900, "≥ 0.7")
    _train_up_to(journal, "evaluate")
    told = {"outcome": "fail", "verdicts": [good.to_json(), bad.to_json()]}
    _do(journal, "gate", keys.gate_key(RUN, WANTED.facets, ""), **told)

    blocked = _plan(stand(WANTED, journal, ())).blocked
    assert blocked is not None
    assert blocked.verdicts == (bad,)


def test_a_release_that_was_rolled_back_is_not_tried_again_unasked(journal: Journal) -> None:
    _train_up_to(journal, "register", baseline="old-run")
    refused = replace(LIVE, role="quarantined", weight=0.0, reason="errors: FAIL")
    plan = _plan(stand(WANTED, journal, (OLD, refused)))
    retried = _plan(stand(WANTED, journal, (OLD, refused)), retry=True)

    assert plan.stages == ()
    assert plan.blocked == Blocked(
        "churn",
        4,
        f"release {RELEASE} was rolled back: errors: FAIL",
        "change the spec or the data, or try this release again with `spec apply --retry`",
    )
    assert [type(stage) for stage in retried.stages] == [Rollout, Record]


def test_a_candidate_that_a_killed_rollout_left_in_the_router_is_withdrawn(
    journal: Journal,
) -> None:
    _train_up_to(journal, "register")
    back = _plan(stand(WANTED, journal, (LIVE,)), unwatched=("stray",))
    going_on = _plan(stand(WANTED, journal, (OLD,)), unwatched=(RELEASE,))

    assert back.stages == (Withdraw("churn", ("stray",)),)
    assert not any(isinstance(stage, Withdraw) for stage in going_on.stages)


def test_retry_does_not_lift_a_gate(journal: Journal) -> None:
    _train_up_to(journal, "gate", outcome="fail", baseline="old-run")
    plan = _plan(stand(WANTED, journal, (OLD,)), retry=True)

    assert plan.stages == ()
    assert plan.blocked is not None


def test_flows_that_render_otherwise_are_the_reason_to_deploy_them(journal: Journal) -> None:
    _train_up_to(journal, "register")
    plan = _plan(stand(WANTED, journal, (LIVE,)), flows_stale=True)

    assert (plan.consequence, plan.reasons) == (
        "deploy the flows", ("its rendered flows changed",),
    )  # fmt: skip
