"""A file of the prediction log: encoded in memory, written by a thread that does nothing else.

The thread needs the interpreter a handful of times a file. Each time it waits for a thread that
answers requests without a pause, and slows that down while it waits.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from mlops_spec.runtime.service.log_files import COMPRESSION, spanning, unfinished, words_of
from mlops_spec.runtime.service.log_room import room_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


class Encoding:
    """A file while it is made, in memory."""

    def __init__(self) -> None:
        import pyarrow as pa

        self.rows = 0
        self._data = pa.BufferOutputStream()
        self._writer: pq.ParquetWriter | None = None
        self._spans: list[int] = []  # first and last of each piece, in microseconds

    def add(self, table: pa.Table) -> None:
        import pyarrow.parquet as pq

        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._data, table.schema, compression=COMPRESSION, use_dictionary=words_of(table)
            )
        self._writer.write_table(table)
        self._spans += _span_of(table)
        self.rows += table.num_rows

    def end(self) -> pa.Buffer:
        """All of it. Nothing can be added any more."""
        if self._writer is not None:
            self._writer.close()
        return self._data.getvalue()

    def name(self, unique: str) -> str:
        """What the file is called, as `spanning` says."""
        return spanning(min(self._spans), max(self._spans), unique)


def _span_of(table: pa.Table) -> list[int]:
    """The first and the last of its wall times, in microseconds; nothing of no rows."""
    import pyarrow.compute as pc

    if not table.num_rows:
        return []
    found = pc.min_max(table["wall_time"].cast("int64")).as_py()
    return [found["min"], found["max"]]


class LogWriter:
    """Writes what it is given in the order in which that came."""

    def __init__(
        self, folder: Path, dropped: Callable[[int], None], written: Callable[[int], None]
    ) -> None:
        """`dropped` is told how many rows were lost, `written` how many are in a file."""
        self.ended = 0  # rows of both
        self._folder = folder
        self._dropped = dropped
        self._written = written
        self._room = room_of(folder)
        self._given: SimpleQueue[tuple[str, int, pa.Buffer] | None] = SimpleQueue()
        self._number = 0
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._thread.start()

    def add(self, file: Encoding) -> None:
        """Write a file, some time. Raises when it cannot be encoded."""
        data = file.end()
        self._given.put((file.name(f"{os.getpid()}-{self._number:06d}"), file.rows, data))
        self._number += 1

    def close(self, at_most: float) -> None:
        """Wait until all is written, `at_most` seconds."""
        self._given.put(None)
        self._thread.join(at_most)

    def _run(self) -> None:
        while (given := self._given.get()) is not None:
            name, rows, data = given
            if self._write(self._folder / name, data):
                self._written(rows)
                if self._room is not None:
                    self._room.took(name, data.size)
            else:
                self._dropped(rows)
            self.ended += rows

    def _write(self, path: Path, data: pa.Buffer) -> bool:
        """Whether it could be written. A full disk costs log rows, never an answer."""
        try:
            with unfinished(path) as beside:
                _write_bytes(beside, memoryview(data))
        except FileNotFoundError:
            return self._folder_is_made() and self._write(path, data)
        except OSError:
            return False
        return True

    def _folder_is_made(self) -> bool:
        try:
            self._folder.mkdir(parents=True)
        except OSError:
            return False
        return True


def _write_bytes(path: Path, data: memoryview) -> None:
    """As `Path.write_bytes`, with half of its calls (see above)."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        while data:
            data = data[os.write(handle, data) :]
    finally:
        os.close(handle)
