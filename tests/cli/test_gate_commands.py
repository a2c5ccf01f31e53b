"""A changed gate in `spec plan`, and `spec test gates`, as a person uses them; no servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from learning import AS_CSV, RECIPE, put, rows, trained

from mlops_spec.apply.execute import Outcome
from mlops_spec.apply.look import stored_spec, wanted
from mlops_spec.apply.site import Site
from mlops_spec.cli.declared import declared_gates
from mlops_spec.cli.main import main
from mlops_spec.model.files import FileSet
from mlops_spec.pipeline import compile_project
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Against, AtLeast, Segments
from mlops_spec.runtime.gates.step import gate
from mlops_spec.state import Deployment

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PROJECT = """\
project: flights
language: 1
environments:
  local:
    serve: {on: processes, router: envoy}
    registry: sqlite
    orchestrator: prefect
"""
SPECS = """\
kind: Dataset
name: flights
source: {csv: data/*.csv}
key: id
time: at
label: {column: καθυστέρηση}
columns:
  id: {type: category}
  at: {type: timestamp}
  καθυστέρηση: {type: boolean}
  ώρα: {type: integer, min: 0, max: 23}
  distance: {type: float, nullable: true, min: 0}
  carrier: {type: category, values: [AA, UA, Ωλ]}
split: {by: time, test: 20%, validation: 10%}
---
kind: Model
name: flight-delay
dataset: flights
task: binary
features: [ώρα, distance, carrier]
train: {estimator: sklearn.linear_model.LogisticRegression}
gates: [mine]
---
"""
GATES = """\
kind: Gates
name: mine
min_rows: 400
metrics: {roc_auc: {min: 0.6}}
production: {roc_auc: {hypothesis: non_inferiority, margin: 5pp}}
segments:
  carriers: {by: [carrier, ώρα], metric: accuracy, min: 0.1, min_rows: 20, cuts: {ώρα: [12]}}
"""


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was applied once: one model, gated, recorded and in production."""
    root = tmp_path_factory.mktemp("gates")
    (root / "specs").mkdir()
    (root / "mlops.yaml").write_text(PROJECT, encoding="utf-8")
    write(root, GATES)
    put(root, rows(3000), "rows.csv")
    site = opened(root)
    model = site.project.models[0]
    place = Context(model.name, root, site.workspace, site.store, wanted(site, model).facets)
    run = trained(place, AS_CSV)
    assert gate(place, declared_gates(model), RECIPE, run)["outcome"] == "pass"
    site.journal.record_applied(model.name, stored_spec(site, model))
    site.deployments.save(Deployment(model.name, "release", run, "1", "production"))
    return root


def write(root: Path, gates: str) -> Path:
    (root / "specs" / "flights.yaml").write_text(SPECS + gates, encoding="utf-8")
    return root


def opened(root: Path) -> Site:
    project, _ = compile_project(root)
    (root / ".spec" / "local").mkdir(parents=True, exist_ok=True)
    return Site.open(root, project, "local", FileSet({}))


def planned(root: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["--root", str(root), "-o", "json", "plan"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["models"][0]
    return found


def test_gates_are_declared_as_a_rendered_flow_would(applied: Path) -> None:
    declared = declared_gates(opened(write(applied, GATES)).project.models[0])

    assert declared.gates == (
        AtLeast("roc_auc", 0.6),
        Against("roc_auc", "non_inferiority", 0.05, "pp"),
        Segments(
            "carriers", ("carrier", "ώρα"), AtLeast("accuracy", 0.1), min_rows=20,
            cuts={"ώρα": (12.0,)},
        ),
    )  # fmt: skip
    assert declared.min_rows == 400


def test_unchanged_gates_replay_nothing(applied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert planned(write(applied, GATES), capsys)["replay"] is None


def test_a_plan_says_what_a_stricter_gate_would_have_stopped(
    applied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(applied, GATES.replace("min: 0.6", "min: 0.99"))
    found = planned(applied, capsys)

    assert found["replay"]["summary"].startswith(
        "the one candidate would not have been promoted: run "
    )
    one = found["replay"]["candidates"][0]
    assert (one["before"], one["after"], one["untold"]) == ("pass", "fail", [])
    assert [change["way"] for change in found["changes"]] == ["stricter"]


def test_a_plan_says_in_words_that_a_gate_is_looser(
    applied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(applied, GATES.replace("min: 0.6", "min: 0.55"))
    capsys.readouterr()
    assert main(["--root", str(applied), "plan"]) == 0
    said = capsys.readouterr().out

    assert "because gates.metrics.roc_auc.min: 0.6 → 0.55: looser" in said
    assert "↻ the one candidate would have gone the same way" in said


def test_apply_says_the_same_before_it_does_anything(
    applied: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops_spec.cli.apply.execute", lambda *_: Outcome((), ()))
    write(applied, GATES.replace("min: 0.6", "min: 0.99"))
    replay = planned(applied, capsys)["replay"]
    assert main(["--root", str(applied), "-o", "json", "apply"]) == 0
    assert json.loads(capsys.readouterr().out)["plan"]["models"][0]["replay"] == replay
    assert main(["--root", str(applied), "apply"]) == 0
    assert "↻ the one candidate would not have been promoted: run " in capsys.readouterr().out


def test_a_metric_of_the_users_is_found_beside_mlops_yaml(
    applied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (applied / "house_rules.py").write_text("def right(truth, said):\n    return truth == said\n")
    limits = "roc_auc: {min: 0.6}, house_rules.right: {min: 0.5}"
    write(applied, GATES.replace("roc_auc: {min: 0.6}", limits))

    one = planned(applied, capsys)["replay"]["candidates"][0]
    assert (one["before"], one["after"], one["flips"]) == ("pass", "pass", [])


def test_gates_are_tested_with_mutants(applied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(applied, GATES)
    capsys.readouterr()
    code = main(["--root", str(applied), "test", "gates", "flight-delay"])
    said = capsys.readouterr().out

    assert code == 1
    assert "roc_auc non-inferiority: is never promoted for answering as it did" in said
    assert "✗ survived" in said
    assert "kill rate" in said
    assert "→ no rule looks at calibration; add `calibration: {ece: {max: 0.05}}`" in said


def test_a_self_test_is_told_to_machines_too(
    applied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(applied, GATES)
    capsys.readouterr()
    assert main(["--root", str(applied), "-o", "json", "test", "gates", "flight-delay"]) == 1
    found = json.loads(capsys.readouterr().out)

    assert (found["model"], found["role"], found["ok"]) == ("flight-delay", "production", False)
    assert found["killed"] == round(found["kill_rate"] * found["harmful"])


def test_a_model_that_was_never_gated_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "mlops.yaml").write_text(PROJECT, encoding="utf-8")
    write(tmp_path, GATES)

    assert main(["--root", str(tmp_path), "test", "gates", "flight-delay"]) == 1
    assert capsys.readouterr().err.endswith(
        "error MLS610: no run of this model was gated here, so that there is nothing to make "
        "mutants from\n  help: train one first: spec apply\n"
    )
    assert main(["--root", str(tmp_path), "test", "gates", "flight-dela"]) == 1
    assert capsys.readouterr().err.endswith("did you mean 'flight-delay'?\n")
