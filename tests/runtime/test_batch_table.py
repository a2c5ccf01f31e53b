"""Predictions in a table: one row a key, all of a job or nothing. On SQLite and PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sql
from batch_world import INPUT, content, many, run, scores_of, serve
from learning import DATASET, put, rows
from postgres import postgresql
from proving import prove

from mlops_spec.runtime.batch import table as tables
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Column, Sql, Table
from mlops_spec.runtime.refusal import Refusal

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google).*"),
]

SCORES = Table("SCORES_URL", "scores")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[sql.Engine]:
    """An empty database, named in SCORES_URL."""
    sqlite = f"sqlite:///{tmp_path / 'scores.db'}"
    url = sqlite if request.param == "sqlite" else request.getfixturevalue("server")
    monkeypatch.setenv("SCORES_URL", url)
    engine = sql.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sql.text("DROP TABLE IF EXISTS scores"))
    yield engine
    engine.dispose()


def folder_of(place: Context) -> pd.DataFrame:
    """The same rows as Parquet."""
    return pd.read_parquet(place.root / run(place)["folder"]).sort_values("id", ignore_index=True)


def test_a_table_holds_what_the_files_hold(place: Context, database: sql.Engine) -> None:
    many(place.root)
    told = run(place, output=SCORES)
    expected = folder_of(place)

    assert told == {"table": "scores", "release": "rel1", "rows": 430, "bad_rows": 0}
    got = content(database)
    assert list(got) == ["id", "at", "score", "decision", "problem", "release"]
    assert got["id"].tolist() == expected["id"].tolist()
    assert got["score"].tolist() == expected["score"].tolist()
    assert got["decision"].astype(bool).tolist() == expected["decision"].tolist()
    assert pd.to_datetime(got["at"], utc=True).tolist() == expected["at"].tolist()
    assert set(got["release"]) == {"rel1"}
    assert list((place.workspace.root / "batch").rglob("*.parquet")) == []


def test_a_row_that_is_there_is_replaced_and_a_new_one_is_added(
    place: Context, database: sql.Engine
) -> None:
    frame = many(place.root)
    run(place, output=SCORES)
    frame["distance"] += 1000
    put(place.root, frame.iloc[:250], "flights/a.parquet")
    put(place.root, rows(20, seed=5).assign(id=[f"new{i}" for i in range(20)]), "flights/c.parquet")
    run(place, output=SCORES)

    assert len(content(database)) == 450
    assert content(database)["score"].tolist() == folder_of(place)["score"].tolist()


def test_done_once_it_is_not_done_again_until_the_table_has_lost_it(
    place: Context, database: sql.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(place.root)
    loads: list[Any] = []
    load = tables.load
    monkeypatch.setattr(tables, "load", lambda *given: loads.append(1) or load(*given))
    run(place, output=SCORES)
    run(place, output=SCORES)
    assert len(loads) == 1

    with database.begin() as connection:
        connection.execute(sql.text("DELETE FROM scores WHERE id = 'f7'"))
    run(place, output=SCORES)
    assert (len(loads), len(content(database))) == (2, 430)


def test_a_job_that_dies_in_the_table_leaves_it_as_it_was(
    place: Context, database: sql.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = many(place.root)
    run(place, output=SCORES)
    before = content(database)
    put(place.root, frame.assign(distance=500.0), "flights/a.parquet")
    stage, staged = tables._stage, []

    def dying(*given: Any) -> int:
        staged.append(stage(*given))
        if len(staged) == 3:
            raise KeyboardInterrupt
        return staged[-1]

    with monkeypatch.context() as patch:
        patch.setattr(tables, "_stage", dying)
        with pytest.raises(KeyboardInterrupt):
            run(place, replace(INPUT, source=INPUT.source), SCORES)
    pd.testing.assert_frame_equal(content(database), before)


def test_a_key_that_is_there_twice_is_named_and_nothing_is_written(
    place: Context, database: sql.Engine
) -> None:
    frame = many(place.root)
    run(place, output=SCORES)
    before = content(database)
    put(place.root, frame.iloc[[3, 8]], "flights/c.parquet")

    with pytest.raises(Refusal, match="id f3 is in the source more than once") as refused:
        run(place, output=SCORES)
    assert (refused.value.code, refused.value.details) == ("MLS702", ("id f3", "id f8"))
    pd.testing.assert_frame_equal(content(database), before)


def test_a_row_without_a_key_has_no_place_but_is_counted(
    place: Context, database: sql.Engine
) -> None:
    frame = rows(50)
    frame.loc[[3, 4], "id"] = None
    frame.loc[5, "distance"] = -1
    put(place.root, frame, "flights/a.parquet")
    told = run(place, replace(INPUT, bad_rows=0.1), SCORES)

    assert (told["rows"], told["bad_rows"]) == (50, 3)
    got = content(database)
    assert len(got) == 48
    assert got[got["problem"].notna()]["id"].tolist() == ["f5"]
    (manifest,) = (place.workspace.root / "batch").rglob("_manifest.json")
    assert '"keyless_rows": 2' in manifest.read_text()


def test_a_table_of_other_columns_or_without_a_unique_key_is_refused(
    place: Context, database: sql.Engine
) -> None:
    many(place.root)
    for statement, says in {
        "CREATE TABLE scores (id VARCHAR(9) PRIMARY KEY, score FLOAT)": "has no column 'at'",
        "CREATE TABLE scores (id VARCHAR(9), at TIMESTAMP, score FLOAT, decision BOOLEAN, "
        "problem TEXT, release TEXT)": "may hold a 'id' twice",
    }.items():
        with database.begin() as connection:
            connection.execute(sql.text("DROP TABLE IF EXISTS scores"))
            connection.execute(sql.text(statement))
        with pytest.raises(Refusal, match=says) as refused:
            run(place, output=SCORES)
        assert refused.value.code == "MLS719"
        assert len(content(database)) == 0


ROUNDING = {
    "score": ("INTEGER", "VARCHAR(30)"),  # the first in PostgreSQL, the second in SQLite
    "at": ("TIMESTAMP", "INTEGER"),
    "id": ("INTEGER", "INTEGER"),
}


@pytest.mark.parametrize("column", ROUNDING)
def test_a_table_that_would_change_a_value_is_refused(
    place: Context, database: sql.Engine, column: str
) -> None:
    """PostgreSQL rounds to whole numbers and moves times, SQLite reads the key 007 as 7."""
    many(place.root)
    sqlite = database.dialect.name == "sqlite"
    fine = {
        "id": "TEXT", "at": "DATETIME" if sqlite else "TIMESTAMP WITH TIME ZONE",
        "score": "DOUBLE PRECISION", "decision": "BOOLEAN", "problem": "TEXT", "release": "TEXT",
    }  # fmt: skip
    scores_of(database, {**fine, column: ROUNDING[column][sqlite]})
    with pytest.raises(Refusal, match=f"has '{column}' as .*, which would change it") as no:
        run(place, output=SCORES)
    assert (no.value.code, len(content(database))) == ("MLS719", 0)

    scores_of(database, fine)
    run(place, output=SCORES)
    assert len(content(database)) == 430


def test_a_source_that_is_as_it_was_before_the_last_one_is_put_into_the_table_again(
    place: Context, database: sql.Engine
) -> None:
    frame = many(place.root)
    path = place.root / "data/flights/a.parquet"
    before, times = path.read_bytes(), path.stat()
    run(place, output=SCORES)
    first = content(database)
    put(place.root, frame.iloc[:250].assign(distance=9.0), "flights/a.parquet")
    run(place, output=SCORES)
    path.write_bytes(before)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    run(place, output=SCORES)
    pd.testing.assert_frame_equal(content(database), first)
    run(place, output=SCORES)  # done again, it is the newest
    assert len(list((place.workspace.root / "batch").rglob("_manifest.json"))) == 3


def test_columns_of_others_keep_what_they_hold(place: Context, database: sql.Engine) -> None:
    many(place.root)
    run(place, output=SCORES)
    with database.begin() as connection:
        connection.execute(sql.text("ALTER TABLE scores ADD COLUMN seen_by VARCHAR(9)"))
        connection.execute(sql.text("UPDATE scores SET seen_by = 'ann', score = 0"))
        connection.execute(sql.text("UPDATE scores SET release = 'old'"))
    run(place, output=SCORES)

    got = content(database)
    assert (set(got["seen_by"]), (got["score"] > 0).all()) == ({"ann"}, True)


def test_another_release_replaces_and_going_back_replaces_again(
    place: Context, database: sql.Engine
) -> None:
    many(place.root)
    run(place, output=SCORES)
    bentos = place.workspace.bentoml_home / "bentos" / "flight-delay"
    (bentos / "rel2" / "src").mkdir(parents=True)
    (bentos / "rel2" / "bento.yaml").write_text("")
    (bentos / "rel2" / "src" / "model").symlink_to(bentos / "rel1" / "src" / "model")
    from mlops_spec.terms.digest import file_digest

    manifest = bentos / "rel1" / "src" / "model" / "manifest.json"
    prove(place, bentos / "rel2" / "src", release="rel2", digest=file_digest(manifest))
    for release in ("rel2", "rel1"):
        serve(place, release)
        run(place, output=SCORES)
        assert set(content(database)["release"]) == {release}


def test_rows_of_a_database_become_rows_of_a_database(
    place: Context, database: sql.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a warehouse has it: a query in, a table out, numbers as keys."""
    frame = rows(430).assign(id=range(430))
    with database.begin() as connection:
        frame.to_sql("flights", connection, index=False, if_exists="replace")
    dataset = replace(
        INPUT, columns=(Column("id", "integer"), *DATASET.columns[1:]),
        source=Sql("SCORES_URL", "SELECT * FROM flights"),
    )  # fmt: skip
    run(place, dataset, SCORES)

    assert content(database)["id"].tolist() == list(range(430))


