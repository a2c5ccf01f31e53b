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

if TYPE_CHECKING:
    import pyarrow as pa

FLUSH_ROWS: Final = 5_000
FLUSH_SECONDS: Final = 1.0
WAITING_ROWS: Final = 200_000
PIECE_ROWS: Final = 250  # half a millisecond's work
PAUSE: Final = 0.001  # seconds
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
    rows: Sequence[tuple[Any, ...]]  # features, in the order of the log's columns
    scores: Sequence[float]
    decisions: Sequence[Any]
    probabilities: Sequence[Sequence[float]] | None = None


class PredictionLog:
    """The log of one process. `add` never blocks; `close` writes what is left."""

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        columns: Mapping[str, str],
        dropped: Callable[[int], None] = lambda _: None,
        written: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`columns`: declared type of each feature. `dropped` is told how many rows were lost,
        `written` how many are in a file.
        """
        self._folder = folder
        self._identity = identity
        self._columns = dict(columns)
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
        warm(table_of([], identity, self._columns))

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
        """Piece by piece: while one is made, the answering thread waits for the interpreter."""
        import pyarrow as pa

        tables = []
        for piece in _pieces(batch):
            tables.append(table_of(piece, self._identity, self._columns))
            time.sleep(PAUSE)
        return pa.concat_tables(tables).combine_chunks()


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


def table_of(batch: Sequence[Answered], identity: Identity, columns: Mapping[str, str]) -> pa.Table:
    """The log rows of some requests."""
    import pyarrow as pa

    counts = [len(each.scores) for each in batch]
    time_type = pa.timestamp("us", tz="UTC")
    walls = pa.array(_repeated([_microseconds(each.wall) for each in batch], counts), pa.int64())
    found = {
        "wall_time": walls.cast(time_type),
        "request_id": pa.array(_repeated([each.request_id for each in batch], counts), pa.string()),
        "row": pa.array(chain.from_iterable(map(range, counts)), pa.int32()),
        "arm": pa.array(_repeated([each.arm for each in batch], counts), pa.string()),
        "shadow": pa.array(_repeated([each.shadow for each in batch], counts), pa.bool_()),
        "key": pa.array(_every(each.keys for each in batch), pa.string()),
        "event_time": pa.array(_every(each.times for each in batch), time_type),
        "score": pa.array(_every(each.scores for each in batch), pa.float64()),
        "decision": pa.array(map(_word, _every(each.decisions for each in batch)), pa.string()),
        "probabilities": pa.array(
            _every(each.probabilities or repeat(None, len(each.scores)) for each in batch),
            pa.list_(pa.float64()),
        ),
        **_features(_every(each.rows for each in batch), columns),
    }
    whose = {"model": identity.model, "version": identity.version, "release": identity.release}
    return pa.table(
        found | {name: pa.repeat(pa.scalar(text), sum(counts)) for name, text in whose.items()}
    )


def _features(rows: Sequence[tuple[Any, ...]], columns: Mapping[str, str]) -> dict[str, pa.Array]:
    import pyarrow as pa

    types = {name: pa.type_for_alias(_TYPES[kind]) for name, kind in columns.items()}
    if rows and set(types.values()) == {pa.float64()}:
        # All at once in a third of the time, and without a list of Python's numbers a column.
        matrix = np.array(rows, dtype=np.float64).T
        values: Iterable[Any] = np.ascontiguousarray(matrix)
    else:
        values = zip(*rows, strict=True) if rows else repeat((), len(types))
    return {
        FEATURE + name: pa.array(each, kind, from_pandas=True)
        for (name, kind), each in zip(types.items(), values, strict=True)
    }


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
