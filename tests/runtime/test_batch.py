"""A batch prediction holds every row once, wherever it was killed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_world import FOLDER, INPUT, OUTPUT, many, predicted, run
from learning import DATASET, RECIPE, context, put, rows

from mlops_spec.runtime.batch import job as batch
from mlops_spec.runtime.batch import parts as batch_parts
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.data.stream import chunks
from mlops_spec.runtime.declare import Column, Csv, Parquet
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.train.pipeline import features_of
from mlops_spec.terms.digest import file_digest

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google).*"),
]


def test_every_row_is_scored_as_the_pipeline_scores_it(
    place: Context, exported_model: tuple[Path, Any]
) -> None:
    frame = many(place.root)
    found = run(place)

    got = predicted(place)
    expected = exported_model[1].predict_proba(features_of(frame, INPUT, RECIPE))[:, 1]
    assert found == {
        "folder": f"{FOLDER}/{Path(found['folder']).name}",
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


@pytest.mark.parametrize("half", [b"", b"PAR1 is not all of it"], ids=["replaced", "half there"])
def test_a_source_that_changes_meanwhile_is_refused_and_then_read_anew(
    place: Context, monkeypatch: pytest.MonkeyPatch, half: bytes
) -> None:
    many(place.root)
    write = batch_parts.write

    def meddling(path: Path, *rest: Any) -> None:
        write(path, *rest)
        put(place.root, rows(20, seed=9), "flights/b.parquet")
        if half:
            (place.root / "data/flights/b.parquet").write_bytes(half)

    with monkeypatch.context() as patch:
        patch.setattr(batch_parts, "write", meddling)
        with pytest.raises(Refusal, match="changed while it was predicted"):
            run(place)
    put(place.root, rows(20, seed=9), "flights/b.parquet")
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


def test_an_output_that_is_a_link_out_of_the_project_is_refused(
    place: Context, tmp_path_factory: pytest.TempPathFactory
) -> None:
    put(place.root / "data", rows(40), "rows.parquet")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (place.root / FOLDER).symlink_to(elsewhere)
    with pytest.raises(Refusal, match="is a link that leads out of the project") as caught:
        batch.begin(place, INPUT, OUTPUT)
    assert caught.value.code == "MLS317"
    assert list(elsewhere.iterdir()) == []


def test_rows_are_predicted_again_when_the_dataset_takes_other_rows(place: Context) -> None:
    many(place.root)
    first = run(place, replace(INPUT, bad_rows=1.0))
    columns = tuple(
        replace(column, max=600.0) if column.name == "distance" else column
        for column in INPUT.columns
    )
    second = run(place, replace(INPUT, bad_rows=1.0, columns=columns))

    assert (first["bad_rows"], second["bad_rows"] > 0) == (0, True)
    assert run(place, replace(INPUT, bad_rows=0.0))["folder"] == first["folder"]


def test_a_file_of_one_row_group_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).random((2, 3_000_000))
    table = pa.table({f"x{at}": values for at, values in enumerate(numbers)})
    pq.write_table(table, tmp_path / "one.parquet", row_group_size=3_000_000)  # 48 MB
    del table
    before, most = pa.total_allocated_bytes(), 0
    for chunk in chunks(tmp_path, Parquet("one.parquet"), ("x1", "x0"), 10_000):
        most = max(most, pa.total_allocated_bytes() - before)
        assert chunk.rows.num_rows == 10_000

    assert most < 16e6
