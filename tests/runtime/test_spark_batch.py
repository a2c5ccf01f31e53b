"""The rendered PySpark job on Spark itself: the numbers of one machine, each row once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sql
from batch_world import FOLDER, INPUT, OUTPUT, many, predicted, run
from learning import DATASET, put, rows
from pyspark.sql import SparkSession
from spark_session import spark_session

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Column, Csv, Dataset, Folder, Table, Trust
from mlops_spec.runtime.refusal import Refusal

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google).*"),
]

TEMPLATES = Path(__file__).parents[2] / "templates"


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    with spark_session(tmp_path_factory.mktemp("spark")) as session:
        yield session


@pytest.fixture
def place(serving_place: Context, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Production serves the model, and the job finds it."""
    monkeypatch.setenv("MLOPS_SPEC_WORKSPACE", str(serving_place.workspace.root))
    return serving_place


def job(dataset: Dataset = INPUT, output: Folder | Table = OUTPUT) -> ModuleType:
    """The rendered spark/batch.py, with these literals in it."""
    from proving import TRUST

    from mlops_spec.model.plan import Call, Origin, SparkJob
    from mlops_spec.render.templates import render_artifact

    origin = Origin(
        spec="specs/m.yaml", project="p", environment="local", model="flight-delay", facets={},
        workspace=".spec/local", registry="sqlite", state_env=None,
    )  # fmt: skip
    nothing = Call("Folder", (("path", "none"),))
    artifact = SparkJob(
        origin, "flights", "", isinstance(dataset.source, Csv), nothing, nothing, TRUST
    )
    (text,) = render_artifact(artifact).values()
    module = ModuleType("spark_batch")
    exec(compile(text, "spark/batch.py", "exec"), module.__dict__)
    module.__dict__.update(DATASET=dataset, OUTPUT=output, Table=Table, Trust=Trust)
    return module


def on_spark(dataset: Dataset = INPUT, output: Folder | Table = OUTPUT) -> dict[str, Any]:
    found: dict[str, Any] = job(dataset, output).main()
    return found


