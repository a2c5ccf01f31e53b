"""Which steps of a rollout a plan tells: those that the rollout will do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_spec.apply.blocked import Situation
from mlops_spec.apply.stages import ModelPlan, Record, Rollout, plan_model
from mlops_spec.apply.standing import Wanted, stand
from mlops_spec.state import Deployment, Journal, Store
from mlops_spec.state.deployments import Role
from mlops_spec.terms import keys

FACETS = dict.fromkeys(("data", "train", "gate", "serve", "rollout", "monitor", "docs"), "1")
WANTED = Wanted("churn", FACETS, "files", (0.05, 0.25, 1.0), shadow=True)
RUN = keys.run_id("rows", FACETS)
RELEASE = keys.release_id(RUN, FACETS)
OLD = Deployment("churn", "old-release", "old-run", "1", "production", 1.0)
MINE = Deployment("churn", RELEASE, RUN, "2", "candidate")
STEPS = ("package", "deploy", "shadow", "canary-5", "canary-25", "canary-100", "promote")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Trained, and rolled out up to the first share of the requests."""
    store = Store.at(tmp_path / "state.db")
    found = Journal(store, "local")
    gate = keys.gate_key(RUN, FACETS, OLD.run)
    done = {
        "snapshot": (keys.snapshot_key("files", FACETS), {"data": "rows"}),
        "check": (keys.check_key("rows", FACETS), {}),
        "split": (keys.split_key("rows", FACETS), {}),
        "fit": (RUN, {}),
        "evaluate": (keys.evaluate_key(RUN), {}),
        "gate": (gate, {"outcome": "pass", "baseline": OLD.run}),
        "register": (keys.register_key(RUN, gate), {"version": "2"}),
        **{step: (keys.rollout_key(step, RELEASE, OLD.release), {}) for step in STEPS[:4]},
    }
    for step, (key, output) in done.items():
        found.start("churn", step, key, RUN)
        found.finish("churn", step, key, "done", output)
    yield found
    store.close()


def planned(journal: Journal, *deployments: Deployment, retry: bool = False) -> ModelPlan:
    standing = stand(WANTED, journal, deployments)
    return plan_model(Situation(standing, (), False, False, "hold", retry))


@pytest.mark.parametrize(
    ("role", "reasons"),
    [
        ("quarantined", (f"--retry tries {RELEASE} again, which was rolled back: too slow",)),
        ("previous", ()),
    ],
)
def test_a_release_that_is_tried_again_does_every_step(
    journal: Journal, role: Role, reasons: tuple[str, ...]
) -> None:
    plan = planned(journal, OLD, replace(MINE, role=role, reason="too slow"), retry=True)

    assert (plan.stages, plan.reasons) == ((Rollout("churn", STEPS, ()), Record("churn")), reasons)


def test_a_rollout_that_was_interrupted_keeps_what_it_judged(journal: Journal) -> None:
    todo = ("package", *STEPS[4:])  # what is packaged is looked at each time

    assert planned(journal, OLD, MINE).stages[0] == Rollout("churn", todo, STEPS[1:4])


def test_a_release_that_was_rolled_back_is_no_reason_where_nothing_tries_it(
    journal: Journal,
) -> None:
    plan = planned(journal, OLD, replace(MINE, role="quarantined", reason="too slow"))

    assert (plan.stages, plan.reasons) == ((), ())
