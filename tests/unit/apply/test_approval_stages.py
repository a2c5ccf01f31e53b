"""A candidate that waits for a person: what apply does before, after yes, after no."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_spec.apply.blocked import Blocked, Situation, exit_code_of
from mlops_spec.apply.stages import (
    ModelPlan,
    Record,
    Rollout,
    Train,
    plan_model,
)
from mlops_spec.apply.standing import Wanted, stand
from mlops_spec.state import Deployment, Journal, Store
from mlops_spec.state.approvals import Approval, record_approval
from mlops_spec.terms import keys
from mlops_spec.terms.steps import TRAIN_STEPS

FACETS = {name: f"{name}-1" for name in ("data", "train", "gate", "serve")}
WANTED = Wanted("churn", FACETS, "files-1", (1.0,), shadow=False)
RUN = keys.run_id("rows-1", FACETS)
GATE = keys.gate_key(RUN, FACETS, "")
CRITERIA = ("The card was read.",)
ROLLOUT = Rollout("churn", ("package", "deploy", "canary-100", "promote"), ())
LIVE = Deployment("churn", keys.release_id(RUN, FACETS), RUN, "2", "production", 1.0)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    store = Store.at(tmp_path / "state.db")
    yield Journal(store, "local")
    store.close()


def gated(journal: Journal, outcome: str) -> None:
    """Record the training steps; `register` as the flow leaves it without an approval."""
    done = {
        "snapshot": (keys.snapshot_key("files-1", FACETS), {"data": "rows-1"}),
        "check": (keys.check_key("rows-1", FACETS), {}),
        "split": (keys.split_key("rows-1", FACETS), {}),
        "fit": (RUN, {}),
        "evaluate": (keys.evaluate_key(RUN), {}),
        "gate": (GATE, {"outcome": outcome}),
        "register": (keys.register_key(RUN, GATE), {"version": ""}),
    }
    for step, (key, output) in done.items():
        journal.start("churn", step, key, RUN)
        journal.finish("churn", step, key, "done", output)


def decide(journal: Journal, decision: str, gate: str = GATE, **more: object) -> None:
    given = Approval(decision, gate, "ann", "read it", 1.0, "", **more)  # type: ignore[arg-type]
    record_approval(journal, "churn", RUN, given)


def plan(journal: Journal, *live: Deployment, **situation: object) -> ModelPlan:
    usual = {"changes": (), "first": False, "flows_stale": False, "on_inconclusive": "hold"}
    standing = stand(WANTED, journal, live)
    return plan_model(Situation(standing, **{**usual, "retry": False, **situation}))  # type: ignore[arg-type]


def code(found: ModelPlan) -> int | None:
    return found.blocked.exit_code if found.blocked else None


def test_what_passed_waits_where_a_person_is_asked(journal: Journal) -> None:
    gated(journal, "pass")
    found = plan(journal, criteria=CRITERIA)

    assert (found.stages, code(found)) == ((), 3)
    assert found.blocked is not None
    assert "confirm: The card was read." in found.blocked.reason


def test_training_is_done_before_anybody_is_asked(journal: Journal) -> None:
    found = plan(journal, criteria=CRITERIA)

    assert found.blocked is None
    assert found.stages[0] == Train("churn", TRAIN_STEPS, ())


def test_an_approved_run_is_rolled_out(journal: Journal) -> None:
    gated(journal, "pass")
    decide(journal, "approved", criteria=CRITERIA)
    found = plan(journal, criteria=CRITERIA)

    assert (found.stages, code(found)) == ((ROLLOUT, Record("churn")), None)


@pytest.mark.parametrize(("policy", "against"), [("hold", True), ("need_approval", False)])
def test_the_command_overrides_where_the_gate_leaves_nothing_to_a_person(
    journal: Journal, policy: str, *, against: bool
) -> None:
    gated(journal, "inconclusive")
    decide(journal, "approved")
    found = plan(journal, criteria=CRITERIA, on_inconclusive=policy, elsewhere="live")

    assert found.blocked is not None
    override = "--override " if against else ""
    assert found.blocked.help == (
        f"`spec approve churn --env live {override}--why \"…\" --confirm 'The card was read.'` "
        "(or --reject), then the same command again"
    )


def test_other_criteria_ask_again(journal: Journal) -> None:
    gated(journal, "pass")
    decide(journal, "approved", criteria=CRITERIA)

    assert code(plan(journal, criteria=(*CRITERIA, "On-call knows."))) == 3


def test_an_approval_of_other_verdicts_is_none(journal: Journal) -> None:
    gated(journal, "pass")
    decide(journal, "approved", gate="of-an-older-gate", criteria=CRITERIA)

    assert code(plan(journal, criteria=CRITERIA)) == 3


def test_nobody_is_asked_about_what_serves(journal: Journal) -> None:
    gated(journal, "pass")

    assert code(plan(journal, LIVE, criteria=CRITERIA)) is None


@pytest.mark.parametrize(
    ("outcome", "policy", "expected"),
    [
        ("inconclusive", "need_approval", 3),
        ("inconclusive", "hold", 5),
        ("inconclusive", "fail", 4),
        ("no_data", "need_approval", 5),
        ("fail", "need_approval", 4),
        ("error", "need_approval", 4),
    ],
)
def test_only_what_is_inconclusive_asks_a_person(
    journal: Journal, outcome: str, policy: str, expected: int
) -> None:
    gated(journal, outcome)

    assert code(plan(journal, on_inconclusive=policy)) == expected


@pytest.mark.parametrize("outcome", ["inconclusive", "no_data", "fail", "error"])
def test_what_a_person_lets_through_gets_a_version_and_is_rolled_out(
    journal: Journal, outcome: str
) -> None:
    gated(journal, outcome)
    decide(journal, "approved", override=outcome != "inconclusive")
    found = plan(journal)

    assert found.stages == (
        Train("churn", ("register",), TRAIN_STEPS[:-1]), ROLLOUT, Record("churn"),
    )  # fmt: skip
    assert code(found) is None


@pytest.mark.parametrize("outcome", ["pass", "inconclusive", "fail"])
def test_a_rejected_run_stops(journal: Journal, outcome: str) -> None:
    gated(journal, outcome)
    decide(journal, "rejected")
    found = plan(journal)

    assert (found.stages, code(found)) == ((), 4)
    assert found.blocked is not None
    assert "rejected by ann: read it" in found.blocked.reason


def test_a_refusal_is_told_before_a_doubt_and_a_doubt_before_a_question() -> None:
    blocked = {code: Blocked("m", code, "", "") for code in (3, 4, 5)}

    assert exit_code_of(()) == 0
    assert exit_code_of([blocked[3]]) == 3
    assert exit_code_of([blocked[3], blocked[5]]) == 5
    assert exit_code_of([blocked[3], blocked[5], blocked[4]]) == 4
