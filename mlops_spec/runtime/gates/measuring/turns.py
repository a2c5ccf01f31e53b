"""Timing the portable model on one row after another, in turns with production's."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import numpy as np

from mlops_spec.runtime.gates.measured import Timings
from mlops_spec.runtime.gates.measuring.requests import requested
from mlops_spec.runtime.gates.measuring.subject import Subject, spread
from mlops_spec.runtime.portable.scorer import Columns

TURNS: Final = 4000
ROWS: Final = 500  # different ones; they come again
WARM_UP: Final = 50  # turns that do not count: caches, allocations, first calls
SECONDS: Final = 4.0  # after which no more turns than needed are taken
PATIENCE: Final = 30.0  # seconds, after which none is taken at all
_WARM_UP_SECONDS: Final = 2.0

Clock = Callable[[], float]
Work = Callable[[], object]


def timings(candidate: Subject, production: Subject | None, needed: int) -> Timings:
    """Seconds a turn took; `needed` turns are waited for longer than others.

    A closed loop on one thread: the time of scoring alone, not of waiting in a queue.
    """
    models = [candidate, production] if production else [candidate]
    rows = candidate.rows.iloc[spread(len(candidate.rows), ROWS)]
    asked = [requested(model.fitted, rows, at_once=1) for model in models]
    scored = [_scoring(model, columns) for model, columns in zip(models, asked, strict=True)]
    found = in_turns(scored, needed)
    return Timings(found[0], found[1] if production else None)


def _scoring(model: Subject, rows: Sequence[Columns]) -> list[Work]:
    score = model.scorer.score
    return [lambda columns=columns: score(columns) for columns in rows]  # type: ignore[misc]


def in_turns(
    models: Sequence[Sequence[Work]], needed: int, clock: Clock = time.perf_counter
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Seconds by model and turn. In every turn each does the same row; who is first alternates."""
    _warmed_up(models, clock)
    taken: list[list[float]] = [[] for _ in models]
    with _without_garbage_collection():
        started = clock()
        for turn in range(TURNS):
            elapsed = clock() - started
            if elapsed > PATIENCE or (elapsed > SECONDS and turn >= needed):
                break
            for which in _order(len(models), turn):
                work = models[which][turn % len(models[which])]
                before = clock()
                work()
                taken[which].append(clock() - before)
    return np.array(taken, dtype=np.float64).reshape(len(models), -1)


def _order(models: int, turn: int) -> Iterator[int]:
    return iter(range(models)) if turn % 2 == 0 else reversed(range(models))


def _warmed_up(models: Sequence[Sequence[Work]], clock: Clock) -> None:
    until = clock() + _WARM_UP_SECONDS
    for turn in range(WARM_UP):
        for rows in models:
            rows[turn % len(rows)]()
        if clock() > until:
            break


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """A collection in one model's turn would be counted against it."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
