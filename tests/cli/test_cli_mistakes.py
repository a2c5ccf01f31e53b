"""Mistakes of a person at a terminal: each is answered with what was found and what to do."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from mlops_spec.cli.main import COMMANDS, main

PROJECT = """\
project: trips
environments: {local: {serve: {on: processes, router: envoy}}}
"""
MODEL = """\
kind: Dataset
name: NAME
source: SOURCE
key: id
label: {column: late}
columns: {id: {type: category}, late: {type: boolean}, distance: {type: float}}
split: {by: random}
---
kind: Model
name: NAME
dataset: NAME
task: binary
features: [distance]
train: {estimator: sklearn.linear_model.LogisticRegression}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "mlops.yaml").write_text(PROJECT)
    (tmp_path / "specs").mkdir()
    return tmp_path


def put_model(root: Path, name: str, source: str) -> None:
    text = MODEL.replace("NAME", name).replace("SOURCE", source)
    (root / "specs" / f"{name}.yaml").write_text(text)


def spec(root: Path, *words: str) -> int:
    return main(["--root", str(root), *words])


Printed = pytest.CaptureFixture[str]


def test_every_unreadable_source_is_named_in_one_run(
    root: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOMES_URL", raising=False)
    put_model(root, "homes", "{sql: {url_env: HOMES_URL, query: SELECT 1, watermark: SELECT 1}}")
    put_model(root, "trips", "{csv: data/trips.csv}")

    assert spec(root, "plan") == 1
    assert capsys.readouterr().err == (
        "specs/homes.yaml:3:1: error MLS701: Dataset homes: "
        "the environment variable HOMES_URL is not set\n"
        "    also MLS701: Dataset trips: no file matches 'data/trips.csv' under "
        f"{root}; put the data there, or change `source` of the Dataset\n"
        "  help: set it to the SQLAlchemy URL of the database, such as "
        "postgresql+psycopg://user@host/name\n"
    )


def test_an_environment_of_the_variable_is_told_from_one_of_the_flag(
    root: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_model(root, "trips", "{csv: data/trips.csv}")
    monkeypatch.setenv("SPEC_ENV", "nowhere")

    assert spec(root, "plan") == 1
    assert capsys.readouterr().err == (
        "error MLS302: no environment named 'nowhere', which the variable SPEC_ENV asks for\n"
        "  help: mlops.yaml has: local\n"
    )
    assert spec(root, "plan", "--env", "elsewhere") == 1
    assert capsys.readouterr().err.startswith("error MLS302: no environment named 'elsewhere'\n")


@pytest.mark.parametrize("text", ["", "project: trips\n", "project: trips\nenvironments: {}\n"])
def test_a_project_without_environments_is_told_how_one_is_written(
    root: Path, capsys: Printed, text: str
) -> None:
    (root / "mlops.yaml").write_text(text)
    put_model(root, "trips", "{csv: data/trips.csv}")

    assert spec(root, "validate") == 1
    assert "environments" in capsys.readouterr().out


@pytest.mark.parametrize("ends", [b"\r\n", b"\n"])
@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
def test_files_of_windows_mean_the_same(tmp_path: Path, ends: bytes, mark: bytes) -> None:
    plain, other = tmp_path / "plain", tmp_path / "other"
    for root in (plain, other):
        (root / "specs").mkdir(parents=True)
        (root / "mlops.yaml").write_text(PROJECT)
        put_model(root, "trips", "{csv: data/trips.csv}")
    for path in (other / "mlops.yaml", other / "specs" / "trips.yaml"):
        path.write_bytes(mark + path.read_bytes().replace(b"\n", ends))

    assert [spec(root, "render") for root in (plain, other)] == [0, 0]
    trees = [
        {path.relative_to(root): path.read_bytes() for path in root.glob("generated/**/*.py")}
        for root in (plain, other)
    ]
    assert trees[0] == trees[1]


def test_half_of_a_character_is_refused_where_it_stands(root: Path, capsys: Printed) -> None:
    put_model(root, "trips", '{csv: "data/\\ud83d.csv"}')

    assert spec(root, "validate") == 1
    assert capsys.readouterr().out.startswith(
        f"{os.path.relpath(root)}/specs/trips.yaml:3:15: error MLS102: U+D83D is half of a "
    )


def test_data_cannot_drive_the_terminal(root: Path, capsys: Printed) -> None:
    put_model(root, "trips", "{csv: data/trips.csv}")
    (root / "data").mkdir()
    (root / "data" / "trips.csv").symlink_to(root.parent / "\x1b[31m")
    (root.parent / "\x1b[31m").write_text("id\n")

    assert spec(root, "plan") == 1
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["monitor", "trips", "--until", "yesterday"], "'yesterday' is not a time in ISO 8601"),
        (["train", "trips", "--until", "2024-01-31"], "--until is for monitor; this is train"),
        (["monitor", "trips", "--then-rollout"], "--then-rollout is for train; this is monitor"),
        (["dance", "trips"], "invalid choice: 'dance'"),
    ],
)
def test_a_wrong_word_after_run_is_a_usage_error(
    root: Path, capsys: Printed, words: list[str], message: str
) -> None:
    assert spec(root, "run", *words) == 64
    assert message in capsys.readouterr().err


