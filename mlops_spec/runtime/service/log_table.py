"""Answered requests as rows of a table, column by column."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from mlops_spec.runtime.service.compiled_rows import Values
from mlops_spec.runtime.service.log_files import FEATURE
from mlops_spec.runtime.service.rows import Many

if TYPE_CHECKING:
    import pyarrow as pa

# Columns are declared in the words of a Dataset and stored in those of Arrow.
_TYPES: Final = {
    "float": "float64", "integer": "int64", "boolean": "bool", "category": "string",
    "timestamp": "float64",  # seconds since 1970, as the model sees it
}  # fmt: skip
# Rows that wait for company: work on many in a row finds its code and memory in the caches, and as
# many as these do not fill them.
SORTED_AT_ONCE: Final = 64


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


class Gathered:
    """Answered requests, by column as they come.

    A request leaves next to nothing of its own behind: what is kept until the log is written would
    push the model out of the processor's cache, and be collected far from where it was made.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._sorted = 0  # of these, the rows that are in their columns
        self._fresh: list[Answered] = []
        self._counts = array("q")  # rows of each request
        self._walls = array("d")
        self._ids: list[str] = []
        self._arms: list[str] = []
        self._shadows = bytearray()
        self._keys: list[str | None] = []
        self._times: list[datetime | None] = []
        self._scores = array("d")
        self._decisions: list[Any] = []
        self._probabilities: list[Sequence[float]] = []  # of several classes
        # Features, where all are numbers: doubles. One array of them would be copied as it grows.
        self._numbers: list[bytes] = []
        self._features: list[Values] = []  # where not

    def add(self, answered: Answered) -> None:
        self._fresh.append(answered)
        self.rows += len(answered.scores)
        if self.rows - self._sorted >= SORTED_AT_ONCE:
            self._sort()

    def _sort(self) -> None:
        """Put the requests that came last into the columns, all of one column after the other."""
        walls, ids, arms, shadows, keys, times, rows, scores, decisions, of_classes = zip(
            *self._fresh, strict=True
        )
        self._scores.extend(chain.from_iterable(scores))
        if isinstance(rows[0], np.ndarray):
            self._numbers.append(np.concatenate(rows).tobytes())
        else:
            self._features.extend(chain.from_iterable(rows))
        self._counts.extend(map(len, scores))
        self._walls.extend(walls)
        self._ids.extend(ids)
        self._arms.extend(arms)
        self._shadows.extend(shadows)
        self._keys.extend(chain.from_iterable(keys))
        self._times.extend(chain.from_iterable(times))
        self._decisions.extend(chain.from_iterable(decisions))
        self._probabilities.extend(chain.from_iterable(filter(None, of_classes)))
        self._fresh.clear()
        self._sorted = self.rows

    def columns(
        self, identity: Identity, features: Mapping[str, str]
    ) -> Iterator[tuple[str, pa.Array]]:
        """The columns of the log's table; each is made when it is asked for."""
        import pyarrow as pa

        if self._fresh:
            self._sort()
        time_type = pa.timestamp("us", tz="UTC")
        counts = np.frombuffer(self._counts, np.int64)
        request = np.repeat(np.arange(len(counts)), counts)  # of each row
        walls = (np.frombuffer(self._walls) * 1e6).astype(np.int64)
        yield "wall_time", pa.array(walls[request]).cast(time_type)
        yield "request_id", pa.array(self._ids, pa.string()).take(pa.array(request))
        first = np.cumsum(counts) - counts
        yield "row", pa.array((np.arange(self.rows) - first[request]).astype(np.int32))
        yield "arm", pa.array(self._arms, pa.string()).take(pa.array(request))
        yield "shadow", pa.array(np.frombuffer(self._shadows, np.bool_)[request])
        yield "key", pa.array(self._keys, pa.string())
        yield "event_time", pa.array(self._times, time_type)
        yield "score", pa.array(np.frombuffer(self._scores))
        yield "decision", pa.array(map(_word, self._decisions), pa.string())
        kind = pa.list_(pa.float64())
        told = self._probabilities
        yield "probabilities", pa.array(told, kind) if told else pa.nulls(self.rows, kind)
        yield from self._asked(features)
        whose = {"model": identity.model, "version": identity.version, "release": identity.release}
        for name, text in whose.items():
            yield name, pa.repeat(pa.scalar(text), self.rows)

    def _asked(self, features: Mapping[str, str]) -> Iterator[tuple[str, pa.Array]]:
        import pyarrow as pa

        if self._numbers:
            matrix = np.frombuffer(b"".join(self._numbers)).reshape(self.rows, len(features))
            values: Iterable[Any] = np.ascontiguousarray(matrix.T)
        else:
            values = zip(*self._features, strict=True) if self.rows else repeat((), len(features))
        for (name, kind), each in zip(features.items(), values, strict=True):
            stored = pa.type_for_alias(_TYPES[kind])
            yield FEATURE + name, pa.array(each, stored, from_pandas=True)


def table_of(
    batch: Sequence[Answered], identity: Identity, features: Mapping[str, str]
) -> pa.Table:
    """The log rows of some requests."""
    import pyarrow as pa

    gathered = Gathered()
    for each in batch:
        gathered.add(each)
    return pa.table(dict(gathered.columns(identity, features)))


def _word(decision: Any) -> str:
    """As text: one column for labels of every type. Booleans are written as JSON writes them."""
    return str(decision).lower() if isinstance(decision, bool) else str(decision)
