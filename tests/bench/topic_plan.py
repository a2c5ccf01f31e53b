"""Look-ups instead of work: what a plan takes when everything that it asks for is recorded."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from measure import Measure, Table, Way, command, in_turns, timed
from models import Trained, flights, render, spec_of, write_project

from mlops_spec.apply.look import make_plan, stored_spec, wanted
from mlops_spec.apply.site import Site
from mlops_spec.model.project import LinkedModel
from mlops_spec.pipeline import compile_project, render_project
from mlops_spec.state import Deployment
from mlops_spec.terms import keys

ROUNDS = 5
MANY = 50
BIN = Path(sys.executable).parent
PEER = "prefect --version"


def run(place: Path, workspace: Path | None) -> Iterator[Table]:
    if workspace is not None:
        yield _applied(workspace)
    one, many = _site(place / "one", 1), _site(place / "many", MANY)
    ways = (
        Way("1 model", timed(lambda: make_plan(one))),
        Way(f"{MANY} models", timed(lambda: make_plan(many))),
    )
    yield Table(
        topic="plan",
        title="make_plan on a recorded state, everything done and live",
        measures=(Measure("seconds", "s"),),
        bases=("1 model",),
        samples=in_turns(ways, ROUNDS),
        notes=(f"with {MANY} models, {MANY} times as long would be 0.02 × better than 1 model",),
    )


def _applied(workspace: Path) -> Table:
    ways = (
        Way("spec apply, nothing to do", command([BIN / "spec", "apply"], workspace)),
        Way("spec plan, nothing to do", command([BIN / "spec", "plan"], workspace)),
        Way(PEER, command([BIN / "prefect", "--version"])),
    )
    return Table(
        topic="plan",
        title=f"nothing to do in {workspace.name}",
        measures=(Measure("clock", "s"), Measure("CPU", "s")),
        bases=(PEER,),
        samples=in_turns(ways, ROUNDS),
    )


def _site(root: Path, models: int) -> Site:
    """A project whose every step is recorded as done and whose releases are live."""
    trained = flights(rows=500)
    write_project(root, {f"m{i:03}": _named(trained, f"m{i:03}") for i in range(models)})
    shutil.rmtree(root / "data", ignore_errors=True)
    (root / "data").mkdir()
    (root / "data" / "rows.parquet").touch()
    render(root)
    project, _ = compile_project(root)
    site = Site.open(root, project, "local", render_project(project, "local"))
    for model in project.models:
        _record(site, model)
    return site


def _named(trained: Trained, name: str) -> str:
    return spec_of(trained).replace(json.dumps(trained.name), json.dumps(name))


def _record(site: Site, model: LinkedModel) -> None:
    want = wanted(site, model)
    data, facets = "rows", want.facets
    run = keys.run_id(data, facets)
    gate = keys.gate_key(run, facets, "")
    steps = {
        "snapshot": (keys.snapshot_key(want.fingerprint, facets), {"data": data}),
        "check": (keys.check_key(data, facets), {}),
        "split": (keys.split_key(data, facets), {}),
        "fit": (run, {}),
        "evaluate": (keys.evaluate_key(run), {}),
        "gate": (gate, {"outcome": "pass", "baseline": ""}),
        "register": (keys.register_key(run, gate), {"version": "1"}),
    }
    for step, (key, output) in steps.items():
        site.journal.start(model.name, step, key, run)
        site.journal.finish(model.name, step, key, "done", output)
    release = keys.release_id(run, facets)
    site.deployments.save(Deployment(model.name, release, run, "1", "production", 1.0))
    site.journal.record_applied(model.name, stored_spec(site, model))
