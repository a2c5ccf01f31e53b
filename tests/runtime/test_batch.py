"""A batch prediction holds every row once, wherever it was killed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from learning import DATASET, RECIPE, context, put, rows
from proving import prove

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Column, Csv, Dataset, Parquet, Sql
from mlops_spec.runtime.portable import export
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.service import batch, batch_parts
from mlops_spec.runtime.train.pipeline import features_of, pipeline_of
from mlops_spec.state import Deployment
from mlops_spec.terms.digest import file_digest

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google).*"),
]

OUTPUT = "data/predictions"
INPUT = replace(DATASET, source=Parquet("data/flights/*.parquet"))


class Killed(BaseException):
    """kill -9: nothing of ours may catch it and carry on."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    frame = rows(400)
    features = features_of(frame, DATASET, RECIPE)
    pipeline = pipeline_of(DATASET, RECIPE).fit(features, frame["καθυστέρηση"])
    folder = tmp_path_factory.mktemp("model")
    export(pipeline, features.head(100), folder, positive=True)
    return folder, pipeline


@pytest.fixture
def place(tmp_path: Path, model: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch) -> Context:
    """Production serves the model; chunks are of 100 rows."""
    monkeypatch.setattr(batch, "CHUNK_ROWS", 100)
    found = context(tmp_path)
    source = found.workspace.bentoml_home / "bentos" / "flight-delay" / "rel1" / "src"
    source.mkdir(parents=True)
    (source / "model").symlink_to(model[0])
    prove(found, source, release="rel1", digest=file_digest(model[0] / "manifest.json"))
    (source.parent / "bento.yaml").write_text("")
    serve(found, "rel1")
    return found


def serve(place: Context, release: str) -> None:
    place.deployments.save(Deployment(place.model, release, "run1", "1", "production", 1.0))


def many(root: Path, n: int = 430) -> pd.DataFrame:
    """Rows in two files of 250 and 180 rows."""
    frame = rows(n)
    put(root, frame.iloc[:250], "flights/a.parquet")
    put(root, frame.iloc[250:], "flights/b.parquet")
    return frame


def run(place: Context, dataset: Dataset = INPUT) -> dict[str, Any]:
    job = batch.begin(place, dataset, OUTPUT)
    return batch.finish(place, job, batch.predict(place, dataset, job))


def predicted(place: Context) -> pd.DataFrame:
    """What a reader finds, who knows nothing but the folder."""
    latest = json.loads((place.root / OUTPUT / "latest.json").read_text())
    return pd.read_parquet(place.root / OUTPUT / latest["folder"])


def test_every_row_is_scored_as_the_pipeline_scores_it(
    place: Context, model: tuple[Path, Any]
) -> None:
    frame = many(place.root)
    found = run(place)

    got = predicted(place)
    expected = model[1].predict_proba(features_of(frame, INPUT, RECIPE))[:, 1]
    assert found == {
        "folder": f"{OUTPUT}/{Path(found['folder']).name}",
        "release": "rel1", "rows": 430, "bad_rows": 0,
    }  # fmt: skip
    assert got["id"].tolist() == frame["id"].tolist()
    assert got["at"].tolist() == frame["at"].tolist()
    assert got["score"].to_numpy() == pytest.approx(expected, abs=1e-4)
    assert got["decision"].tolist() == (expected > 0.5).tolist()
    assert got["problem"].isna().all()


def test_the_manifest_names_each_part_its_rows_and_its_digest(place: Context) -> None:
    many(place.root)
    folder = place.root / run(place)["folder"]

    manifest = json.loads((folder / "_manifest.json").read_text())
    assert [(part["place"], part["first"], part["rows"]) for part in manifest["parts"]] == [
        ("data/flights/a.parquet", 0, 100), ("data/flights/a.parquet", 100, 100),
        ("data/flights/a.parquet", 200, 50), ("data/flights/b.parquet", 0, 100),
        ("data/flights/b.parquet", 100, 80),
    ]  # fmt: skip
    assert {part["file"]: part["sha256"] for part in manifest["parts"]} == {
        path.name: file_digest(path) for path in folder.glob("*.parquet")
    }
    assert (manifest["release"], manifest["rows"]) == ("rel1", 430)


def test_a_csv_gives_the_rows_of_the_parquet(place: Context) -> None:
    frame = many(place.root)
    run(place)
    expected = predicted(place)
    put(place.root, frame, "rows.csv")
    run(place, replace(INPUT, source=Csv("data/*.csv")))

    pd.testing.assert_frame_equal(predicted(place), expected)


