"""Scoring beside the event loop, for what takes milliseconds: bounded in number and in time.

A model without a portable form takes as long for eight rows as for one. So requests of a few rows
that come while it is busy are scored together, as soon as it is free: nobody waits for company.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from mlops_spec.runtime.portable.scorer import Scorer, Scores
from mlops_spec.runtime.service.rows import Rows, joined

THREADS: Final = 4
# More than these, waiting and being scored, would be answered after their clients have left.
AT_ONCE: Final = 64
FEW_ROWS: Final = 64  # in a request, to be scored with others
TOGETHER: Final = 256  # rows
# The interpreter's lock lets little more than one be scored at a time. The second keeps a model
# that hangs on one request from stopping all.
BATCHES: Final = 2


class Overloaded(Exception):
    """Too many requests are being answered."""


@dataclass(frozen=True, slots=True, eq=False)
class _Wanted:
    """The scores that one request waits for."""

    rows: Rows
    found: Future[Scores]


class Scoring:
    """The threads of one app."""

    def __init__(self, timeout: float) -> None:
        """`timeout`: seconds that a request may take, its turn included."""
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(THREADS, "scoring")
        self._lock = threading.Lock()
        self._waiting: deque[_Wanted] = deque()
        self._batches = 0
        self._taken = 0

    async def score(self, scorer: Scorer, rows: Rows) -> Scores:
        """The scores. `Overloaded` at once; `TimeoutError` in time.

        What is being scored cannot be stopped: it keeps its place until it is done, so that
        requests that hang end in `Overloaded` and not in more and more threads.
        """
        wanted = _Wanted(rows, Future())
        with self._lock:
            if self._taken >= AT_ONCE:
                raise Overloaded
            self._taken += 1
            if rows.number > FEW_ROWS:
                self._threads.submit(self._alone, scorer, wanted)
            else:
                self._waiting.append(wanted)
                if self._batches < BATCHES:
                    self._batches += 1
                    self._threads.submit(self._together, scorer)
        return await asyncio.wait_for(asyncio.wrap_future(wanted.found), self._timeout)

    def _alone(self, scorer: Scorer, wanted: _Wanted) -> None:
        if wanted.found.set_running_or_notify_cancel():
            _score(scorer, (wanted,))
        with self._lock:
            self._taken -= 1

    def _together(self, scorer: Scorer) -> None:
        """Score what waits, all of it at once, until nothing waits."""
        while batch := self._next():
            _score(scorer, [each for each in batch if each.found.set_running_or_notify_cancel()])
            with self._lock:
                self._taken -= len(batch)

    def _next(self) -> list[_Wanted]:
        """What is scored now. Empty: this thread has ended its turn."""
        found: list[_Wanted] = []
        rows = 0
        with self._lock:
            while self._waiting and rows < TOGETHER:
                found.append(self._waiting.popleft())
                rows += found[-1].rows.number
            if not found:
                self._batches -= 1
        return found

    def close(self) -> None:
        """Take no more; what waits for its turn is not scored."""
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            each.found.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)


def _score(scorer: Scorer, batch: Sequence[_Wanted]) -> None:
    """Answer all of a batch. Rows that the model fails on cost the others no answer."""
    if not batch:
        return
    first = batch[0].rows
    values = joined([each.rows.values for each in batch])
    try:
        scores = scorer.score(Rows(first.names, values, (), ()).columns)
        parts = parts_of(scores, [each.rows.number for each in batch])
    except Exception as error:
        if len(batch) == 1:
            batch[0].found.set_exception(error)
            return
        for each in batch:
            _score(scorer, (each,))
        return
    for each, part in zip(batch, parts, strict=True):
        each.found.set_result(part)


def parts_of(scores: Scores, lengths: Sequence[int]) -> list[Scores]:
    """The scores of each request, of so many rows each."""
    found: list[Scores] = []
    start = 0
    for length in lengths:
        part = slice(start, start + length)
        probabilities = scores.probabilities
        found.append(
            Scores(
                scores.score[part], scores.decision[part],
                None if probabilities is None else probabilities[part],
            )
        )  # fmt: skip
        start += length
    return found
