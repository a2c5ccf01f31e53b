"""Answered requests as rows of a table, column by column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from mlops_spec.runtime.service.log_files import FEATURE
from mlops_spec.runtime.service.rows import Many, joined

if TYPE_CHECKING:
    import pyarrow as pa

PIECE_ROWS: Final = 1_000  # a column of them takes a tenth of a millisecond at most
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


def span_of(table: pa.Table) -> tuple[int, int]:
    """The first and the last of its wall times, in microseconds."""
    import pyarrow.compute as pc

    found = pc.min_max(table["wall_time"].cast("int64")).as_py()
    return found["min"], found["max"]


def pieces_of(batch: Sequence[Answered]) -> Iterator[list[Answered]]:
    """The same requests, some at a time."""
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

    return pa.table(dict(columns_of(batch, identity, features)))


def columns_of(
    batch: Sequence[Answered], identity: Identity, features: Mapping[str, str]
) -> Iterator[tuple[str, pa.Array]]:
    """The columns of `table_of`; each is made when it is asked for."""
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

    rows = joined([each.rows for each in batch]) if batch else []
    if isinstance(rows, np.ndarray):
        values: Iterable[Any] = np.ascontiguousarray(rows.T)
    else:
        values = zip(*rows, strict=True) if rows else repeat((), len(features))
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
