"""Which variables of the user's own flows are started with."""

from __future__ import annotations

from pathlib import Path

import pytest
from language import write_project

from mlops_spec.apply.databases import database_variables
from mlops_spec.pipeline import compile_project


def test_flows_get_the_addresses_that_their_specs_name_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIPS_DATABASE_URL", "postgresql://trips")
    monkeypatch.setenv("SCORES_DATABASE_URL", "")
    monkeypatch.setenv("SOMETHING_ELSE", "secret")
    project, _ = compile_project(write_project(tmp_path / "project"))
    found = {model.name: database_variables(model) for model in project.models}

    assert found == {
        "best-driver": {}, "late-trip": {"TRIPS_DATABASE_URL": "postgresql://trips"},
    }  # fmt: skip
