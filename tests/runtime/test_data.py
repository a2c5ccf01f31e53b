"""Reading sources: what can be read, and what is said when it cannot."""

from __future__ import annotations

import os
import sqlite3
import uuid
from dataclasses import replace
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from learning import AS_CSV, DATASET, context, put, rows

from mlops_spec.runtime.data.fingerprint import fingerprint
from mlops_spec.runtime.data.read import read, widened
from mlops_spec.runtime.data.snapshot import content_digest, snapshot
from mlops_spec.runtime.declare import Sql
from mlops_spec.runtime.refusal import Refusal


def refusal(root, dataset=DATASET):
    with pytest.raises(Refusal) as caught:
        read(root, dataset)
    assert caught.value.code == "MLS701"
    return caught.value.message, caught.value.help


def test_only_declared_columns_are_read_and_files_are_joined_in_order_of_their_names(tmp_path):
    put(tmp_path, rows(4).iloc[2:].assign(secret=1), "b.parquet")
    put(tmp_path, rows(4).iloc[:2], "a.parquet")
    table = read(tmp_path, DATASET)
    assert table.column_names == [column.name for column in DATASET.columns]
    assert table["id"].to_pylist() == ["f0", "f1", "f2", "f3"]


def test_the_digest_is_of_the_content_not_of_the_files(tmp_path):
    put(tmp_path / "one", rows(50))
    put(tmp_path / "two", rows(50).iloc[:20], "a.parquet")
    narrow = rows(50).iloc[20:].astype({"ώρα": "int8", "carrier": "category"})
    put(tmp_path / "two", narrow, "b.parquet")
    one, two = (read(tmp_path / name, DATASET) for name in ("one", "two"))
    assert content_digest(one) == content_digest(two)


@pytest.mark.parametrize(
    "change",
    [
        {"id": [f"f{i}" for i in range(1, 51)]},
        {"distance": [1.0] * 50},
        {"distance": [None] * 50},
        {"καθυστέρηση": [False] * 50},
    ],
)
def test_another_value_is_another_digest(tmp_path, change):
    put(tmp_path / "one", rows(50))
    put(tmp_path / "two", rows(50).assign(**change))
    one, two = (content_digest(read(tmp_path / name, DATASET)) for name in ("one", "two"))
    assert one != two


def test_moving_a_letter_to_the_next_row_is_another_digest():
    one, two = (pa.table({"a": pa.array(v, pa.large_string())}) for v in (["ab", "c"], ["a", "bc"]))
    assert content_digest(one) != content_digest(two)


def test_a_file_that_was_touched_has_another_fingerprint(tmp_path):
    path = put(tmp_path, rows(50))
    before = fingerprint(tmp_path, DATASET.source)
    os.utime(path, (1, 1))
    assert fingerprint(tmp_path, DATASET.source) != before


def test_a_snapshot_is_kept_once_and_whole(tmp_path):
    put(tmp_path, rows(50))
    place = context(tmp_path)
    found = snapshot(place, DATASET)
    kept = place.workspace.snapshot(found["data"])
    files = ["manifest.json", "rows.parquet", f"source-{found['fingerprint']}.json"]
    assert sorted(path.name for path in kept.iterdir()) == files
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


def test_no_file_at_all_is_said_with_the_pattern(tmp_path):
    with pytest.raises(Refusal, match=r"no file matches 'data/\*\.parquet'"):
        fingerprint(tmp_path, DATASET.source)


def test_a_missing_column_is_answered_with_the_nearest(tmp_path):
    put(tmp_path, rows(5).rename(columns={"distance": "distances"}))
    assert refusal(tmp_path) == (
        "data/rows.parquet has no column 'distance'", "did you mean 'distances'?",
    )  # fmt: skip


def test_a_file_that_was_cut_in_half_is_named(tmp_path):
    path = put(tmp_path, rows(500))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    message, help = refusal(tmp_path)
    assert message.startswith("data/rows.parquet cannot be read: Parquet magic bytes not found")
    assert help == "the file is not Parquet, or was cut off while written; copy it again"


def test_a_file_with_a_damaged_page_is_named(tmp_path):
    path = put(tmp_path, rows(500))
    data = bytearray(path.read_bytes())
    data[4:60] = b"\xff" * 56
    path.write_bytes(data)
    message, help = refusal(tmp_path)
    assert message.startswith("data/rows.parquet cannot be read: ")
    assert help == "the file is not Parquet, or was cut off while written; copy it again"


def test_an_empty_file_is_named(tmp_path):
    put(tmp_path, rows(5)).write_bytes(b"")
    assert refusal(tmp_path)[0].startswith("data/rows.parquet cannot be read: ")


def test_a_csv_in_another_encoding_is_told_to_be_utf8(tmp_path):
    path = put(tmp_path, rows(50), "rows.csv")
    path.write_bytes(path.read_text().encode("iso8859-7"))
    message, help = refusal(tmp_path, AS_CSV)
    assert "data/rows.csv" in message
    assert help == "save the file as UTF-8; it seems to have another encoding"


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"id,at\n1,2,3\n"])
def test_what_is_not_a_csv_is_refused(tmp_path, content):
    put(tmp_path, rows(5), "rows.csv").write_bytes(content)
    assert refusal(tmp_path, AS_CSV)[0].startswith("data/rows.csv ")


