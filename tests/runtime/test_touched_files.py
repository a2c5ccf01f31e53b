"""Files that were touched: read where only their times differ, and never a byte more."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from learning import AS_CSV, DATASET, context, put, rows

from mlops_spec.runtime.batch.rows import Source
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.data import touched
from mlops_spec.runtime.data.fingerprint import fingerprint
from mlops_spec.runtime.data.snapshot import snapshot
from mlops_spec.runtime.data.touched import Mark, source_mark
from mlops_spec.runtime.declare import Dataset


def kept(place: Context) -> Path:
    """The digests of the only snapshot."""
    (found,) = (place.workspace.root / "snapshots").glob("*/source-*.json")
    return found


def look(place: Context, dataset: Dataset = DATASET) -> tuple[Mark, list[int]]:
    """The mark of the source, and the bytes that were read for it."""
    touched._digest.cache_clear()
    told: list[int] = []
    return source_mark(place, dataset.source, told.append), told


def another_byte(path: Path) -> None:
    """Change a file and keep its size."""
    found = bytearray(path.read_bytes())
    found[len(found) // 2] ^= 1
    path.write_bytes(found)
    os.utime(path, (1, 1))


@pytest.mark.parametrize(("dataset", "name"), [(DATASET, "a.parquet"), (AS_CSV, "a.csv")])
def test_a_touched_file_is_read_once_and_is_the_snapshot_of_before(
    tmp_path: Path, dataset: Dataset, name: str
) -> None:
    path, place = put(tmp_path, rows(50), name), context(tmp_path)
    before = snapshot(place, dataset)
    same = Mark(before["fingerprint"])
    assert look(place, dataset) == (same, [])
    os.utime(path, (1, 1))
    assert look(place, dataset) == (same, [path.stat().st_size])
    assert look(place, dataset) == (same, [])
    assert snapshot(place, dataset) == before


@pytest.mark.parametrize(("dataset", "name"), [(DATASET, "a.parquet"), (AS_CSV, "a.csv")])
def test_other_bytes_of_equal_size_are_another_source(
    tmp_path: Path, dataset: Dataset, name: str
) -> None:
    path, place = put(tmp_path, rows(50), name), context(tmp_path)
    snapshot(place, dataset)
    another_byte(path)
    now = fingerprint(tmp_path, dataset.source)
    assert look(place, dataset) == (Mark(now), [path.stat().st_size])


def test_of_two_files_only_the_touched_one_is_read(tmp_path: Path) -> None:
    place = context(tmp_path)
    one, two = (put(tmp_path, rows(n), f"{n}.csv") for n in (40, 50))
    before = snapshot(place, AS_CSV)["fingerprint"]
    os.utime(two, (1, 1))
    assert look(place, AS_CSV) == (Mark(before), [two.stat().st_size])
    os.utime(one, (1, 1))
    assert look(place, AS_CSV) == (Mark(before), [one.stat().st_size])
    another_byte(two)
    os.utime(two, (2, 2))
    assert look(place, AS_CSV) == (
        Mark(fingerprint(tmp_path, AS_CSV.source)),
        [two.stat().st_size],
    )


def test_a_file_of_another_size_or_name_is_not_read(tmp_path: Path) -> None:
    path, place = put(tmp_path, rows(50), "a.csv"), context(tmp_path)
    snapshot(place, AS_CSV)
    moved = path.rename(path.with_name("b.csv"))
    assert look(place, AS_CSV) == (Mark(fingerprint(tmp_path, AS_CSV.source)), [])
    moved.rename(path)
    path.write_text(path.read_text() + "\n")
    assert look(place, AS_CSV) == (Mark(fingerprint(tmp_path, AS_CSV.source)), [])


def test_a_snapshot_without_digests_or_without_rows_is_compared_with_nothing(
    tmp_path: Path,
) -> None:
    path, place = put(tmp_path, rows(50)), context(tmp_path)
    snapshot(place, DATASET)
    os.utime(path, (1, 1))
    now = Mark(fingerprint(tmp_path, DATASET.source))
    digests = kept(place)
    digests.rename(digests.with_suffix(".away"))
    assert look(place) == (now, [])
    digests.write_text('{"files": [')
    assert look(place) == (now, [])
    digests.with_suffix(".away").rename(digests)
    (digests.parent / "rows.parquet").unlink()
    assert look(place) == (now, [])


def test_more_than_can_be_read_in_some_seconds_is_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, place = put(tmp_path, rows(50)), context(tmp_path)
    size = path.stat().st_size
    snapshot(place, DATASET)
    os.utime(path, (1, 1))
    monkeypatch.setattr(touched, "MOST_READ", size - 1)
    assert look(place) == (Mark(fingerprint(tmp_path, DATASET.source), size), [])


def test_a_file_too_large_to_be_compared_is_not_digested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, place = put(tmp_path, rows(50)), context(tmp_path)
    monkeypatch.setattr(touched, "MOST_READ", path.stat().st_size - 1)
    snapshot(place, DATASET)
    assert [each[3] for each in json.loads(kept(place).read_text())["files"]] == [""]


def test_a_file_that_changes_while_it_is_read_gets_no_digest(tmp_path: Path) -> None:
    path, place = put(tmp_path, rows(50)), context(tmp_path)
    mark = fingerprint(tmp_path, DATASET.source)
    another_byte(path)
    touched.keep_digests(tmp_path, DATASET.source, mark, place.workspace.snapshot("rows"))
    assert not place.workspace.snapshot("rows").exists()


def test_a_job_notices_a_file_that_was_exchanged_for_its_like(tmp_path: Path) -> None:
    path, place = put(tmp_path, rows(50)), context(tmp_path)
    mark = snapshot(place, DATASET)["fingerprint"]
    read = Source.of(tmp_path, DATASET)
    assert read.is_as(mark)
    os.utime(path, (1, 1))
    assert not read.is_as(mark)
