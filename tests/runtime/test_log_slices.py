"""The log is encoded between the answers of a loop, and at once where there is none."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from mlops_spec.runtime.service import log_writer, prediction_log
from mlops_spec.runtime.service.log_files import read
from mlops_spec.runtime.service.log_table import Answered, Identity
from mlops_spec.runtime.service.prediction_log import FILE_ROWS, PIECE_ROWS, PredictionLog
from mlops_spec.runtime.service.slices import Slices

WHO = Identity("trip", "7", "abc")


def answered(number: int, rows: Any = None) -> Answered:
    return Answered(
        float(number), f"r{number}", "", False, [None] * 2, [None] * 2,
        np.array([[1.5], [np.nan]]) if rows is None else rows, [0.1, 0.9], [False, True],
    )  # fmt: skip


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.005)


def steps(
    found: list[str], name: str, work: Callable[[], object] = lambda: None
) -> Iterator[object]:
    for number in range(50):
        work()
        found.append(f"{name}{number}")
        yield None


def test_a_log_of_a_loop_is_written_whole_while_the_loop_goes_on(tmp_path: Path) -> None:
    written: list[int] = []

    async def serve() -> None:
        log = PredictionLog(tmp_path, WHO, {"x": "float"}, written=written.append)
        for number in range(FILE_ROWS):
            log.add(answered(number))
            if number % 1000 == 0:
                await asyncio.sleep(0)
        await until(lambda: sum(written) == 2 * FILE_ROWS)
        log.close()

    asyncio.run(serve())
    found = read(tmp_path, None, None)
    assert found["request_id"].tolist() == [f"r{n}" for n in range(FILE_ROWS) for _ in range(2)]
    assert found["row"].tolist() == [0, 1] * FILE_ROWS
    assert found["x"].tolist()[:1] + found["x"].isna().tolist()[:2] == [
        1.5, False, True,
    ]  # fmt: skip


def test_a_log_that_is_closed_by_its_loop_is_written_whole_without_it(tmp_path: Path) -> None:
    async def serve() -> None:
        log = PredictionLog(tmp_path, WHO, {"x": "float"})
        for number in range(5 * PIECE_ROWS):
            log.add(answered(number))
        await asyncio.sleep(0.002)  # some slices, not all
        log.close()

    asyncio.run(serve())
    assert len(read(tmp_path, None, None)) == 10 * PIECE_ROWS


def test_a_log_outlives_its_loop(tmp_path: Path) -> None:
    async def begin() -> PredictionLog:
        return PredictionLog(tmp_path, WHO, {"x": "float"})

    log = asyncio.run(begin())
    log.add(answered(1))
    log.close()
    assert len(read(tmp_path, None, None)) == 2


def test_rows_that_make_no_table_are_counted_and_the_loop_goes_on(tmp_path: Path) -> None:
    lost: list[int] = []
    written: list[int] = []

    async def serve() -> None:
        log = PredictionLog(tmp_path, WHO, {"x": "integer"}, lost.append, written.append)
        log.add(answered(1, [(2**70,), (1,)]))
        await until(lambda: bool(lost))
        log.add(answered(2, [(1,), (None,)]))
        await until(lambda: bool(written))
        log.close()

    asyncio.run(serve())
    assert (lost, written) == ([2], [2])
    assert read(tmp_path, None, None)["request_id"].tolist() == ["r2", "r2"]


def test_work_is_done_in_turn_between_the_answers_of_its_loop() -> None:
    found: list[str] = []

    async def serve() -> int:
        slices = Slices(asyncio.get_running_loop(), lambda: False)
        for name in "ab":
            slices.add(steps(found, name, lambda: time.sleep(0.001)))
        turns = 0
        while len(found) < 100:
            turns += 1
            await asyncio.sleep(0)
        return turns

    # At least one turn between two steps, each of which is longer than a slice.
    assert asyncio.run(serve()) >= 99
    assert found == [f"{name}{number}" for name in "ab" for number in range(50)]


def test_what_is_left_of_work_is_done_when_it_is_to_be_finished() -> None:
    found: list[str] = []

    async def serve() -> int:
        slices = Slices(asyncio.get_running_loop(), lambda: False)
        for name in "ab":
            slices.add(steps(found, name, lambda: time.sleep(0.001)))
        await asyncio.sleep(0.02)
        before = len(found)
        slices.finish()
        return before

    assert 0 < asyncio.run(serve()) < 50
    assert found == [f"{name}{number}" for name in "ab" for number in range(50)]


@pytest.mark.parametrize("closed", [True, False])
def test_without_a_loop_work_is_done_at_once(closed: bool) -> None:
    loop = asyncio.new_event_loop() if closed else None
    if loop is not None:
        loop.close()
    found: list[str] = []
    Slices(loop, lambda: False).add(steps(found, "a"))
    assert len(found) == 50


def test_a_log_loses_no_row_to_a_folder_that_is_removed_meanwhile(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "below"
    written: list[int] = []

    async def serve() -> None:
        log = PredictionLog(folder, WHO, {"x": "float"}, written=written.append)
        log.add(answered(1))
        await until(lambda: sum(written) == 2)
        shutil.rmtree(folder.parent)
        log.add(answered(2))
        await until(lambda: sum(written) == 4)
        log.close()

    asyncio.run(serve())
    assert read(folder, None, None)["request_id"].tolist() == ["r2", "r2"]


def test_rows_beyond_what_may_wait_for_a_disk_are_dropped_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction_log, "WAITING_ROWS", 10)
    stuck = threading.Event()
    real = log_writer._write_bytes
    monkeypatch.setattr(
        log_writer, "_write_bytes", lambda path, data: (stuck.wait(), real(path, data))
    )
    lost: list[int] = []
    written: list[int] = []

    async def serve() -> None:
        log = PredictionLog(tmp_path, WHO, {"x": "float"}, lost.append, written.append)
        for number in range(7):
            log.add(answered(number))
        stuck.set()
        await until(lambda: sum(written) == 10)
        log.add(answered(7))  # there is room again
        log.close()

    asyncio.run(serve())
    assert (lost, written) == ([2, 2], [10, 2])


def test_a_file_that_cannot_be_encoded_costs_its_rows_and_the_next_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[int] = []
    log = PredictionLog(tmp_path, WHO, {"x": "float"}, lost.append)
    for number in range(PIECE_ROWS // 2):
        log.add(answered(number))
    with monkeypatch.context() as patch:
        patch.setattr(pq.ParquetWriter, "write_table", lambda *_: 1 / 0)
        for number in range(PIECE_ROWS // 2):
            log.add(answered(number))
    log.add(answered(7))
    log.close()

    assert lost == [2 * PIECE_ROWS]
    assert read(tmp_path, None, None)["request_id"].tolist() == ["r7", "r7"]
