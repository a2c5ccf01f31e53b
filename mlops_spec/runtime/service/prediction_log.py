"""Every prediction as a row of Parquet, written without ever making an answer wait.

Rows are encoded in short slices between answers, piece by piece as they come. A thread writes what
is encoded as a small file, under a temporary name first, so that a reader sees whole files only.
When the disk does not keep up or is full the rows are dropped, and counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_spec.runtime.service.log_table import Answered, Gathered, Identity, table_of
from mlops_spec.runtime.service.log_writer import Encoding, LogWriter
from mlops_spec.runtime.service.slices import Slices, this_loop

if TYPE_CHECKING:
    import pyarrow as pa

FILE_ROWS: Final = 20_000
FLUSH_SECONDS: Final = 1.0  # after its first row a file is written
WAITING_ROWS: Final = 200_000
HURRY_ROWS: Final = 20_000  # waiting beside a file: slices with pauses do not keep up
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
        `written` how many are in a file. Made in an event loop, it is used in that loop's thread;
        made without one it writes a file when that is full, and when it is closed.
        """
        self._identity = identity
        self._features = dict(features)
        self._dropped = dropped
        self._loop = this_loop()
        self._piece = Gathered()
        self._file = Encoding()
        self._writer = LogWriter(folder, dropped, written)
        self._slices = Slices(self._loop, lambda: self._waiting > FILE_ROWS + HURRY_ROWS)
        self._timer: asyncio.TimerHandle | None = None
        self._taken = 0  # rows
        self._failed = 0
        self._closed = False
        # Arrow loads itself and pandas when it makes its first table: half a second that no request
        # should share.
        warm = Encoding()
        warm.add(table_of([], identity, self._features))
        warm.end()

    @property
    def _waiting(self) -> int:
        """Rows that were taken, and are in no file."""
        return self._taken - self._failed - self._writer.ended

    def add(self, answered: Answered) -> None:
        """Take the rows of one request, or drop them when the disk does not keep up."""
        rows = len(answered.scores)
        if self._closed or self._waiting + rows > WAITING_ROWS:
            self._dropped(rows)
            return
        self._taken += rows
        self._piece.add(answered)
        if self._piece.rows >= PIECE_ROWS:
            self._encode(last=False)
        if self._timer is None and self._loop is not None and not self._loop.is_closed():
            self._timer = self._loop.call_later(FLUSH_SECONDS, self._flush)

    def close(self, at_most: float = 10.0) -> None:
        """Write everything that was added before. Waits `at_most` seconds for a slow disk."""
        self._closed = True
        self._flush()
        self._slices.finish()
        self._writer.close(at_most)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._encode(last=True)

    def _encode(self, last: bool) -> None:
        piece, self._piece = self._piece, Gathered()
        self._slices.add(self._encoding(piece, last))

    def _encoding(self, piece: Gathered, last: bool) -> Iterator[object]:
        """Puts a piece into the file that is made, and hands that over where it is the `last`."""
        import pyarrow as pa

        columns: dict[str, pa.Array] = {}
        try:
            for name, column in piece.columns(self._identity, self._features):
                columns[name] = column
                yield name
        # A value that Arrow does not hold costs log rows, never an answer.
        except Exception:
            self._lose(piece.rows)
        else:
            self._put(pa.table(columns))
        if last or self._file.rows >= FILE_ROWS:
            yield "the file"
            self._hand_over()

    def _put(self, table: pa.Table) -> None:
        try:
            self._file.add(table)
        # What was added before is in a file that nobody can read.
        except Exception:
            self._lose(self._file.rows + table.num_rows)
            self._file = Encoding()

    def _hand_over(self) -> None:
        file, self._file = self._file, Encoding()
        if not file.rows:
            return
        try:
            self._writer.add(file)
        except Exception:
            self._lose(file.rows)

    def _lose(self, rows: int) -> None:
        self._failed += rows
        self._dropped(rows)
