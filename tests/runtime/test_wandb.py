"""Weights & Biases as a second tracker: the real package, offline; it never stops a training."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from learning import DATASET, RECIPE, context, put, rows, trained

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import AtLeast, Gates, Wandb
from mlops_spec.runtime.gates.step import gate
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.train import wandb_tracker
from mlops_spec.runtime.train.record import Record
from mlops_spec.runtime.train.registry import register
from mlops_spec.runtime.train.tracking import client_of
from mlops_spec.runtime.train.wandb_tracker import WandbTracker, track

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

OFFLINE = Wandb("flights", "acme", "offline")
LOG_BLOCK, LOG_HEADER = 32768, 7  # of the log format of LevelDB, which a run file is


def messages(path: Path) -> Iterator[Any]:
    """The records of a run file, as wandb's own protocol describes them."""
    from wandb.proto.wandb_internal_pb2 import Record as Message

    data, at, whole = path.read_bytes(), LOG_HEADER, b""
    assert data[:4] == b":W&B"
    while at + LOG_HEADER <= len(data):
        left = LOG_BLOCK - at % LOG_BLOCK
        if left < LOG_HEADER:
            at += left
            continue
        _, size, kind = struct.unpack("<IHB", data[at : at + LOG_HEADER])
        whole += data[at + LOG_HEADER : at + LOG_HEADER + size]
        at += LOG_HEADER + size
        if kind in (1, 4):  # whole, or the last part
            found = Message()
            found.ParseFromString(whole)
            whole = b""
            yield found


RECORD = Record(
    run="0123456789abcdef",
    at=0.0,
    params={"seed": "0"},
    metrics={"roc_auc": 0.8, "roc_auc.low": 0.7, "roc_auc.high": 0.9},
    tags={"outcome": "pass", "mlops_spec.data": "d"},
    verdicts=({"check": "roc_auc", "outcome": "pass", "estimate": 0.8, "n": 10},),
    files=(),
    environment="",
)


@pytest.fixture
def place(tmp_path: Path) -> Context:
    put(tmp_path, rows())
    return context(tmp_path)


@pytest.fixture
def record(tmp_path: Path) -> Record:
    (tmp_path / "portable").mkdir()
    (tmp_path / "portable" / "model.onnx").write_text("x")
    names = ("verdicts.json", "evaluation.json", "heldout.parquet", "portable")
    for name in names[:3]:
        (tmp_path / name).write_text("{}")
    return replace(RECORD, files=tuple(tmp_path / name for name in names))


def test_a_training_is_one_run_that_wandb_reads_with_a_link_both_ways(place: Context) -> None:
    run = trained(place)
    gate(place, Gates((AtLeast("roc_auc", 0.6),)), RECIPE, run)
    tracked = register(place, DATASET, RECIPE, run, "sqlite")["tracked"]
    first = track(place, DATASET, RECIPE, run, OFFLINE, "sqlite")
    assert track(place, DATASET, RECIPE, run, OFFLINE, "sqlite") == first

    (folder,) = (place.workspace.root / "wandb" / "wandb").glob("offline-run-*")
    assert Path(first) == folder
    found = list(messages(next(folder.glob("*.wandb"))))
    (started,) = (m.run for m in found if m.HasField("run"))
    assert (started.display_name, started.project, started.entity, started.run_group) == (
        run, "flights", "acme", "flight-delay",
    )  # fmt: skip
    assert sorted(started.tags) == ["local", "pass"]
    config = {item.key: item.value_json for item in started.config.update}
    assert config["mlflow.run"] == f'"{tracked}"'
    assert config["estimator"] == f'"{RECIPE.estimator}"'
    measured = json.loads((place.workspace.run(run) / "evaluation.json").read_text())["metrics"]
    logged = {
        (item.key or "/".join(item.nested_key)): item.value_json
        for m in found
        if m.HasField("history")
        for item in m.history.item
    }
    for end, suffix in (("value", ""), ("low", "/low"), ("high", "/high")):
        assert json.loads(logged[f"roc_auc{suffix}"]) == measured["roc_auc"][end]
    (table,) = folder.glob("files/media/table/verdicts*.json")
    shown = json.loads(table.read_text())
    assert (shown["columns"][:2], shown["data"][0][:2]) == (
        ["check", "outcome"], ["roc_auc", "pass"],
    )  # fmt: skip
    with client_of(place, "sqlite") as client:
        assert client.get_run(tracked).data.tags["mlops_spec.wandb"] == first


def test_evidence_is_an_artifact_and_a_second_attempt_replaces_the_first(
    place: Context, record: Record
) -> None:
    tracker = WandbTracker(place, OFFLINE)
    tracker.track(record)
    (folder,) = (place.workspace.root / "wandb" / "wandb").glob("offline-run-*")
    second = tracker.track(replace(record, tags={"outcome": "fail"}))
    assert [str(p) for p in folder.parent.glob("offline-run-*")] == [second]

    found = list(messages(next(Path(second).glob("*.wandb"))))
    artifacts = [m.artifact for m in found if m.HasField("artifact")]
    (artifact,) = (found for found in artifacts if found.type != "run_table")
    assert (artifact.name, artifact.type) == (f"evidence-{record.run}", "evidence")
    # Neither the rows nor the model leave.
    assert [entry.path for entry in artifact.manifest.contents] == [
        "evaluation.json", "verdicts.json",
    ]  # fmt: skip


def test_nothing_of_the_machine_or_of_the_code_is_told(place: Context, record: Record) -> None:
    folder = Path(WandbTracker(place, OFFLINE).track(record))
    told = {m.WhichOneof("record_type") for m in messages(next(folder.glob("*.wandb")))}
    assert told.isdisjoint({"stats", "output", "output_raw", "environment"})
    assert not list(folder.glob("files/wandb-metadata.json"))
    assert not list(folder.glob("files/requirements.txt"))


def test_without_the_package_or_a_key_a_warning_says_what_to_do(
    place: Context, record: Record, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(wandb_tracker, "find_spec", lambda _: None)
    with pytest.raises(Refusal) as caught:
        WandbTracker(place, OFFLINE).track(record)
    assert (caught.value.message, caught.value.help) == (
        "the package wandb is not installed", "pip install 'mlops-spec[wandb]'",
    )  # fmt: skip
    monkeypatch.undo()
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    with pytest.raises(Refusal, match="WANDB_API_KEY is not set where the flows run"):
        WandbTracker(place, replace(OFFLINE, mode="online")).track(record)


def test_a_server_that_is_gone_costs_seconds_and_not_the_training(
    place: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wandb_tracker, "WITHIN", 4.0)
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    run = trained(place)
    gate(place, Gates((AtLeast("roc_auc", 0.6),)), RECIPE, run)
    said = track(place, DATASET, RECIPE, run, replace(OFFLINE, mode="online"), "sqlite")
    assert said.startswith("not shown in Weights & Biases: ")
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(place.workspace.root) not in listed.stdout
    # The next training tries again.
    assert place.journal.steps(place.model, step="track", run=run)[-1].status == "failed"


def test_the_process_needs_nothing_but_its_request(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mlops_spec.runtime.train.wandb_process", str(tmp_path)],
        input="{}", capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
