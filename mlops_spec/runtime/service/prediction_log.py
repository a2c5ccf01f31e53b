"""Every prediction as a row of Parquet, written without ever making an answer wait.

A request hands its rows to a bounded queue and goes on; a thread writes them as small files, under
a temporary name first, so that a reader sees whole files only. When the queue or the disk is full
the rows are dropped, and counted.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from mlops_spec.runtime.service.log_files import FEATURE, replace_file, spanning, warm
from mlops_spec.runtime.service.rows import Many, joined

if TYPE_CHECKING:
    import pyarrow as pa

FLUSH_ROWS: Final = 5_000
FLUSH_SECONDS: Final = 1.0
WAITING_ROWS: Final = 200_000
# A column of so many takes a tenth of a millisecond; after so much work the answering thread is let
# in, for longer than the work has taken.
PIECE_ROWS: Final = FLUSH_ROWS
WORK: Final = 0.25e-3  # seconds
PAUSE: Final = 0.5e-3  # seconds
# Columns are declared in the words of a Dataset and stored in those of Arrow.
_TYPES: Final = {
    "float": "float64", "integer": "int64", "boolean": "bool", "category": "string",
    "timestamp": "float64",  # seconds since 1970, as the model sees it
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose predictions these are."""

    model: str
    version: str
    release: str


class Answered(NamedTuple):
    """One answered request. `wall`: seconds since 1970. What is listed has an entry a row."""

    wall: float
    request_id: str
    arm: str  # what the router calls the arm that answered, "" without a router
    shadow: bool  # a copy of a request that another release answered
    keys: Sequence[str | None]
    times: Sequence[datetime | None]
    rows: Many  # features, in the order of the log's columns
    scores: Sequence[float]
    decisions: Sequence[Any]
    probabilities: Sequence[Sequence[float]] | None = None


