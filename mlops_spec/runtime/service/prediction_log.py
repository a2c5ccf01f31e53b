"""Every prediction as a row of Parquet, written without ever making an answer wait.

A request hands its rows to a bounded queue and goes on. They become a table in short slices between
answers, which a thread writes as a small file, under a temporary name first, so that a reader sees
whole files only. When the queue or the disk is full the rows are dropped, and counted.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_spec.runtime.service.log_files import replace_file, spanning, warm
from mlops_spec.runtime.service.log_table import (
    Answered,
    Gathered,
    Identity,
    span_of,
    table_of,
)
from mlops_spec.runtime.service.slices import Slices

if TYPE_CHECKING:
    import pyarrow as pa

FLUSH_ROWS: Final = 5_000
FLUSH_SECONDS: Final = 1.0
WAITING_ROWS: Final = 200_000
HURRY_ROWS: Final = 20_000  # waiting: the writer does not keep up by slices with pauses
PIECE_ROWS: Final = 1_000  # a column of them takes a tenth of a millisecond at most


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
        `written` how many are in a file. Made in an event loop, it makes its tables there.
        """
        self._folder = folder
        self._identity = identity
        self._features = dict(features)
        self._dropped = dropped
        self._done = written
        # Of the answering thread and the writer, under the lock.
        self._waiting: list[Gathered] = []
        self._rows = 0
        self._written = 0
        self._lock = threading.Lock()
        self._full = threading.Event()
        self._closed = False
        self._slices = self._of_this_loop()
        # Arrow loads itself and pandas when it makes its first table: half a second that no request
        # should share.
        warm(table_of([], identity, self._features))

        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._thread.start()

    def _of_this_loop(self) -> Slices | None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return None
        return Slices(loop, lambda: self._rows > HURRY_ROWS, lambda: self._closed)

    def add(self, answered: Answered) -> None:
        """Hand over the rows of one request, or drop them when the writer does not keep up."""
        rows = len(answered.scores)
        with self._lock:
            if self._closed or self._rows + rows > WAITING_ROWS:
                self._dropped(rows)
                return
            if not self._waiting or self._waiting[-1].rows >= PIECE_ROWS:
                self._waiting.append(Gathered())
            self._waiting[-1].add(answered)
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
                batch, rows = self._waiting, self._rows
                self._waiting, self._rows = [], 0
            if batch:
                self._write(batch, rows)

    def _write(self, batch: list[Gathered], rows: int) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            table = self._table(batch)
            first, last = span_of(table)
            name = spanning(first, last, f"{os.getpid()}-{self._written:06d}")
            replace_file(self._folder / name, table)
            self._written += 1
        # A full disk or a value that Parquet does not hold costs log rows, never an answer.
        except Exception:
            self._dropped(rows)
            return
        self._done(rows)

    def _table(self, batch: list[Gathered]) -> pa.Table:
        """Made where the answers are, as long as that goes on."""
        import pyarrow as pa

        tables: list[pa.Table] = []
        if not self._sliced(self._making(batch, tables)):
            tables = [pa.table(dict(self._columns(each))) for each in batch]
        return pa.concat_tables(tables)

    def _making(self, batch: list[Gathered], tables: list[pa.Table]) -> Iterator[object]:
        """Puts the tables of a batch into a list, a column at a time."""
        import pyarrow as pa

        for each in batch:
            found = {}
            for name, column in self._columns(each):
                found[name] = column
                yield name
            tables.append(pa.table(found))

    def _columns(self, gathered: Gathered) -> Iterator[tuple[str, pa.Array]]:
        return gathered.columns(self._identity, self._features)

    def _sliced(self, work: Iterator[object]) -> bool:
        return self._slices is not None and self._slices.take(work)
