"""A changed gate decides again on recorded answers: no model is loaded that says nothing new."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from learning import FACETS, RECIPE, context, put, rows, trained

from mlops_spec.runtime.declare import Against, AtLeast, Gates
from mlops_spec.runtime.gates import collect
from mlops_spec.runtime.gates.recorded import record_production
from mlops_spec.runtime.gates.step import gate
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Deployment

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

GATES = Gates((AtLeast("roc_auc", 0.3), Against("roc_auc", "non_inferiority", 0.5, "pp")))
SECOND = {**FACETS, "train": "t2"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Production and a candidate beside it, both gated: (place, production, candidate)."""
    place = context(tmp_path_factory.mktemp("again"))
    put(place.root, rows())
    first = trained(place)
    gate(place, GATES, RECIPE, first)
    place.deployments.save(Deployment(place.model, "release", first, "1", "production"))
    second = replace(place, facets=SECOND)
    other = replace(RECIPE, features=("ώρα", "carrier"))
    run = trained(second, recipe=other)
    gate(second, GATES, other, run)
    return place, first, run


@pytest.fixture
def copy(world, tmp_path):
    """The world, for tests that change it."""
    place, first, run = world
    shutil.copytree(place.root / ".spec", tmp_path / ".spec")
    return context(tmp_path, {**SECOND, "gate": "changed"}), first, run


@pytest.fixture
def loaded(monkeypatch):
    """The runs whose models were loaded."""
    found, load = [], collect.load_pipeline

    def seen(place, run):
        found.append(run)
        return load(place, run)

    monkeypatch.setattr(collect, "load_pipeline", seen)
    return found


def verdicts_of(place, run, name):
    now = replace(place, facets={**place.facets, "gate": name})
    return gate(now, GATES, RECIPE, run)["verdicts"]


def test_recorded_answers_decide_the_same_without_a_model(copy, loaded):
    place, first, run = copy
    again = verdicts_of(place, run, "again")
    assert loaded == []
    for path in place.workspace.run(run).glob(f"production-{first}.*"):
        path.unlink()
    assert verdicts_of(place, run, "measured") == again
    assert loaded == [run, first]


def test_a_first_model_needs_none_either(world, loaded, tmp_path):
    place, first, _ = world
    shutil.copytree(place.root / ".spec", tmp_path / ".spec")
    alone = context(tmp_path, {**FACETS, "gate": "changed"})
    assert gate(alone, GATES, RECIPE, first)["first_model"]
    assert loaded == []


def test_what_kept_production_from_answering_is_asked_again(copy, loaded):
    place, first, run = copy
    answered = verdicts_of(place, run, "before")
    record_production(place.workspace.run(run), first, "production's model cannot be loaded: gone")
    assert verdicts_of(place, run, "after") == answered
    assert loaded == [run, first]


def test_damaged_answers_are_measured_again(copy, loaded):
    place, first, run = copy
    answered = verdicts_of(place, run, "before")
    (place.workspace.run(run) / f"production-{first}.parquet").write_bytes(b"PAR1")
    assert verdicts_of(place, run, "after") == answered
    assert loaded == [run, first]


def test_a_model_that_somebody_changed_is_not_let_through_for_its_answers(copy):
    place, _, run = copy
    with (place.workspace.run(run) / "model" / "model.joblib").open("ab") as stream:
        stream.write(b"!")
    with pytest.raises(Refusal, match="is not what run"):
        verdicts_of(place, run, "again")
