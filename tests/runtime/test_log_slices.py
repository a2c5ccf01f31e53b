"""The log's tables are made between the answers of a loop, and by the writer when it has ended."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops_spec.runtime.service.log_files import read
from mlops_spec.runtime.service.log_table import Answered, Identity
from mlops_spec.runtime.service.prediction_log import FLUSH_ROWS, PredictionLog
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


def threads_of(work: Callable[[], object]) -> tuple[set[int], Iterator[object]]:
    """Work of many steps, and the threads in which it was done."""
    seen: set[int] = set()

    def steps() -> Iterator[object]:
        for _ in range(50):
            seen.add(threading.get_ident())
            yield work()

    return seen, steps()


def test_a_log_of_a_loop_is_written_whole_while_the_loop_goes_on(tmp_path: Path) -> None:
    written: list[int] = []

    async def serve() -> None:
        log = PredictionLog(tmp_path, WHO, {"x": "float"}, written=written.append)
        for number in range(FLUSH_ROWS):
            log.add(answered(number))
        await until(lambda: sum(written) == 2 * FLUSH_ROWS)
        log.close()

    asyncio.run(serve())
    found = read(tmp_path, None, None)
    assert found["request_id"].tolist() == [f"r{n}" for n in range(FLUSH_ROWS) for _ in range(2)]
    assert found["row"].tolist() == [0, 1] * FLUSH_ROWS
    assert found["x"].tolist()[:1] + found["x"].isna().tolist()[:2] == [
        1.5, False, True,
    ]  # fmt: skip


def test_a_log_that_is_closed_by_its_loop_is_written_whole_without_it(tmp_path: Path) -> None:
    async def serve() -> None:
        log = PredictionLog(tmp_path, WHO, {"x": "float"})
        for number in range(FLUSH_ROWS):
            log.add(answered(number))
        await asyncio.sleep(0.002)  # some slices, not all
        log.close()

    asyncio.run(serve())
    assert len(read(tmp_path, None, None)) == 2 * FLUSH_ROWS


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


def test_work_is_done_in_the_thread_of_the_loop_which_answers_meanwhile() -> None:
    async def serve() -> tuple[bool, set[int], int]:
        loop = asyncio.get_running_loop()
        seen, work = threads_of(lambda: time.sleep(0.001))
        taking = loop.run_in_executor(None, Slices(loop, lambda: False, lambda: False).take, work)
        turns = 0
        while not taking.done():
            turns += 1
            await asyncio.sleep(0)
        return taking.result(), seen, turns

    done, seen, turns = asyncio.run(serve())
    assert (done, seen) == (True, {threading.get_ident()})
    assert turns >= 50  # at least one between two steps


def test_what_work_raises_is_raised_where_it_is_waited_for() -> None:
    def broken() -> Iterator[object]:
        yield 1
        raise ValueError("no table")

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        take = Slices(loop, lambda: True, lambda: False).take
        with pytest.raises(ValueError, match="no table"):
            await loop.run_in_executor(None, take, broken())

    asyncio.run(serve())


def test_work_is_given_up_while_the_loop_stands_still_and_not_gone_on_with() -> None:
    async def serve() -> tuple[bool, set[int]]:
        loop = asyncio.get_running_loop()
        seen, work = threads_of(lambda: None)
        given_up = threading.Event()
        found: list[bool] = []
        slices = Slices(loop, lambda: False, given_up.is_set)
        waiting = threading.Thread(target=lambda: found.append(slices.take(work)))
        waiting.start()
        given_up.set()
        waiting.join()  # the loop stands still
        await asyncio.sleep(0.05)
        return found[0], seen

    done, seen = asyncio.run(serve())
    assert (done, len(seen) <= 1) == (False, True)


def test_a_loop_that_has_ended_takes_no_work() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    assert not Slices(loop, lambda: False, lambda: False).take(iter([1]))
