"""Timing the portable model on one row after another, in turns with production's."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import numpy as np

from mlops_spec.runtime.gates.measured import Timings
from mlops_spec.runtime.gates.measuring.requests import requested
from mlops_spec.runtime.gates.measuring.stopwatch import Stopwatch, seconds_of, stopwatch
from mlops_spec.runtime.gates.measuring.subject import Subject, spread
from mlops_spec.runtime.portable.scorer import Columns
from mlops_spec.stats.estimate import Floats
from mlops_spec.terms.measuring import LATENCY_TURNS

TURNS: Final = LATENCY_TURNS
ROWS: Final = 500  # different ones; they come again
WARM_UP: Final = 50  # turns that do not count: caches, allocations, first calls
SECONDS: Final = 3.0  # after which no more turns than needed are taken
PATIENCE: Final = 30.0  # seconds, after which none is taken at all
_WARM_UP_SECONDS: Final = 2.0

Work = Callable[[], object]


def timings(candidate: Subject, production: Subject | None, needed: int) -> Timings:
    """Seconds a turn took; `needed` turns are waited for longer than others.

    A closed loop on one thread: the time of scoring alone, not of waiting, in a queue or for a
    processor that others use.
    """
    models = [candidate, production] if production else [candidate]
    rows = candidate.rows.iloc[spread(len(candidate.rows), ROWS)]
    asked = [requested(model.fitted, rows, at_once=1) for model in models]
    scored = [_scoring(model, columns) for model, columns in zip(models, asked, strict=True)]
    with stopwatch() as watch:
        found = in_turns(scored, needed, watch)
    return Timings(found[0], found[1] if production else None)


def _scoring(model: Subject, rows: Sequence[Columns]) -> list[Work]:
    score = model.scorer.score
    return [lambda columns=columns: score(columns) for columns in rows]  # type: ignore[misc]


def in_turns(models: Sequence[Sequence[Work]], needed: int, watch: Stopwatch) -> Floats:
    """Seconds by model and turn. In every turn each does the same row; who is first alternates."""
    _warmed_up(models, watch)
    turns: list[list[float]] = []
    with _without_garbage_collection():
        started = watch.now()
        for turn in range(TURNS):
            elapsed = watch.now() - started
            if elapsed > PATIENCE or (elapsed > SECONDS and len(turns) >= needed):
                break
            taken = [0.0] * len(models)
            for which in _order(len(models), turn):
                taken[which] = seconds_of(models[which][turn % len(models[which])], watch)
            if min(taken) > 0:
                turns.append(taken)
    return np.array(turns, dtype=np.float64).reshape(-1, len(models)).T


def _order(models: int, turn: int) -> Iterator[int]:
    return iter(range(models)) if turn % 2 == 0 else reversed(range(models))


def _warmed_up(models: Sequence[Sequence[Work]], watch: Stopwatch) -> None:
    until = watch.now() + _WARM_UP_SECONDS
    for turn in range(WARM_UP):
        for rows in models:
            rows[turn % len(rows)]()
        if watch.now() > until:
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
