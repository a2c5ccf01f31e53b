"""Every prediction as a row of Parquet, written without ever making an answer wait.

A request hands its rows to a bounded queue and goes on; a thread writes them as small files, under
a temporary name first, so that a reader sees whole files only. When the queue or the disk is full
the rows are dropped, and counted.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FEATURE: Final = "feature."
FLUSH_ROWS: Final = 5_000
FLUSH_SECONDS: Final = 1.0
WAITING_ROWS: Final = 200_000
_SUFFIX: Final = ".parquet"
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


@dataclass(frozen=True, slots=True)
class Answered:
    """One answered request. `wall`: seconds since 1970. Columns and scores have a value a row."""

    wall: float
    request_id: str
    arm: str  # what the router calls the arm that answered, "" without a router
    shadow: bool  # a copy of a request that another release answered
    keys: Sequence[str | None]
    times: Sequence[datetime | None]
    columns: Mapping[str, Sequence[Any]]
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
    ) -> None:
        """`columns`: declared type of each feature. `dropped` is told how many rows were lost."""
        self._folder = folder
        self._identity = identity
        self._columns = dict(columns)
        self._dropped = dropped
        self._waiting: deque[Answered] = deque()
        self._rows = 0  # waiting; touched by the answering thread and by the writer, under the lock
        self._written = 0
        self._lock = threading.Lock()
        self._full = threading.Event()
        self._closed = False
        import pyarrow.parquet  # noqa: F401 - takes a second, which no request should share

        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._thread.start()

    def add(self, answered: Answered) -> None:
        """Hand over the rows of one request, or drop them when the writer does not keep up."""
        count = len(answered.scores)
        with self._lock:
            if self._closed or self._rows + count > WAITING_ROWS:
                self._dropped(count)
                return
            self._waiting.append(answered)
            self._rows += count
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
            while batch := self._take():
                self._write(batch)

    def _take(self) -> list[Answered]:
        """The requests of one file, oldest first."""
        batch: list[Answered] = []
        rows = 0
        with self._lock:
            while self._waiting and rows < FLUSH_ROWS:
                batch.append(self._waiting.popleft())
                rows += len(batch[-1].scores)
            self._rows -= rows
        return batch

    def _write(self, batch: Sequence[Answered]) -> None:
        rows = sum(len(answered.scores) for answered in batch)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            name = f"{time.time_ns() // 1_000_000}-{os.getpid()}-{self._written:06d}{_SUFFIX}"
            _replace(self._folder / name, table_of(batch, self._identity, self._columns))
            self._written += 1
        # A full disk or a value that Parquet does not hold costs log rows, never an answer.
        except Exception:
            self._dropped(rows)


def table_of(batch: Sequence[Answered], identity: Identity, columns: Mapping[str, str]) -> pa.Table:
    """The log rows of some requests."""
    import pyarrow as pa

    counts = [len(answered.scores) for answered in batch]

    def spread(values: Sequence[Any]) -> list[Any]:
        return [v for v, count in zip(values, counts, strict=True) for _ in range(count)]

    def chained(get: Callable[[Answered], Sequence[Any]]) -> list[Any]:
        return [value for answered in batch for value in get(answered)]

    rows = sum(counts)
    time_type = pa.timestamp("us", tz="UTC")
    walls = [int(answered.wall * 1e6) for answered in batch]
    data = {
        "wall_time": pa.array(spread(walls), pa.int64()).cast(time_type),
        "event_time": pa.array(chained(lambda answered: answered.times), time_type),
        "key": pa.array(chained(lambda answered: answered.keys), pa.string()),
        "request_id": pa.array(spread([answered.request_id for answered in batch]), pa.string()),
        "row": pa.array([row for count in counts for row in range(count)], pa.int32()),
        "arm": pa.array(spread([answered.arm for answered in batch]), pa.string()),
        "shadow": pa.array(spread([answered.shadow for answered in batch]), pa.bool_()),
        "model": pa.array([identity.model] * rows, pa.string()),
        "version": pa.array([identity.version] * rows, pa.string()),
        "release": pa.array([identity.release] * rows, pa.string()),
        "score": pa.array(chained(lambda answered: answered.scores), pa.float64()),
        "decision": pa.array(chained(_decisions), pa.string()),
        "probabilities": pa.array(chained(_probabilities), pa.list_(pa.float64())),
    }
    for name, declared in columns.items():
        values = [value for answered in batch for value in answered.columns[name]]
        data[FEATURE + name] = pa.array(values, pa.type_for_alias(_TYPES[declared]))
    return pa.table(data)


def _decisions(answered: Answered) -> list[str]:
    """As text: one column for labels of every type. Booleans are written as JSON writes them."""
    return [str(d).lower() if isinstance(d, bool) else str(d) for d in answered.decisions]


def _probabilities(answered: Answered) -> Sequence[Any]:
    return answered.probabilities or [None] * len(answered.scores)


def read(folder: Path, since: datetime | None, until: datetime | None) -> pd.DataFrame:
    """The log rows with `since <= wall_time < until`, oldest first; features by their column names.

    A feature that is called like one of the log's own columns keeps the prefix `feature.`. Files
    that appear, vanish or are half written meanwhile are no error. Without a row: an empty frame.
    """
    import pyarrow as pa

    tables = [table for path in _files(folder) if (table := _table(path)) is not None]
    whole = pa.concat_tables(tables or [_empty()], promote_options="permissive")
    frame: pd.DataFrame = whole.to_pandas()
    frame = frame.rename(columns=_plain_names(list(frame.columns)))
    if since is not None:
        frame = frame[frame["wall_time"] >= since]
    if until is not None:
        frame = frame[frame["wall_time"] < until]
    return frame.sort_values(["wall_time", "request_id", "row"], ignore_index=True)


def written_until(folder: Path, since: float) -> float | None:
    """The moment up to which every answer is in the log: the writers' slowest, in seconds.

    A writer is a process that wrote after `since`. None: nobody did. Each writes in the order of
    its answers, so that its newest row says how far it is.
    """
    newest: dict[str, Path] = {}
    for path in _files(folder):
        at, _, writer = path.stem.rpartition("-")[0].partition("-")
        if at.isdigit() and int(at) >= int(since * 1000):
            newest[writer] = path
    tables = [table for path in newest.values() if (table := _table(path)) is not None]
    ends = [max(table["wall_time"].to_pylist()) for table in tables if len(table)]
    return min(end.timestamp() for end in ends) if ends else None


def _plain_names(columns: list[str]) -> dict[str, str]:
    own = {name for name in columns if not name.startswith(FEATURE)}
    short = {name: name.removeprefix(FEATURE) for name in columns if name.startswith(FEATURE)}
    return {name: plain for name, plain in short.items() if plain not in own}


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"*{_SUFFIX}") if not path.name.startswith("."))


def _table(path: Path) -> pa.Table | None:
    """The rows of a file. None when it was compacted away or is not a whole file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path).read()
    except (FileNotFoundError, pa.ArrowInvalid):
        return None


def _empty() -> pa.Table:
    return table_of([], Identity("", "", ""), {})


def _replace(path: Path, table: pa.Table) -> None:
    """Write under a name that no reader looks at, then rename. Failing, it leaves nothing."""
    import pyarrow.parquet as pq

    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        pq.write_table(table, unfinished, compression="zstd")
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
