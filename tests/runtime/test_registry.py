"""MLflow: every candidate with its evidence, a version only with passing verdicts; once."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from learning import DATASET, FACETS, RECIPE, context, put, rows, trained

from mlops_spec.runtime.declare import AtLeast, Gates
from mlops_spec.runtime.gates.step import gate
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.train.provenance import revision
from mlops_spec.runtime.train.registry import promote, register
from mlops_spec.runtime.train.tracking import client_of
from mlops_spec.terms.keys import register_key

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

PASSES, FAILS = Gates((AtLeast("roc_auc", 0.6),)), Gates((AtLeast("roc_auc", 0.999),))


@pytest.fixture
def place(tmp_path):
    put(tmp_path, rows())
    return context(tmp_path)


def registered(place, gates=PASSES):
    run = trained(place)
    gate(place, gates, RECIPE, run)
    return run, register(place, DATASET, RECIPE, run, "sqlite")


def test_a_passed_candidate_is_a_version_with_its_evidence(place):
    run, output = registered(place)
    with client_of(place, "sqlite") as client:
        tracked = client.get_run(output["tracked"])
        version = client.get_model_version_by_alias("flight-delay", "candidate")
        artifacts = {item.path for item in client.list_artifacts(output["tracked"])}
    assert (output["version"], str(version.version), version.run_id) == (
        "1",
        "1",
        output["tracked"],
    )
    assert artifacts == {
        "card.html", "environment.txt", "evaluation.json", "heldout.parquet", "portable",
        "profile.json", "verdicts.json",
    }  # fmt: skip
    tags = tracked.data.tags
    assert (tags["mlops_spec.run"], tags["outcome"]) == (run, "pass")
    assert {tags[f"mlops_spec.facet.{name}"] for name in FACETS} == set(FACETS.values())
    assert tags["mlops_spec.code_revision"] == "unknown"
    assert len(tags["mlops_spec.data"]) == 16
    assert tracked.data.params["estimator"] == RECIPE.estimator
    assert tracked.data.params["seed"] == "0"
    measured = json.loads((place.workspace.run(run) / "evaluation.json").read_text())["metrics"]
    assert tracked.data.metrics["roc_auc.low"] == measured["roc_auc"]["low"]


def test_a_failed_candidate_is_tracked_and_no_version(place):
    run, output = registered(place, FAILS)
    assert output["version"] == ""
    with client_of(place, "sqlite") as client:
        assert client.get_run(output["tracked"]).data.tags["outcome"] == "fail"
        assert client.search_registered_models() == []
    with pytest.raises(Refusal, match="are fail, not pass"):
        promote(place, run, "production", "sqlite")


def test_killed_before_its_alias_was_set_a_version_gets_it_the_next_time(place):
    run, _ = registered(place)
    gated = place.journal.steps(place.model, step="gate", run=run)[0].digest
    place.journal.forget(place.model, "register", register_key(run, gated))
    with client_of(place, "sqlite") as client:
        client.delete_registered_model_alias("flight-delay", "candidate")
        assert register(place, DATASET, RECIPE, run, "sqlite")["version"] == "1"
        assert str(client.get_model_version_by_alias("flight-delay", "candidate").version) == "1"


def test_killed_before_the_journal_was_written_there_is_still_one_of_each(place):
    run, output = registered(place)
    gated = place.journal.steps(place.model, step="gate", run=run)[0].digest
    place.journal.forget(place.model, "register", register_key(run, gated))
    assert register(place, DATASET, RECIPE, run, "sqlite") == output
    with client_of(place, "sqlite") as client:
        assert len(client.search_model_versions("name = 'flight-delay'")) == 1


def test_aliases_climb_and_production_leaves_a_previous(place):
    first, _ = registered(place)
    assert promote(place, first, "staging", "sqlite") == "1"
    assert promote(place, first, "production", "sqlite") == "1"
    second_place = context(place.root, {**FACETS, "train": "t2"})
    second, _ = registered(second_place)
    promote(second_place, second, "validation", "sqlite")
    assert promote(second_place, second, "staging", "sqlite") == "2"
    assert aliases_of(place) == {"production": "1", "validation": "2"}
    promote(second_place, second, "production", "sqlite")
    assert aliases_of(place) == {"previous": "1", "production": "2"}


def aliases_of(place):
    with client_of(place, "sqlite") as client:
        found = client.get_registered_model("flight-delay").aliases
    return {name: str(version) for name, version in found.items()}


def test_a_run_that_was_never_gated_is_not_registered(place):
    with pytest.raises(Refusal, match="was not gated"):
        register(place, DATASET, RECIPE, trained(place), "sqlite")


def test_a_locked_file_is_said_within_seconds(place, monkeypatch):
    monkeypatch.setattr("mlops_spec.runtime.train.tracking.LOCK_WAIT", 0.2)
    registered(place)
    with closing(sqlite3.connect(place.workspace.root / "mlflow.db")) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with (
            pytest.raises(Refusal, match="database is locked") as caught,
            client_of(place, "sqlite"),
        ):
            pass
    assert (caught.value.code, caught.value.transient) == ("MLS606", True)


def test_a_file_that_is_not_mlflows_is_named(place):
    (place.workspace.root / "mlflow.db").write_bytes(b"not a database, but long enough" * 100)
    with (
        pytest.raises(Refusal, match="file is not a database") as caught,
        client_of(place, "sqlite"),
    ):
        pass
    assert caught.value.code == "MLS606"


def test_a_server_that_does_not_answer_is_named(place):
    registry = "http://127.0.0.1:9"
    with pytest.raises(Refusal) as caught, client_of(place, registry) as client:
        client.search_experiments()
    assert caught.value.message.startswith("MLflow at http://127.0.0.1:9 refused")
    assert caught.value.code == "MLS605"


def test_outside_of_a_repository_the_revision_is_unknown(tmp_path):
    assert revision(tmp_path) == {"code_revision": "unknown", "code_dirty": "unknown"}
