"""A step that fails over the data is told at the line of the specs that owns it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_cli_mistakes import MODEL, PROJECT

from mlops_spec.cli.fields import owner_of, placed
from mlops_spec.pipeline import compile_project
from mlops_spec.runtime.refusal import Refusal

OTHER = "---\n" + MODEL.partition("---\n")[0].replace("NAME", "later")


@pytest.fixture
def site(tmp_path: Path) -> Any:
    (tmp_path / "mlops.yaml").write_text(PROJECT)
    (tmp_path / "specs").mkdir()
    text = MODEL + "batch: {input: later, output: {parquet: data/out}}\n" + OTHER
    text = text.replace("NAME", "trips").replace("SOURCE", "{csv: data/trips.csv}")
    (tmp_path / "specs" / "trips.yaml").write_text(text)
    project = compile_project(tmp_path)[0]
    (model,) = project.models
    return SimpleNamespace(
        project=project, environment="local", text=text, model={"trips": model}.__getitem__
    )


@pytest.mark.parametrize(
    ("step", "code", "field", "line"),
    [
        ("snapshot", "MLS701", (), "source: {csv: data/trips.csv}"),
        ("snapshot", "MLS701", ("data", "columns", "distance"), "columns: {id:"),
        ("check", "MLS702", (), "columns: {id:"),
        ("check", "MLS703", (), "source: {csv: data/trips.csv}"),
        ("split", "MLS703", ("data", "split"), "split: {by: random}"),
        ("check", "MLS704", (), "label: {column: late}"),
        ("check", "MLS706", (), "features: [distance]"),
        ("fit", "MLS707", (), "train: {estimator:"),
        ("fit", "MLS707", ("model", "trips", "train", "seed"), "train: {estimator:"),
        ("batch-begin", "MLS701", (), "batch: {input: later"),
        ("batch-finish", "MLS719", (), "batch: {input: later"),
        ("batch-finish", "MLS701", (), "batch: {input: later"),
    ],
)
def test_a_failed_step_knows_the_line_that_owns_it(
    site: Any, step: str, code: str, field: tuple[str, ...], line: str
) -> None:
    (model,) = site.project.models
    said = placed(site, Refusal(code, "no", field=owner_of(model, step, code, field)))

    path, number, _ = said.at.split(":")
    assert path == "specs/trips.yaml"
    assert site.text.splitlines()[int(number) - 1].startswith(line)


@pytest.mark.parametrize("code", ["MLS602", "MLS604", "MLS606"])
def test_what_the_machine_did_has_no_line(site: Any, code: str) -> None:
    (model,) = site.project.models
    assert owner_of(model, "fit", code, ()) == ()