def test_a_column_of_two_types_in_two_files_is_refused(tmp_path):
    put(tmp_path, rows(5), "a.parquet")
    put(tmp_path, rows(5).assign(distance="far"), "b.parquet")
    assert refusal(tmp_path)[0] == (
        "column 'distance' is large_string in data/b.parquet and double in an earlier file"
    )


SOURCE = Sql("FLIGHTS_URL", "SELECT * FROM flights ORDER BY id", "SELECT max(at) FROM flights")


@pytest.fixture
def database(tmp_path, monkeypatch):
    path = tmp_path / "flights.db"
    with sqlite3.connect(path) as connection:
        frame = rows(40)
        frame.assign(at=frame["at"].astype(str)).to_sql("flights", connection, index=False)
    connection.close()
    monkeypatch.setenv("FLIGHTS_URL", f"sqlite:///{path}")
    return path


def test_a_database_is_read_through_its_query(tmp_path, database):
    table = read(tmp_path, replace(DATASET, source=SOURCE))
    assert table.num_rows == 40
    assert set(table["carrier"].to_pylist()) == {"AA", "UA", "Ωλ"}


def test_a_new_watermark_is_a_new_fingerprint(tmp_path, database):
    before = fingerprint(tmp_path, SOURCE)
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE flights SET at = '2014-01-01' WHERE id = 'f1'")
    connection.close()
    assert fingerprint(tmp_path, SOURCE) != before


def test_a_database_that_does_not_answer_is_refused_without_its_password(tmp_path, monkeypatch):
    monkeypatch.setenv("FLIGHTS_URL", "nonsense://user:hunter2@host/x")
    message, _ = refusal(tmp_path, replace(DATASET, source=SOURCE))
    assert message == "the URL in FLIGHTS_URL cannot be used (NoSuchModuleError)"


def test_a_table_that_is_not_there_is_refused(tmp_path, database):
    source = replace(SOURCE, query="SELECT * FROM trains")
    assert refusal(tmp_path, replace(DATASET, source=source))[0] == (
        "the database in FLIGHTS_URL refused: no such table: trains"
    )


def test_an_unset_variable_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("FLIGHTS_URL", raising=False)
    assert refusal(tmp_path, replace(DATASET, source=SOURCE))[0] == (
        "the environment variable FLIGHTS_URL is not set"
    )


def test_a_source_without_rows_is_refused(tmp_path):
    put(tmp_path, pd.DataFrame(rows(0)))
    with pytest.raises(Refusal, match="holds no row") as caught:
        snapshot(context(tmp_path), DATASET)
    assert caught.value.code == "MLS703"


def test_a_link_within_the_project_is_followed(tmp_path):
    path = put(tmp_path, rows(5))
    path.rename(tmp_path / "elsewhere.parquet")
    path.symlink_to("../elsewhere.parquet")
    assert read(tmp_path, DATASET).num_rows == 5


@pytest.mark.parametrize("linked", ["a file", "a folder"])
def test_a_link_out_of_the_project_is_refused(tmp_path, linked):
    secret, root = put(tmp_path / "other", rows(5)), tmp_path / "project"
    root.mkdir()
    if linked == "a folder":
        (root / "data").symlink_to(secret.parent)
    else:
        (root / "data").mkdir()
        (root / "data" / "rows.parquet").symlink_to(secret)
    with pytest.raises(Refusal) as caught:
        read(root, DATASET)
    assert caught.value.code == "MLS317"
    assert caught.value.message == (
        f"data/rows.parquet is a link that leads out of the project, to {secret.resolve()}"
    )
    assert caught.value.help.startswith("keep the data in a folder beside mlops.yaml")


@pytest.mark.parametrize(
    ("name", "values", "stored"),
    [
        ("carrier", pa.array([["AA"]] * 5), "list<element: string>"),
        ("distance", pa.array([{"km": 1}] * 5), "struct<km: int64>"),
        ("carrier", pa.array([b"\xff"] * 5), "binary"),
        ("at", pa.array([2**62] * 5, pa.timestamp("ms")), "timestamp[ms]"),
    ],
)
def test_a_column_that_holds_no_plain_values_is_named(tmp_path, name, values, stored):
    path = put(tmp_path, rows(5))
    table = pq.read_table(path)
    pq.write_table(table.set_column(table.column_names.index(name), name, values), path)
    message, help = refusal(tmp_path)
    assert message.startswith(f"column {name!r} is stored as {stored}, and cannot be read: ")
    assert help.startswith("store numbers, text, booleans or times")


def test_keys_of_databases_stay_themselves(tmp_path):
    """A UUID, and whole numbers that a warehouse keeps as decimals of 38 digits."""
    ids = [uuid.UUID(int=2**100 + at) for at in range(2)]
    table = pa.table(
        {
            "id": pa.array([*ids, None], pa.uuid()),
            "number": pa.array([Decimal(2**60 + 1), Decimal(2**60 + 2), None], pa.decimal128(38)),
            "long": pa.array([Decimal(10**30 + 1), Decimal(10**30 + 2), None], pa.decimal128(38)),
            "price": pa.array([Decimal("0.25"), None, None], pa.decimal128(9, 2)),
        }
    )
    pq.write_table(table, tmp_path / "rows.parquet")

    found = widened(pq.read_table(tmp_path / "rows.parquet"))

    assert found.to_pydict() == {
        "id": [*map(str, ids), None],
        "number": [2**60 + 1, 2**60 + 2, None],
        "long": [str(10**30 + 1), str(10**30 + 2), None],
        "price": [0.25, None, None],
    }