def test_a_database_of_another_kind_is_refused_before_anything_is_made(
    place: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(place.root)
    monkeypatch.setitem(tables._UPSERTS, "sqlite", None)
    monkeypatch.delitem(tables._UPSERTS, "sqlite")
    monkeypatch.setenv("SCORES_URL", f"sqlite:///{place.root / 'scores.db'}")
    with pytest.raises(Refusal, match="the table scores is in sqlite"):
        run(place, output=SCORES)


def test_whatever_a_text_holds_and_however_many_classes_there_are(database: sql.Engine) -> None:
    ids = ['a "b", c', "line\nbreak", "back\\slash", "\\N", "Ωλ\t", "'; DROP TABLE x; --"]
    part = pa.table(
        {
            "id": ids,
            "score": [0.1 + 0.2, 1e-300, None, 1 / 3, -0.0, 5.0],
            "decision": ["", None, "null", "\\.", "x", "y"],
            "probabilities": pa.array([[0.1, 0.9], None, [], [1 / 3], [1.0], [0.5]]),
            "problem": pa.array([None, "", "a,b", None, None, None], pa.string()),
        }
    )
    found = tables.load(SCORES, [part], part.schema, "id", 'r"1')

    assert found == tables.Loaded(6, 0)
    schema = sql.Table("scores", sql.MetaData(), autoload_with=database)
    with database.connect() as connection:
        rows = {row["id"]: dict(row) for row in connection.execute(sql.select(schema)).mappings()}
    expected = {row["id"]: {**row, "release": 'r"1'} for row in part.to_pylist()}
    assert rows == expected