@pytest.fixture
def database(place: Context, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    frame = rows(430)
    frame["at"] = frame["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    with sqlite3.connect(place.root / "rows.db") as connection:
        frame.to_sql("flights", connection, index=False)
    monkeypatch.setenv("ROWS_URL", f"sqlite:///{place.root / 'rows.db'}")
    return replace(INPUT, source=Sql("ROWS_URL", "select * from flights order by random()"))


def test_a_query_in_another_order_each_time_still_gives_each_row_once(
    place: Context, database: Dataset, killed_after: Callable[[int], None]
) -> None:
    for writes in (3, 7, 2):
        killed_after(writes)
        with pytest.raises(Killed):
            run(place, database)
    killed_after(1000)
    assert run(place, database)["rows"] == 430

    assert sorted(predicted(place)["id"]) == sorted(rows(430)["id"])
    first = predicted(place)
    run(place, database)  # without a watermark nobody knows whether rows are new: read again
    assert predicted(place)["id"].tolist() != first["id"].tolist()


@pytest.fixture
def killed_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets that many files be written, and kills the process after the last."""
    write = batch_parts.write
    left = [0]

    def dying(path: Path, *rest: Any) -> None:
        if left[0] == 0:
            raise Killed
        write(path, *rest)
        left[0] -= 1

    monkeypatch.setattr(batch_parts, "write", dying)

    def after(writes: int) -> None:
        left[0] = writes

    return after


def test_killed_after_any_part_it_goes_on_with_the_next(
    place: Context, killed_after: Callable[[int], None]
) -> None:
    frame = many(place.root)
    for _ in range(5):
        killed_after(1)
        try:
            run(place)
        except Killed:
            assert not (place.root / OUTPUT / "latest.json").exists()
            assert pd_files(place) == []
    run(place)

    assert predicted(place)["id"].tolist() == frame["id"].tolist()
    before = {path: path.stat().st_mtime_ns for path in (place.root / OUTPUT).rglob("*")}
    run(place)
    assert before == {path: path.stat().st_mtime_ns for path in (place.root / OUTPUT).rglob("*")}


def pd_files(place: Context) -> list[Path]:
    """What a reader of Parquet sees: nothing below a name with a dot."""
    found = (place.root / OUTPUT).rglob("*.parquet")
    return [p for p in found if not any(part.startswith(".") for part in p.parts[-3:])]


def test_a_half_written_part_and_one_cut_otherwise_are_written_again(place: Context) -> None:
    frame = many(place.root)
    job = batch.begin(place, INPUT, OUTPUT)
    batch.predict(place, INPUT, job)
    working = place.root / OUTPUT / f".{job.name}"
    (working / "part-00001.parquet").write_bytes(b"PAR1 cut")
    batch_parts.write(
        working / "part-00002.parquet", pq.read_table(working / "part-00000.parquet"),
        {"place": "data/flights/a.parquet", "first": "0", "rows": "100"},
    )  # fmt: skip
    (working / "part-00077.parquet").write_bytes(b"of a job with smaller parts")
    run(place)

    assert predicted(place)["id"].tolist() == frame["id"].tolist()


def test_new_rows_or_a_new_release_are_a_new_job(place: Context) -> None:
    many(place.root)
    first = run(place)["folder"]
    put(place.root, rows(10, seed=5), "flights/c.parquet")
    second = run(place)

    assert (second["folder"] != first, second["rows"]) == (True, 440)
    assert (place.root / first / "_manifest.json").is_file()


def test_rows_that_the_service_would_refuse_have_a_problem_and_no_score(place: Context) -> None:
    frame = rows(50)
    frame.loc[3, "ώρα"] = 99
    frame.loc[4, "carrier"] = None
    frame.loc[5, "carrier"] = "XX"
    frame.loc[6, "distance"] = -1
    put(place.root, frame, "flights/a.parquet")

    with pytest.raises(Refusal, match=r"4 of 50 rows \(8.00%\) do not fit") as refused:
        run(place)
    assert (refused.value.code, sorted(refused.value.details)) == ("MLS702", [
        "carrier has another value than declared: 1 rows", "carrier is missing: 1 rows",
        "distance is below 0: 1 rows", "ώρα is above 23: 1 rows",
    ])  # fmt: skip

    assert run(place, replace(INPUT, bad_rows=0.1))["bad_rows"] == 4
    got = predicted(place)
    assert got["id"].tolist() == frame["id"].tolist()
    assert got.index[got["score"].isna()].tolist() == [3, 4, 5, 6]
    assert got.index[got["problem"].notna()].tolist() == [3, 4, 5, 6]


def test_a_source_that_changes_meanwhile_is_refused_and_then_read_anew(
    place: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(place.root)
    write = batch_parts.write

    def meddling(path: Path, *rest: Any) -> None:
        write(path, *rest)
        put(place.root, rows(20, seed=9), "flights/b.parquet")

    with monkeypatch.context() as patch:
        patch.setattr(batch_parts, "write", meddling)
        with pytest.raises(Refusal, match="changed while it was predicted"):
            run(place)
    assert run(place)["rows"] == 270


def test_nothing_in_production_is_a_refusal_that_the_journal_keeps(tmp_path: Path) -> None:
    place = context(tmp_path)
    many(tmp_path)
    with pytest.raises(Refusal, match="no production release"):
        batch.begin(place, INPUT, OUTPUT)

    (step,) = place.journal.steps("flight-delay")
    assert (step.step, step.status, step.output["code"]) == ("batch-begin", "failed", "MLS709")


def test_a_number_as_key_stays_a_number_and_a_dataset_needs_no_time(place: Context) -> None:
    frame = rows(30).assign(id=range(30))
    put(place.root, frame, "flights/a.parquet")
    columns = (Column("id", "integer"), *DATASET.columns[1:])
    run(place, replace(INPUT, columns=columns, time=None))

    got = predicted(place)
    assert got.columns.tolist() == ["id", "score", "decision", "problem"]
    assert got["id"].tolist() == list(range(30))


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {path!r}
from learning import context
from mlops_spec.runtime.service import batch, batch_parts
import test_batch
batch.CHUNK_ROWS = 100
write = batch_parts.write
def slow(path, *rest):
    write(path, *rest)
    if path.name == "part-00002.parquet":
        os.kill(os.getpid(), signal.SIGKILL)
batch_parts.write = slow
test_batch.run(context(Path({root!r})))
"""


@pytest.mark.slow
def test_after_kill_9_the_next_process_goes_on(place: Context) -> None:
    frame = many(place.root)
    here = str(Path(__file__).parent)
    script = KILLED.format(path=[here, str(Path(here).parent)], root=str(place.root))
    ended = subprocess.run([sys.executable, "-c", script], env={**os.environ}, check=False)
    assert ended.returncode == -signal.SIGKILL
    (working,) = (place.root / OUTPUT).glob(".*")
    kept = {path.name: path.stat().st_mtime_ns for path in working.glob("part*")}
    assert sorted(kept) == [f"part-0000{number}.parquet" for number in range(3)]

    folder = place.root / run(place)["folder"]
    assert predicted(place)["id"].tolist() == frame["id"].tolist()
    assert {name: (folder / name).stat().st_mtime_ns for name in kept} == kept


MEASURED = """
import resource, sys
from pathlib import Path
sys.path[:0] = {path!r}
from learning import context
from mlops_spec.runtime.service import batch
import test_batch
batch.CHUNK_ROWS = 5000
assert test_batch.run(context(Path({root!r})))["rows"] == {rows}
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_four_times_the_rows_take_no_more_memory(place: Context) -> None:
    here = str(Path(__file__).parent)
    frame = pd.concat([rows(5000)] * 10)
    peaks = []
    for files in (4, 16):
        for number in range(files):
            put(place.root, frame, f"flights/{number}.parquet")
        script = MEASURED.format(
            path=[here, str(Path(here).parent)], root=str(place.root), rows=50_000 * files
        )
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script], check=True, capture_output=True,
            text=True,
        )  # fmt: skip
        peaks.append(int(done.stdout.split()[-1]))

    assert peaks[1] < peaks[0] + 40, peaks


def test_an_output_that_is_a_link_out_of_the_project_is_refused(
    place: Context, tmp_path_factory: pytest.TempPathFactory
) -> None:
    put(place.root / "data", rows(40), "rows.parquet")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (place.root / OUTPUT).symlink_to(elsewhere)
    with pytest.raises(Refusal, match="is a link that leads out of the project") as caught:
        batch.begin(place, INPUT, OUTPUT)
    assert caught.value.code == "MLS317"
    assert list(elsewhere.iterdir()) == []
