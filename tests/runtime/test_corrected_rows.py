"""Corrected rows of a database: what reads them again, and that the help says so."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from learning import DATASET, RECIPE, context

from mlops_spec.runtime.data.checks import check
from mlops_spec.runtime.data.fingerprint import fingerprint, when_read_again
from mlops_spec.runtime.data.snapshot import snapshot
from mlops_spec.runtime.declare import Sql
from mlops_spec.runtime.refusal import Refusal

AGAIN = (
    ". The database is not read again while its `watermark` is as before: give corrected rows a "
    "newer watermark, or change `query` (a comment in it does)"
)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sql:
    names = ", ".join(f'NULL AS "{column.name}"' for column in DATASET.columns)
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute(f"CREATE TABLE rows AS SELECT {names}, 1 AS changed")
    monkeypatch.setenv("SHOP", f"sqlite:///{tmp_path / 'shop.db'}")
    return Sql("SHOP", "SELECT * FROM rows", "SELECT max(changed) FROM rows")


def test_what_the_help_says_reads_corrected_rows_again_and_nothing_else_does(
    tmp_path: Path, source: Sql
) -> None:
    before = fingerprint(tmp_path, source)
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("UPDATE rows SET distance = 7")
    assert fingerprint(tmp_path, source) == before
    commented = replace(source, query=f"{source.query} /* corrected */")
    assert fingerprint(tmp_path, commented) != before
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("UPDATE rows SET changed = 2")
    assert fingerprint(tmp_path, source) != before


def test_too_few_rows_of_a_database_say_when_it_is_read_again(tmp_path: Path, source: Sql) -> None:
    dataset = replace(DATASET, source=source)
    place = context(tmp_path)
    data = str(snapshot(place, dataset)["data"])
    with pytest.raises(Refusal) as refused:
        check(place, dataset, RECIPE, data)
    place.store.close()
    assert (refused.value.code, refused.value.help) == (
        "MLS703",
        f"point `source` at more data, or correct the bad rows{AGAIN}",
    )


def test_files_and_a_database_without_a_watermark_have_words_of_their_own(source: Sql) -> None:
    assert when_read_again(DATASET.source) == ""
    assert when_read_again(replace(source, watermark=None)) == (
        ". The database is not read again while it is the same query: change `query` (a comment "
        "in it does)"
    )
