"""A batch prediction that is killed holds every row once when it has been started again."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow.parquet as pq
import pytest
from batch_world import (
    FOLDER,
    INPUT,
    OUTPUT,
    Killed,
    in_a_process,
    many,
    predicted,
    run,
    visible,
)
from learning import rows

from mlops_spec.runtime.batch import job as batch
from mlops_spec.runtime.batch import parts as batch_parts
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Dataset, Sql

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google).*"),
]


@pytest.fixture
def killed_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets that many files be written, and kills the process after the last."""
    write = batch_parts.write
    left, lock = [0], Lock()

    def dying(path: Path, *rest: Any) -> None:
        with lock:  # parts are written by several threads
            if left[0] == 0:
                raise Killed
            left[0] -= 1
        write(path, *rest)

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
            assert not (place.root / FOLDER / "latest.json").exists()
            assert visible(place) == []
    run(place)

    assert predicted(place)["id"].tolist() == frame["id"].tolist()
    before = {path: path.stat().st_mtime_ns for path in (place.root / FOLDER).rglob("*")}
    run(place)
    assert before == {path: path.stat().st_mtime_ns for path in (place.root / FOLDER).rglob("*")}


def test_a_half_written_part_and_one_cut_otherwise_are_written_again(place: Context) -> None:
    frame = many(place.root)
    job = batch.begin(place, INPUT, OUTPUT)
    batch.predict(place, INPUT, job)
    working = place.root / FOLDER / f".{job.name}"
    (working / "part-00001.parquet").write_bytes(b"PAR1 cut")
    batch_parts.write(
        working / "part-00002.parquet", pq.read_table(working / "part-00000.parquet"),
        {"place": "data/flights/a.parquet", "first": "0", "rows": "100"},
    )  # fmt: skip
    (working / "part-00077.parquet").write_bytes(b"of a job with smaller parts")
    run(place)

    assert predicted(place)["id"].tolist() == frame["id"].tolist()


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


KILLED = """
batch.CHUNK_ROWS = 100
write = batch_parts.write
def slow(path, *rest):
    write(path, *rest)
    if path.name == "part-00002.parquet":
        os.kill(os.getpid(), signal.SIGKILL)
batch_parts.write = slow
batch_world.run(place)
"""


@pytest.mark.slow
def test_after_kill_9_the_next_process_goes_on(place: Context) -> None:
    frame = many(place.root)
    ended = in_a_process(place, KILLED)
    assert ended.returncode == -signal.SIGKILL
    (working,) = (place.root / FOLDER).glob(".*")
    kept = {path.name: path.stat().st_mtime_ns for path in working.glob("part*")}
    # Parts are written by several threads: those before it may be on their way.
    assert "part-00002.parquet" in kept
    assert set(kept) <= {f"part-0000{number}.parquet" for number in range(5)}

    folder = place.root / run(place)["folder"]
    assert predicted(place)["id"].tolist() == frame["id"].tolist()
    assert {name: (folder / name).stat().st_mtime_ns for name in kept} == kept
