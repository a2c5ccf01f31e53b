"""The rows of a source in chunks, so that the memory needed does not grow with the source."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from mlops_spec.runtime.data.database import pages_of
from mlops_spec.runtime.data.fingerprint import files
from mlops_spec.runtime.data.read import (
    array_of,
    csv_columns,
    csv_format,
    readable,
    require_columns,
    widened,
)
from mlops_spec.runtime.declare import Csv, Parquet, Sql

BUFFER: Final = 1 << 20  # bytes of each column


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows and where they stand: the file, or "query"; `first` counts from 0 within it."""

    place: str
    first: int
    rows: pa.Table


def chunks(
    root: Path,
    source: Parquet | Csv | Sql,
    wanted: Sequence[str],
    most: int,
    paths: Sequence[Path] | None = None,
) -> Iterator[Chunk]:
    """The columns `wanted` of all rows, at most `most` rows at a time, in types as `read` has them.

    The same files give the same chunks; `paths` names them where the source may have more by now.
    `Refusal` MLS701 when they cannot be read.
    """
    match source:
        case Parquet() | Csv():
            for path in files(root, source) if paths is None else paths:
                place = os.path.relpath(path, root)
                with readable(place, source):
                    yield from _numbered(place, _recut(_file(path, place, source, wanted), most))
        case Sql():
            yield from _numbered("query", _pages(source, wanted, most))


def _numbered(place: str, tables: Iterator[pa.Table]) -> Iterator[Chunk]:
    first = 0
    for table in tables:
        yield Chunk(place, first, widened(table))
        first += table.num_rows


def _file(
    path: Path, place: str, source: Parquet | Csv, wanted: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    match source:
        case Parquet():
            # Otherwise a whole row group is read at once, and a file may be one of 10 million rows.
            with pq.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False) as file:
                require_columns(wanted, file.schema_arrow.names, place)
                for batch in file.iter_batches(columns=list(wanted)):
                    yield batch.select(list(wanted))
        case Csv():
            convert = csv_columns(path, place, wanted)
            with pa_csv.open_csv(
                path, parse_options=csv_format(), convert_options=convert
            ) as opened:
                yield from opened


def _recut(batches: Iterator[pa.RecordBatch], most: int) -> Iterator[pa.Table]:
    """Tables of exactly `most` rows, but for the last: a reader's own block size shows nowhere."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        while rows >= most:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, most)
            waiting = table.slice(most).to_batches()
            rows -= most
    if rows:
        yield pa.Table.from_batches(waiting)


def _pages(source: Sql, wanted: Sequence[str], most: int) -> Iterator[pa.Table]:
    for names, rows in pages_of(source, most):
        require_columns(wanted, names, "the query's result")
        by_name = dict(zip(names, zip(*rows, strict=True), strict=True))
        yield pa.table({name: array_of(by_name[name]) for name in wanted})
