"""What `spec plan` says of a source whose files were touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlops_spec.apply.look import context_of, flows_digest, plan_one, stored_spec, wanted
from mlops_spec.apply.site import Site, source_of
from mlops_spec.apply.stages import ApplyPlan
from mlops_spec.cli.site import tell_reading
from mlops_spec.cli.views.plan_text import plan_lines
from mlops_spec.model.files import FileSet
from mlops_spec.pipeline import compile_project
from mlops_spec.runtime.data import touched
from mlops_spec.runtime.data.snapshot import snapshot
from mlops_spec.runtime.declare import Column, Dataset, Split
from mlops_spec.state import Deployment
from mlops_spec.terms import keys

PROJECT = """\
project: trips
environments: {local: {serve: {on: processes, router: envoy}}}
"""
SPECS = """\
kind: Dataset
name: trips
source: {csv: "data/*.csv"}
key: id
label: {column: late}
columns: {id: {type: category}, load: {type: float}, late: {type: boolean}}
split: {by: random}
---
kind: Model
name: trip
dataset: trips
task: binary
features: [load]
train: {estimator: sklearn.linear_model.LogisticRegression}
gates: [trip]
---
kind: Gates
name: trip
metrics: {roc_auc: {min: 0.7}}
"""
COLUMNS = (Column("id", "category"), Column("load", "float"), Column("late", "boolean"))
RETRAIN = "[yellow]~[/] [bold]trip[/]: retrain"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A project whose model was trained on one file and is live."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "mlops.yaml").write_text(PROJECT)
    (tmp_path / "specs" / "trip.yaml").write_text(SPECS)
    (tmp_path / "data" / "may.csv").write_text("id,load,late\na,1.0,true\nb,2.0,false\n")
    (tmp_path / ".spec" / "local").mkdir(parents=True)
    site = Site.open(tmp_path, compile_project(tmp_path)[0], "local", FileSet({}))
    record(site)
    return site


def record(site: Site) -> None:
    """The journal as an apply leaves it."""
    model = site.model("trip")
    source, place = source_of(model), context_of(site, model)
    dataset = Dataset("trips", source, "id", None, "late", COLUMNS, Split("random", 0.2, 0.1))
    data, want = snapshot(place, dataset)["data"], wanted(site, model)
    run = keys.run_id(data, want.facets)
    gate = keys.gate_key(run, want.facets, "")
    for step, key, output in (
        ("check", keys.check_key(data, want.facets), {}),
        ("split", keys.split_key(data, want.facets), {}),
        ("fit", run, {}),
        ("evaluate", keys.evaluate_key(run), {}),
        ("gate", gate, {"outcome": "pass", "baseline": ""}),
        ("register", keys.register_key(run, gate), {"version": "1"}),
        ("flows", flows_digest(site, "trip"), {}),
    ):
        site.journal.start("trip", step, key, run)
        site.journal.finish("trip", step, key, "done", output)
    release = keys.release_id(run, want.facets)
    site.deployments.save(Deployment("trip", release, run, "1", "production", 1.0))
    site.journal.record_applied("trip", stored_spec(site, model))


def said(site: Site) -> list[str]:
    """The plan's first two lines about the model."""
    touched._digest.cache_clear()
    planned = plan_one(site, site.model("trip"))
    return list(plan_lines(ApplyPlan("local", (), (planned,))))[:2]


def test_a_touched_file_with_the_same_bytes_is_nothing_to_do(site: Site) -> None:
    nothing = ["[green]=[/] [bold]trip[/]: nothing to do, version 1 is live", ""]
    assert said(site) == nothing
    os.utime(site.root / "data" / "may.csv", (1, 1))
    assert said(site) == nothing


def test_other_bytes_of_equal_size_are_trained_on(site: Site) -> None:
    path = site.root / "data" / "may.csv"
    path.write_text(path.read_text().replace("1.0", "3.0"))
    os.utime(path, (1, 1))
    assert said(site) == [RETRAIN, "    because the source's files changed"]


def test_a_touched_file_too_large_to_compare_may_turn_out_to_be_the_same(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(site.root / "data" / "may.csv", (1, 1))
    monkeypatch.setattr(touched, "MOST_READ", 1)
    assert said(site) == [
        RETRAIN,
        "    because the source's files were touched and not compared: 0.0 GB; where their rows "
        "are the same, nothing is trained",
    ]


def test_only_reading_that_takes_its_time_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    tell_reading(10**6)
    tell_reading(1_400_000_000)
    told = "reading 1.4 GB of files that were touched: are they as before?\n"
    assert capsys.readouterr() == ("", told)
