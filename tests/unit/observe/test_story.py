"""The story of a run, as the last screen of `spec apply` tells it."""

from __future__ import annotations

from pathlib import Path

from rich.markup import render

from mlops_spec.cli.views.steps import describe
from mlops_spec.cli.views.summary import trained_lines
from mlops_spec.observe.story import tell_story
from mlops_spec.state import Deployment, Deployments, Journal, Store
from mlops_spec.terms.workspace import Workspace

REASON = "the probabilities of GaussianProcessClassifier"
WARNING = f"scikit-learn answers, which is slower than a portable form: {REASON}"


def trained(tmp_path: Path, portable: dict[str, str]) -> Store:
    store = Store.at(Workspace.of(tmp_path, "local").state)
    journal = Journal(store, "local")
    steps = {
        "fit": {
            "data": "d" * 16,
            "estimator": "sklearn.gaussian_process.GaussianProcessClassifier",
        },
        "split": {"train": 800, "test": 200},
        "evaluate": {"portable": portable},
    }
    for step, output in steps.items():
        journal.start("churn", step, step, "r1")
        journal.finish("churn", step, step, "done", output)
    live = Deployment("churn", "aaaa", "r1", "1", "production", 1.0, port=5001)
    Deployments(store, "local").save(live)
    return store


def shown(store: Store) -> list[str]:
    told = tell_story(store, "local", "churn")
    return [render(line).plain.strip() for line in trained_lines(told)]


def test_a_model_without_a_portable_form_is_a_warning(tmp_path: Path) -> None:
    store = trained(tmp_path, {"kind": "sklearn", "reason": REASON})

    assert shown(store) == [
        "trained    GaussianProcessClassifier",
        "on 800 rows, judged on 200 held out  data dddddddddddd",
        f"warning: {WARNING}",
    ]
    assert tell_story(store, "local", "churn").to_json()["warnings"] == [WARNING]


def test_a_model_with_a_portable_form_is_none(tmp_path: Path) -> None:
    store = trained(tmp_path, {"kind": "onnx", "reason": ""})

    assert len(shown(store)) == 2
    assert tell_story(store, "local", "churn").to_json()["warnings"] == []


def test_the_step_that_judged_it_says_how_near_the_portable_form_is() -> None:
    parity = {"rows": 15240, "max_difference": 8.05e-16, "changed_decisions": 0.0}

    assert [
        describe("evaluate", {"portable": {"kind": "onnx", "reason": "", "parity": parity}}),
        describe("evaluate", {"portable": {"kind": "sklearn", "reason": REASON, "parity": None}}),
        describe("evaluate", {}),
    ] == [
        "the portable form agrees to 8e-16 on 15,240 rows", "scikit-learn itself will answer", "",
    ]  # fmt: skip