class PredictionLog:
    """The log of one process. `add` never blocks; `close` writes what is left."""

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        features: Mapping[str, str],
        dropped: Callable[[int], None] = lambda _: None,
        written: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`features`: declared type of each. `dropped` is told how many rows were lost,
        `written` how many are in a file.
        """
        self._folder = folder
        self._identity = identity
        self._features = dict(features)
        self._dropped = dropped
        self._done = written
        # Of the answering thread and the writer, under the lock.
        self._waiting: list[Answered] = []
        self._rows = 0
        self._written = 0
        self._lock = threading.Lock()
        self._full = threading.Event()
        self._closed = False
        # Arrow loads itself and pandas when it makes its first table: half a second that no request
        # should share.
        warm(table_of([], identity, self._features))

        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._thread.start()

    def add(self, answered: Answered) -> None:
        """Hand over the rows of one request, or drop them when the writer does not keep up."""
        rows = len(answered.scores)
        with self._lock:
            if self._closed or self._rows + rows > WAITING_ROWS:
                self._dropped(rows)
                return
            self._waiting.append(answered)
            self._rows += rows
        # The writer looks by itself every second. Waking it for each request would cost the
        # answering thread more than all else here: the two then pass the interpreter's lock around.
        if self._rows >= FLUSH_ROWS:
            self._full.set()

    def close(self, at_most: float = 10.0) -> None:
        """Write everything that was added before. Waits `at_most` seconds for a slow disk."""
        with self._lock:
            self._closed = True
        self._full.set()
        self._thread.join(at_most)

    def _run(self) -> None:
        more = True
        while more:
            self._full.wait(FLUSH_SECONDS)
            self._full.clear()
            more = not self._closed
            with self._lock:
                batch, self._waiting, self._rows = self._waiting, [], 0
            if batch:
                self._write(batch)

    def _write(self, batch: Sequence[Answered]) -> None:
        rows = sum(len(each.scores) for each in batch)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            walls = [_microseconds(each.wall) for each in batch]
            name = spanning(min(walls), max(walls), f"{os.getpid()}-{self._written:06d}")
            replace_file(self._folder / name, self._table(batch))
            self._written += 1
        # A full disk or a value that Parquet does not hold costs log rows, never an answer.
        except Exception:
            self._dropped(rows)
            return
        self._done(rows)

    def _table(self, batch: Sequence[Answered]) -> pa.Table:
        """Column by column: while one is made, the answering thread waits for the interpreter."""
        import pyarrow as pa

        tables = []
        since = time.perf_counter()
        for piece in _pieces(batch):
            found = {}
            for name, column in _columns(piece, self._identity, self._features):
                found[name] = column
                if time.perf_counter() - since > WORK:
                    time.sleep(PAUSE)
                    since = time.perf_counter()
            tables.append(pa.table(found))
        return pa.concat_tables(tables)


def _pieces(batch: Sequence[Answered]) -> Iterator[list[Answered]]:
    piece: list[Answered] = []
    rows = 0
    for each in batch:
        piece.append(each)
        rows += len(each.scores)
        if rows >= PIECE_ROWS:
            yield piece
            piece, rows = [], 0
    if piece:
        yield piece


def table_of(
    batch: Sequence[Answered], identity: Identity, features: Mapping[str, str]
) -> pa.Table:
    """The log rows of some requests."""
    import pyarrow as pa

    return pa.table(dict(_columns(batch, identity, features)))


def _columns(
    batch: Sequence[Answered], identity: Identity, features: Mapping[str, str]
) -> Iterator[tuple[str, pa.Array]]:
    """Each is made when it is asked for."""
    import pyarrow as pa

    counts = [len(each.scores) for each in batch]
    time_type = pa.timestamp("us", tz="UTC")
    walls = _repeated([_microseconds(each.wall) for each in batch], counts)
    yield "wall_time", pa.array(walls, pa.int64()).cast(time_type)
    ids = _repeated([each.request_id for each in batch], counts)
    yield "request_id", pa.array(ids, pa.string())
    yield "row", pa.array(_every(map(range, counts)), pa.int32())
    yield "arm", pa.array(_repeated([each.arm for each in batch], counts), pa.string())
    yield "shadow", pa.array(_repeated([each.shadow for each in batch], counts), pa.bool_())
    yield "key", pa.array(_every(each.keys for each in batch), pa.string())
    yield "event_time", pa.array(_every(each.times for each in batch), time_type)
    yield "score", pa.array(_every(each.scores for each in batch), pa.float64())
    decisions = map(_word, _every(each.decisions for each in batch))
    yield "decision", pa.array(decisions, pa.string())
    yield "probabilities", _probabilities(batch, sum(counts))
    yield from _asked(batch, features)
    whose = {"model": identity.model, "version": identity.version, "release": identity.release}
    for name, text in whose.items():
        yield name, pa.repeat(pa.scalar(text), sum(counts))


def _asked(
    batch: Sequence[Answered], features: Mapping[str, str]
) -> Iterator[tuple[str, pa.Array]]:
    import pyarrow as pa

    values: Iterable[Any] = repeat((), len(features))
    if batch:
        rows = joined([each.rows for each in batch])
        values = (
            np.ascontiguousarray(rows.T)
            if isinstance(rows, np.ndarray)
            else zip(*rows, strict=True)
        )
    for (name, kind), each in zip(features.items(), values, strict=True):
        stored = pa.type_for_alias(_TYPES[kind])
        yield FEATURE + name, pa.array(each, stored, from_pandas=True)


def _probabilities(batch: Sequence[Answered], rows: int) -> pa.Array:
    import pyarrow as pa

    kind = pa.list_(pa.float64())
    if all(each.probabilities is None for each in batch):
        return pa.nulls(rows, kind)
    return pa.array(_every(each.probabilities or () for each in batch), kind)


def _every(lists: Iterable[Iterable[Any]]) -> list[Any]:
    return list(chain.from_iterable(lists))


def _repeated(values: Sequence[Any], counts: Sequence[int]) -> Sequence[Any]:
    """Each value as often as its request has rows."""
    if max(counts, default=1) == 1:
        return values
    return _every(map(repeat, values, counts))


def _microseconds(wall: float) -> int:
    return int(wall * 1e6)


def _word(decision: Any) -> str:
    """As text: one column for labels of every type. Booleans are written as JSON writes them."""
    return str(decision).lower() if isinstance(decision, bool) else str(decision)
