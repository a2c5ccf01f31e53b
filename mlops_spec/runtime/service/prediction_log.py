"""Every prediction as a row of Parquet, written without ever making an answer wait.

A request hands its rows to a bounded queue and goes on; a thread writes them as small files, under
a temporary name first, so that a reader sees whole files only. When the queue or the disk is full
the rows are dropped, and counted.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_spec.runtime.service.log_files import FEATURE, replace_file, spanning, warm

if TYPE_CHECKING:
    import pyarrow as pa

FLUSH_ROWS: Final = 5_000
FLUSH_SECONDS: Final = 1.0
WAITING_ROWS: Final = 200_000
Row = tuple[Any, ...]
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
        self._waiting: list[Row] = []  # of the answering thread and the writer, under the lock
        self._written = 0
        self._lock = threading.Lock()
        self._full = threading.Event()
        self._closed = False
        # Arrow loads itself and pandas when it makes its first table: half a second that no request
        # should share.
        warm(_table([], identity, self._columns))

        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._thread.start()

    def add(self, answered: Answered) -> None:
        """Hand over the rows of one request, or drop them when the writer does not keep up."""
        rows = _rows(answered, self._columns)
        with self._lock:
            if self._closed or len(self._waiting) + len(rows) > WAITING_ROWS:
                self._dropped(len(rows))
                return
            self._waiting += rows
        # The writer looks by itself every second. Waking it for each request would cost the
        # answering thread more than all else here: the two then pass the interpreter's lock around.
        if len(self._waiting) >= FLUSH_ROWS:
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
                rows, self._waiting = self._waiting, []
            if rows:
                self._write(rows)

    def _write(self, rows: Sequence[Row]) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            walls = [row[0] for row in rows]
            name = spanning(min(walls), max(walls), f"{os.getpid()}-{self._written:06d}")
            replace_file(self._folder / name, _table(rows, self._identity, self._columns))
            self._written += 1
        # A full disk or a value that Parquet does not hold costs log rows, never an answer.
        except Exception:
            self._dropped(len(rows))


def _rows(answered: Answered, names: Iterable[str]) -> list[Row]:
    """A tuple a row: one object to keep for a second where columns would be twenty."""
    return list(
        zip(
            repeat(int(answered.wall * 1e6)), repeat(answered.request_id),
            range(len(answered.scores)), repeat(answered.arm), repeat(answered.shadow),
            answered.keys, answered.times, answered.scores, answered.decisions,
            answered.probabilities or repeat(None),
            *[answered.columns[name] for name in names], strict=False,
        )
    )  # fmt: skip


def table_of(batch: Sequence[Answered], identity: Identity, columns: Mapping[str, str]) -> pa.Table:
    """The log rows of some requests."""
    return _table(list(chain(*(_rows(each, columns) for each in batch))), identity, columns)


def _table(rows: Sequence[Row], identity: Identity, columns: Mapping[str, str]) -> pa.Table:
    import pyarrow as pa

    time_type = pa.timestamp("us", tz="UTC")
    own = (
        ("wall_time", pa.int64()), ("request_id", pa.string()), ("row", pa.int32()),
        ("arm", pa.string()), ("shadow", pa.bool_()), ("key", pa.string()),
        ("event_time", time_type), ("score", pa.float64()), ("decision", pa.string()),
        ("probabilities", pa.list_(pa.float64())),
    )  # fmt: skip
    features = ((FEATURE + name, pa.type_for_alias(_TYPES[kind])) for name, kind in columns.items())
    types = dict((*own, *features))
    values: dict[str, Any] = dict(zip(types, zip(*rows, strict=True), strict=False))
    values = values or dict.fromkeys(types, ())
    values["decision"] = [_word(decision) for decision in values["decision"]]
    found = {name: pa.array(values[name], kind) for name, kind in types.items()}
    found["wall_time"] = found["wall_time"].cast(time_type)
    whose = {"model": identity.model, "version": identity.version, "release": identity.release}
    return pa.table(
        found | {name: pa.repeat(pa.scalar(text), len(rows)) for name, text in whose.items()}
    )


def _word(decision: Any) -> str:
    """As text: one column for labels of every type. Booleans are written as JSON writes them."""
    return str(decision).lower() if isinstance(decision, bool) else str(decision)
