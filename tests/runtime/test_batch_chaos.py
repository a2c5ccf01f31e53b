"""Killed at moments that nobody chose, a batch prediction still holds every row once."""

from __future__ import annotations

import errno
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from batch_world import (
    FOLDER,
    in_a_process,
    many,
    predicted,
    process,
    run,
    visible,
)
from learning import put, rows

from mlops_spec.runtime.batch import job as batch
from mlops_spec.runtime.batch import parts
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Folder
from mlops_spec.runtime.refusal import Refusal

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google).*"),
]

KILLS = 15
ROWS = 30_000
JOB = """
batch.CHUNK_ROWS = 500
output = {output}
print("go", flush=True)
print(batch_world.run(place, output=output)["rows"], flush=True)
"""
MEASURED = """
import resource
told = batch_world.run(place)
print(told["rows"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.fixture
def place(serving_place: Context) -> Context:
    """Production serves the model; chunks are as large as outside of tests."""
    return serving_place


def killed_at_random(place: Context, output: str) -> Counter[str]:
    """Start the job and kill it, again and again, then let it end; what came of each start."""
    moment = random.Random(7)
    ends: Counter[str] = Counter()
    for _ in range(KILLS):
        working = process(place, JOB.format(output=output))
        assert working.stdout is not None
        assert working.stdout.readline() == "go\n"
        time.sleep(moment.uniform(0, 0.5))
        working.send_signal(signal.SIGKILL)
        ends["ended" if working.communicate()[0] else "killed"] += 1
        if not (place.root / FOLDER / "latest.json").exists():
            assert visible(place) == []
    last = process(place, JOB.format(output=output)).communicate()[0]
    assert last == f"go\n{ROWS}\n"
    return ends


@pytest.mark.slow
def test_killed_at_random_moments_each_row_is_there_once(place: Context) -> None:
    frame = rows(ROWS)
    put(place.root, frame, "flights/a.parquet")
    ends = killed_at_random(place, "batch_world.OUTPUT")

    assert ends["killed"] >= 5, ends
    chaotic = predicted(place)
    assert chaotic["id"].tolist() == frame["id"].tolist()
    run(place, output=Folder("data/calm"))
    (calm,) = (place.root / "data/calm").glob("rel1-*")
    pd.testing.assert_frame_equal(chaotic, pd.read_parquet(calm))
    (folder,) = (p for p in (place.root / FOLDER).iterdir() if p.is_dir())
    assert {path.suffix for path in folder.iterdir()} == {".parquet", ".json"}


@pytest.mark.slow
def test_killed_at_random_moments_a_table_holds_each_row_once(
    place: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = rows(ROWS)
    put(place.root, frame, "flights/a.parquet")
    monkeypatch.setenv("SCORES_URL", f"sqlite:///{place.root / 'scores.db'}")
    ends = killed_at_random(place, "batch_world.Table('SCORES_URL', 'scores')")

    assert ends["killed"] >= 5, ends
    with sqlite3.connect(place.root / "scores.db") as connection:
        got = pd.read_sql("SELECT id, score FROM scores", connection)
    run(place)
    expected = predicted(place).sort_values("id")
    assert got.sort_values("id")["id"].tolist() == expected["id"].tolist()
    assert got.sort_values("id")["score"].tolist() == expected["score"].tolist()


@pytest.mark.slow
def test_a_million_rows_take_the_memory_of_the_first_hundred_thousand(place: Context) -> None:
    frame = pd.concat([rows(5000)] * 20, ignore_index=True)
    peaks = []
    for files in (1, 10):
        for number in range(files):
            put(place.root, frame, f"flights/{number}.parquet")
        predicted_rows, peak = map(int, in_a_process(place, MEASURED).stdout.split())
        assert predicted_rows == len(frame) * files
        peaks.append(peak)

    assert peaks[1] < peaks[0] + 60, peaks  # MB


def test_two_runs_at_once_are_one(place: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "CHUNK_ROWS", 100)
    frame = many(place.root)
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(lambda _: run(place), range(2)))

    assert told[0] == told[1]
    assert predicted(place)["id"].tolist() == frame["id"].tolist()
    assert len([p for p in (place.root / FOLDER).iterdir() if p.is_dir()]) == 1


def test_on_a_full_disk_it_says_so_leaves_no_halves_and_goes_on_later(
    place: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "CHUNK_ROWS", 100)
    frame = many(place.root)
    fsync, left = os.fsync, [2]

    def full(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(Refusal, match="the disk is full") as refused:
            run(place)
    assert refused.value.code == "MLS604"
    (working,) = (place.root / FOLDER).glob(".*")
    assert len(list(working.iterdir())) == 2
    run(place)

    assert predicted(place)["id"].tolist() == frame["id"].tolist()


def test_without_any_row_there_is_an_empty_part_with_all_columns(place: Context) -> None:
    put(place.root, rows(10).iloc[:0], "flights/a.parquet")
    told = run(place)

    assert (told["rows"], told["bad_rows"]) == (0, 0)
    assert predicted(place).columns.tolist() == ["id", "at", "score", "decision", "problem"]


def test_a_key_that_is_there_twice_is_there_twice_in_files(place: Context) -> None:
    frame = rows(20)
    put(place.root, pd.concat([frame, frame.iloc[[3]]]), "flights/a.parquet")
    run(place)

    assert predicted(place)["id"].value_counts()["f3"] == 2


def test_a_file_that_comes_meanwhile_is_for_the_next_job(
    place: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = many(place.root)
    write = parts.write

    def appending(path: Path, *rest: Any) -> None:
        write(path, *rest)
        put(place.root, rows(20, seed=9), "flights/later.parquet")

    with monkeypatch.context() as patch:
        patch.setattr(parts, "write", appending)
        assert run(place)["rows"] == 430
    assert predicted(place)["id"].tolist() == frame["id"].tolist()
    assert run(place)["rows"] == 450