def test_a_model_that_is_not_there_and_one_that_does_not_run(root: Path, capsys: Printed) -> None:
    put_model(root, "trips", "{csv: data/trips.csv}")

    assert spec(root, "run", "train", "trip") == 1
    assert capsys.readouterr().err == (
        "error MLS302: no Model named 'trip'\n  help: did you mean 'trips'?\n"
    )
    assert spec(root, "run", "train", "trips") == 1
    assert capsys.readouterr().err == (
        "error MLS605: the environment 'local' does not run\n"
        "  help: run `spec apply --env local` first\n"
    )


def test_what_runs_on_spark_is_not_asked_of_prefect(root: Path, capsys: Printed) -> None:
    put_model(root, "trips", "{parquet: data/*.parquet}")
    with (root / "specs" / "trips.yaml").open("a") as text:
        text.write("batch: {on: spark, input: trips, output: {parquet: out}}\n")
    (root / "mlops.yaml").write_text(PROJECT.replace("envoy}}}", "envoy}, spark: {image: s}}}"))

    assert spec(root, "run", "batch", "trips") == 1
    printed = " ".join(capsys.readouterr().err.split())
    assert "the batch predictions of trips run on Spark" in printed
    assert "submit generated/local/trips/spark/batch.py to it" in printed


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_fits_a_terminal(command: str, capsys: Printed) -> None:
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "for every command:" in shown
    assert max(map(len, shown.splitlines())) <= 100


EVIL = (
    "{{ 7*7 }}{% raw %}", '"""; import os; """', "$(touch pwned)`id`%s%d", "'; DROP TABLE x;--",
    "</script><b>", "\\", "a\u202eb", "#{x}", "{0.__class__}", "${HOME}",
)  # fmt: skip


@pytest.mark.parametrize("evil", EVIL)
def test_no_text_of_a_spec_becomes_code(root: Path, evil: str) -> None:
    quoted = "'" + evil.replace("'", "''") + "'"
    put_model(root, "trips", "{csv: data/trips.csv}")
    path = root / "specs" / "trips.yaml"
    text = path.read_text().replace("distance: {", f"{quoted}: {{description: {quoted}, ")
    text = text.replace("[distance]", f"[{quoted}]")
    own = f"{{estimator: own.model, params: {{{quoted}: {quoted}}}}}"
    text = text.replace("{estimator: sklearn.linear_model.LogisticRegression}", own)
    text = text.replace("task:", f"owner: {quoted}\ndescription: {quoted}\ntask:")
    path.write_text(text)

    assert spec(root, "render") == 0
    generated = root / "generated" / "local" / "trips"
    train = (generated / "flows" / "train.py").read_text()
    literals = {"Column": _call, "Dataset": _call, "Csv": _call, "Split": _call, "Recipe": _call}
    block = re.search(r"^DATASET = .*?^GATES", train, re.DOTALL | re.MULTILINE)
    assert block is not None
    found: dict[str, object] = {**literals}
    exec(block[0].removesuffix("GATES"), {"__builtins__": {}}, found)
    recipe = found["RECIPE"]
    assert isinstance(recipe, dict)
    assert recipe["features"] == (evil,)
    assert recipe["params"] == {evil: evil}


def _call(**given: object) -> dict[str, object]:
    return given


@pytest.mark.parametrize(
    ("topic", "first"),
    [
        ("Gates.metrics.roc_auc.min", "Gates.metrics.roc_auc.min: at least"),
        ("Dataset.columns.distance.type", "Dataset.columns.distance.type: float, integer, boolean"),
        ("Dataset.columns.type", "Dataset.columns.type: float, integer, boolean"),
        ("Project.environments.local.serve.on", "Project.environments.local.serve.on: processes"),
    ],
)
def test_a_field_is_explained_by_the_path_that_messages_use(
    topic: str, first: str, capsys: Printed
) -> None:
    assert main(["explain", topic]) == 0
    assert capsys.readouterr().out.startswith(first)


@pytest.mark.parametrize(
    ("topic", "message"),
    [
        ("Gates.metrics.roc_auc.mni", "Gates.metrics.roc_auc has no field 'mni'; did you mean"),
        ("Model.train.params.depth", "params has no fields of its own"),
    ],
)
def test_a_field_that_is_not_there_is_a_usage_error(
    topic: str, message: str, capsys: Printed
) -> None:
    assert main(["explain", topic]) == 64
    assert message in capsys.readouterr().err


def test_a_file_in_the_place_of_a_folder_is_named(root: Path, capsys: Printed) -> None:
    put_model(root, "trips", "{csv: data/trips.csv}")
    (root / ".spec").mkdir()
    (root / ".spec" / "local").touch()

    assert spec(root, "down") == 1
    shown = capsys.readouterr().err
    assert shown.startswith(f"error MLS602: Not a directory: {root}/.spec/local/")
    assert "look at this path" in shown
