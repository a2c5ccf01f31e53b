"""Reading a Dataset's source into one Arrow table: declared columns, files in order of path."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from mlops_spec.diagnostics.suggest import did_you_mean
from mlops_spec.runtime.data.fingerprint import files
from mlops_spec.runtime.declare import Csv, Dataset, Parquet, Sql
from mlops_spec.runtime.refusal import Refusal, gist


def read(root: Path, dataset: Dataset) -> pa.Table:
    """The rows of the source as they are, in wide types: 64-bit numbers, text, UTC microseconds.

    A CSV is read as text: what it means is for the check to say. `Refusal` MLS701 when it cannot be
    read.
    """
    wanted = [column.name for column in dataset.columns]
    match dataset.source:
        case Parquet() | Csv() as source:
            return _joined(
                (os.path.relpath(path, root), widened(_read_file(root, path, source, wanted)))
                for path in files(root, source)
            )
        case Sql() as source:
            return widened(_read_sql(source, wanted))


def _read_file(root: Path, path: Path, source: Parquet | Csv, wanted: list[str]) -> pa.Table:
    place = os.path.relpath(path, root)
    with readable(place, source):
        match source:
            case Parquet():
                file = pq.ParquetFile(path)
                require_columns(wanted, file.schema_arrow.names, place)
                return file.read(columns=wanted, use_threads=True).select(wanted)
            case Csv():
                return pa_csv.read_csv(
                    path,
                    parse_options=csv_format(),
                    convert_options=csv_columns(path, place, wanted),
                )


@contextmanager
def readable(place: str, source: Parquet | Csv) -> Iterator[None]:
    """What Arrow and the disk say about a file, as a `Refusal` MLS701."""
    try:
        yield
    except PermissionError as error:
        raise Refusal("MLS701", f"{place} may not be read", "change its permissions") from error
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:  # OSError: a damaged page
        raise Refusal(
            "MLS701", f"{place} cannot be read: {gist(error)}", _advice(source, str(error))
        ) from error


def csv_columns(path: Path, place: str, wanted: Sequence[str]) -> pa_csv.ConvertOptions:
    """Each wanted column as text. `Refusal` MLS701 when one is missing, or is there twice."""
    with pa_csv.open_csv(path, parse_options=csv_format()) as opened:
        names = opened.schema.names
    twice = sorted({name for name in names if names.count(name) > 1} & set(wanted))
    if twice:
        raise Refusal(
            "MLS701", f"{place} has two columns named {twice[0]!r}", "rename or remove one of them"
        )
    require_columns(wanted, names, place)
    return pa_csv.ConvertOptions(
        column_types={name: pa.string() for name in wanted},
        include_columns=list(wanted),
        strings_can_be_null=True,
        null_values=[""],
    )


def csv_format() -> pa_csv.ParseOptions:
    """A line break within quotes belongs to the value."""
    return pa_csv.ParseOptions(newlines_in_values=True)


def _read_sql(source: Sql, wanted: list[str]) -> pa.Table:
    from mlops_spec.runtime.data.database import rows_of

    names, rows = rows_of(source)
    require_columns(wanted, names, "the query's result")
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in names]
    by_name = dict(zip(names, columns, strict=True))
    return pa.table({name: array_of(by_name[name]) for name in wanted})


def array_of(values: Iterable[Any]) -> pa.Array:
    """Values of a database in the type that they have."""
    found = list(values)
    try:
        return pa.array(found)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        # A column of several types, as SQLite allows: text, as in a CSV.
        return pa.array([None if value is None else str(value) for value in found], pa.string())


def require_columns(wanted: Sequence[str], found: list[str], place: str) -> None:
    """`Refusal` MLS701 names the columns that are not there."""
    missing = [name for name in wanted if name not in found]
    if missing:
        raise Refusal(
            "MLS701",
            f"{place} has no column {missing[0]!r}",
            did_you_mean(missing[0], found),
            tuple(f"no column {name!r}; {did_you_mean(name, found)}" for name in missing),
            field=("data", "columns", missing[0]),
        )


def widened(table: pa.Table) -> pa.Table:
    """The table with one type for all widths of a kind. `Refusal` MLS701 for other kinds."""
    return pa.table({name: _column(name, table[name]) for name in table.column_names})


def _column(name: str, stored: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return _wide(stored)
    except pa.ArrowException as error:
        raise Refusal(
            "MLS701",
            f"column {name!r} is stored as {str(stored.type)[:60]}, and cannot be read: "
            f"{gist(error)}",
            "store numbers, text, booleans or times from year 1 to 9999; a list or a struct is "
            "several columns",
            field=("data", "columns", name),
        ) from error


def _wide(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """One type for all widths of a kind: the digest does not depend on how rows were stored."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _wide(column.cast(kind.value_type))
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        return column.cast(pa.int64())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _number(column)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _time(column)
    return column if pa.types.is_boolean(kind) else _text(column)


def _number(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_decimal(column.type) or column.type.scale:
        return column.cast(pa.float64())
    # As warehouses keep keys, NUMBER(38, 0): a float would make one of two long ones.
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column.cast(pa.large_string())


def _time(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind, utc = column.type, pa.timestamp("us", tz="UTC")
    naive = kind.tz is None if pa.types.is_timestamp(kind) else True
    # Nanoseconds are rounded off; what does not fit into microseconds is an error.
    safe = not (pa.types.is_timestamp(kind) and kind.unit == "ns")
    # A time without a zone is taken as UTC.
    return (
        column.cast(pa.timestamp("us"), safe=safe).cast(utc)
        if naive
        else column.cast(utc, safe=safe)
    )


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not isinstance(column.type, pa.UuidType):
        return column.cast(pa.large_string())
    # Arrow would take its 16 bytes for text.
    words = ([None if v is None else str(v) for v in part.to_pylist()] for part in column.chunks)
    return pa.chunked_array(
        [pa.array(each, pa.large_string()) for each in words], pa.large_string()
    )


def _joined(parts: Iterable[tuple[str, pa.Table]]) -> pa.Table:
    tables: list[pa.Table] = []
    for place, table in parts:
        for name in table.column_names if tables else ():
            before, now = tables[0][name].type, table[name].type
            if not _fit(before, now):
                raise Refusal(
                    "MLS701",
                    f"column {name!r} is {now} in {place} and {before} in an earlier file",
                    "write all files of a Dataset with the same types",
                    field=("data", "columns", name),
                )
        tables.append(table)
    return pa.concat_tables(tables, promote_options="permissive").combine_chunks()


def _fit(first: pa.DataType, second: pa.DataType) -> bool:
    def number(kind: pa.DataType) -> bool:
        return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))

    return bool(
        first == second
        or pa.types.is_null(first)
        or pa.types.is_null(second)
        or (number(first) and number(second))
    )


def _advice(source: Parquet | Csv, error: str) -> str:
    if "utf8" in error.lower() or "utf-8" in error.lower():
        return "save the file as UTF-8; it seems to have another encoding"
    if isinstance(source, Parquet):
        return "the file is not Parquet, or was cut off while written; copy it again"
    return "the file is not a CSV with a header line and the same number of fields in every row"