def by_key(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values("id", ignore_index=True)


def same(got: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Equal to the last digit; Spark stores times in other units."""
    times = {"at": "datetime64[us, UTC]"} if "at" in got else {}
    pd.testing.assert_frame_equal(
        by_key(got.astype(times)), by_key(expected.astype(times)), check_exact=True
    )


def test_spark_gives_the_numbers_of_one_machine(spark: SparkSession, place: Context) -> None:
    many(place.root)
    run(place)
    expected = predicted(place)
    told = on_spark(output=Folder("data/spark"))

    folder = place.root / "data/spark" / Path(told["folder"]).name
    assert (told["release"], told["rows"], told["bad_rows"]) == ("rel1", 430, 0)
    same(pd.read_parquet(folder), expected)
    manifest = json.loads((folder / "_manifest.json").read_text())
    assert (manifest["rows"], manifest["version"]) == (430, "1")


def test_done_once_it_is_not_done_again_and_new_rows_are(
    spark: SparkSession, place: Context
) -> None:
    many(place.root)
    first = on_spark()
    assert on_spark() == {"done": Path(first["folder"]).name}
    put(place.root, rows(10, seed=5).assign(id=[f"n{i}" for i in range(10)]), "flights/c.parquet")

    assert on_spark()["rows"] == 440
    assert len(predicted(place)) == 440


def test_a_csv_gives_the_same_numbers(spark: SparkSession, place: Context) -> None:
    frame = many(place.root)
    frame.loc[7, "id"] = 'a "quoted"\nname, of two lines'
    put(place.root, frame, "rows.csv")
    dataset = replace(INPUT, source=Csv("data/*.csv"))
    run(place, dataset)
    expected = predicted(place)
    on_spark(dataset)

    same(predicted(place), expected)


def test_bad_rows_are_refused_or_kept_with_their_problem(
    spark: SparkSession, place: Context
) -> None:
    frame = rows(50)
    frame.loc[3, "ώρα"] = 99
    frame.loc[4, "carrier"] = None
    put(place.root, frame, "flights/a.parquet")
    with pytest.raises(Refusal, match=r"2 of 50 rows \(4.00%\) do not fit") as refused:
        on_spark()
    assert sorted(refused.value.details) == [
        "carrier is missing: 1 rows", "ώρα is above 23: 1 rows",
    ]  # fmt: skip
    assert list((place.root / FOLDER).glob(".*")) == []

    assert on_spark(replace(INPUT, bad_rows=0.1))["bad_rows"] == 2
    got = by_key(predicted(place)).set_index("id")
    assert got.index[got["score"].isna()].tolist() == ["f3", "f4"]
    assert got.loc["f4", "problem"] == "carrier is missing"


def test_keys_of_19_digits_stay_themselves_beside_a_missing_one(
    spark: SparkSession, place: Context
) -> None:
    keys = pd.array([2**62 + i for i in range(30)], dtype="Int64")
    keys[4] = pd.NA
    put(place.root, rows(30).assign(id=keys), "flights/a.parquet")
    columns = (Column("id", "integer"), *DATASET.columns[1:])
    dataset = replace(INPUT, columns=columns, bad_rows=0.1, time=None)
    run(place, dataset)
    expected = predicted(place)
    on_spark(dataset, Folder("data/spark"))
    (folder,) = (place.root / "data/spark").glob("rel1-*")

    got = pd.read_parquet(folder, dtype_backend="numpy_nullable")
    assert sorted(got["id"].dropna()) == [2**62 + i for i in range(30) if i != 4]
    assert sorted(got["score"].dropna()) == sorted(expected["score"].dropna())


def test_a_source_that_changes_meanwhile_is_refused(
    spark: SparkSession, place: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(place.root)
    module = job()
    stage = module.__dict__["steps"].stage

    def meddling(*given: Any) -> Any:
        found = stage(*given)
        put(place.root, rows(20, seed=9), "flights/b.parquet")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(module.__dict__["steps"], "stage", meddling)
        with pytest.raises(Refusal, match="changed while it was predicted"):
            module.main()
    assert list((place.root / FOLDER).glob("*")) == []
    assert on_spark()["rows"] == 270


def test_killed_before_it_is_published_nothing_is_seen_and_the_next_run_does_it(
    spark: SparkSession, place: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = many(place.root)
    module = job()
    steps = module.__dict__["steps"]
    for last in ("stage", "require_unchanged", "publish"):
        with monkeypatch.context() as patch:
            patch.setattr(steps, last, _killed)
            with pytest.raises(KeyboardInterrupt):
                module.main()
        assert not (place.root / FOLDER / "latest.json").exists()
    on_spark()

    assert sorted(predicted(place)["id"]) == sorted(frame["id"])


def _killed(*_: Any) -> None:
    raise KeyboardInterrupt


def test_into_a_table_one_row_a_key(
    spark: SparkSession, place: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(place.root)
    url = f"sqlite:///{place.root / 'scores.db'}"
    monkeypatch.setenv("SCORES_URL", url)
    table = Table("SCORES_URL", "scores")
    told = on_spark(output=table)
    assert told == {"table": "scores", "release": "rel1", "rows": 430, "bad_rows": 0}
    assert "done" in on_spark(output=table)
    run(place)

    with sql.create_engine(url).connect() as connection:
        got = pd.read_sql(sql.text("SELECT * FROM scores"), connection)
    assert by_key(got)["score"].tolist() == by_key(predicted(place))["score"].tolist()


def test_a_file_that_comes_meanwhile_is_for_the_next_job(
    spark: SparkSession, place: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = many(place.root)
    module = job()
    stage = module.__dict__["steps"].stage

    def appending(*given: Any) -> Any:
        put(place.root, rows(20, seed=9), "flights/later.parquet")
        return stage(*given)

    with monkeypatch.context() as patch:
        patch.setattr(module.__dict__["steps"], "stage", appending)
        assert module.main()["rows"] == 430
    assert sorted(predicted(place)["id"]) == sorted(frame["id"])
