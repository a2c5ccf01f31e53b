"""Scoring a few rows within the event loop, those of several requests at once where that pays.

Nobody waits for company: only what the loop has read in one turn is put together, and only after a
turn with more than one request. Whether it pays is measured when the model is loaded: a graph of
many small steps takes eight rows in little more time than one, a single forest does not.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from mlops_spec.runtime.portable.encoding import Matrix
from mlops_spec.runtime.portable.scorer import Scorer, Scores
from mlops_spec.runtime.service.row_matrix import row_matrix
from mlops_spec.runtime.service.rows import Many, Rows, joined
from mlops_spec.runtime.service.scoring import parts_of

# While the event loop scores, it answers nobody else. A thread costs a request more than this, when
# both want the interpreter: it is worth it only for as many rows as take longer.
LONGEST: Final = 1e-3  # seconds
MOST_ROWS: Final = 1000
# What a future and two more turns of the loop cost a request, generously.
WORTH: Final = 8e-6  # seconds a row
_TRIED: Final = 8  # rows
_TRIES: Final = 20

Score = Callable[[Many], Scores]


class Inline:
    """Scores rows of one event loop."""

    def __init__(self, score: Score, gathers: bool, most: int) -> None:
        """`gathers`: whether several requests are ever scored at once; `most`: rows at a time."""
        self.most: Final = most
        self._score = score
        self._gathers = gathers
        self._several = False  # whether the last turn had more than one request
        self._turn = 0  # requests in this turn
        self._waiting: list[tuple[Rows, asyncio.Future[Scores]]] = []

    def scores(self, many: Sequence[Rows]) -> list[Scores | Exception | None]:
        """The scores of several requests now, together. None of one with more than `most` rows."""
        if len(many) > 1 and sum(rows.number for rows in many) <= self.most:
            found = self._together(many)
            if found is not None:
                return [*found]
        return [self._alone(rows) for rows in many]

    def _together(self, many: Sequence[Rows]) -> list[Scores] | None:
        """None where the model fails on a row, which costs the others no answer."""
        try:
            scores = self._score(joined([rows.values for rows in many]))
        except Exception:
            return None
        return parts_of(scores, [rows.number for rows in many])

    def _alone(self, rows: Rows) -> Scores | Exception | None:
        if len(rows.values) > self.most:
            return None
        try:
            return self._score(rows.values)
        except Exception as error:
            return error

    async def score(self, rows: Rows) -> Scores:
        """The scores of no more than `most` rows."""
        if not self._gathers:
            return self._score(rows.values)
        loop = asyncio.get_running_loop()
        if not self._several:
            self._turn += 1
            if self._turn == 1:
                loop.call_soon(self._end_turn)
            return self._score(rows.values)
        found: asyncio.Future[Scores] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._answer)
        self._waiting.append((rows, found))
        return await found

    def _end_turn(self) -> None:
        self._several = self._turn > 1
        self._turn = 0

    def _answer(self) -> None:
        """Score what waits, up to as many rows as the loop may be kept by."""
        batch: list[tuple[Rows, asyncio.Future[Scores]]] = []
        count = 0
        while self._waiting and (not batch or count + self._waiting[0][0].number <= self.most):
            batch.append(self._waiting.pop(0))
            count += batch[-1][0].number
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._answer)
        self._several = len(batch) > 1
        try:
            self._give(batch, self._score(joined([rows.values for rows, _ in batch])))
        # Rows that the model fails on cost the others no answer.
        except Exception:
            for rows, found in batch:
                try:
                    self._give([(rows, found)], self._score(rows.values))
                except Exception as error:
                    found.set_exception(error)

    def _give(self, batch: list[tuple[Rows, asyncio.Future[Scores]]], scores: Scores) -> None:
        parts = parts_of(scores, [rows.number for rows, _ in batch])
        for (_, found), part in zip(batch, parts, strict=True):
            # Whose client has left in between waits no more.
            if not found.done():
                found.set_result(part)


def inline(scorer: Scorer, names: Sequence[str]) -> Inline | None:
    """How a few rows are scored within the event loop; None when they take milliseconds."""
    if scorer.kind == "sklearn":
        return None
    encoding: Any = getattr(scorer, "encoding", None)
    score: Callable[[Matrix], Scores] | None = getattr(scorer, "score_matrix", None)
    if encoding is None or score is None:
        features = tuple(names)
        return Inline(
            lambda rows: scorer.score(Rows(features, rows, (), ()).columns), False, _TRIED
        )
    matrix = row_matrix(encoding, names)
    row = np.array([encoding.start], dtype=np.float64)
    return Inline(lambda rows: score(matrix(rows)), *_measured(score, row))


def _measured(score: Callable[[Matrix], Scores], row: Matrix) -> tuple[bool, int]:
    """Whether a row in a batch takes so much less time than alone, and how many take `LONGEST`."""
    several = np.repeat(row, _TRIED, axis=0)
    alone, together = (min(_seconds(score, each) for _ in range(_TRIES)) for each in (row, several))
    each = together / _TRIED
    return alone - each > WORTH, min(MOST_ROWS, max(1, int(LONGEST / each)))


def _seconds(score: Callable[[Matrix], Scores], rows: Matrix) -> float:
    started = time.perf_counter()
    score(rows)
    return time.perf_counter() - started
