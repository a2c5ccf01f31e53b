"""A plan as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.markup import render

from mlops_spec.apply.blocked import Blocked
from mlops_spec.apply.stages import ApplyPlan, ModelPlan, ServeFlows, Stage
from mlops_spec.apply.standing import Wanted, stand
from mlops_spec.cli.views.plan_text import plan_json, plan_lines
from mlops_spec.state import Deployment, Journal, Store
from mlops_spec.terms.verdict import Outcome, Verdict


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    store = Store.at(tmp_path / "state.db")
    yield Journal(store, "local")
    store.close()


FACETS = dict.fromkeys(("data", "train", "gate", "serve", "rollout", "monitor", "docs"), "1")
WANTED = Wanted("churn", FACETS, "files", (1.0,), shadow=False)


def planned(journal: Journal, name: str, blocked: Blocked | None, *reasons: str) -> ModelPlan:
    standing = stand(replace(WANTED, model=name), journal, ())
    stages: tuple[Stage, ...] = (ServeFlows(name),)
    return ModelPlan(name, "retrain", reasons, (), stages, blocked, standing)


def shown(*models: ModelPlan) -> list[str]:
    return [render(line).plain for line in plan_lines(ApplyPlan("local", (), models))]


def test_a_decision_against_a_model_is_not_told_as_work_to_be_done(journal: Journal) -> None:
    low = Verdict("roc_auc", Outcome.FAIL, 0.61, 0.6, 0.62, 900, "≥ 0.7")
    blocked = Blocked("churn", 4, "the gate said no for run 12", "change the model", (low,))

    assert shown(
        planned(journal, "churn", blocked, "a reason"), planned(journal, "trees", None)
    ) == [
        "■ churn: stopped by a decision",
        "    because a reason",
        "    + deploy the flows",
        "    ■ the gate said no for run 12",
        "      roc_auc: FAIL  0.61  [0.6, 0.62]  n=900  limit ≥ 0.7",
        "      change the model",
        "~ trees: retrain",
        "    + deploy the flows",
        "",
        "Plan: 1 retrain, 1 blocked",
    ]


@pytest.mark.parametrize("text", ["a [red]b[/red]", "a\\[b]", "[/]"])
def test_text_of_a_spec_is_printed_as_it_stands(journal: Journal, text: str) -> None:
    assert shown(planned(journal, "churn", None, text))[1] == f"    because {text}"


def test_text_of_a_spec_cannot_drive_the_terminal(journal: Journal) -> None:
    line = shown(planned(journal, "churn", None, "a\x1b[31m\u202eb"))[1]

    assert not {"\x1b", "\u202e"} & set(line)


def test_a_live_model_without_a_portable_form_is_a_warning(journal: Journal) -> None:
    reason = "the function sinh"
    told = {"portable": {"kind": "sklearn", "reason": reason}}
    journal.start("churn", "evaluate", "e", "r1")
    journal.finish("churn", "evaluate", "e", "done", told)
    live = Deployment("churn", "aaaa", "r1", "1", "production", 1.0, port=5001)
    standing = stand(WANTED, journal, (live,))
    plan = ModelPlan("churn", "nothing", (), (), (), None, standing)

    warning = f"scikit-learn answers, which is slower than a portable form: {reason}"
    assert shown(plan)[:2] == [
        "= churn: nothing to do, version 1 is live",
        f"    warning: {warning}",
    ]
    assert plan_json(ApplyPlan("local", (), (plan,)))["models"][0]["warnings"] == [warning]
