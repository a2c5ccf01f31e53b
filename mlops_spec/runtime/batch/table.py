"""Predictions in a table of a database: one transaction, one row a key, old rows replaced."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv as pa_csv
import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from mlops_spec.runtime.batch.kinds import in_words, keeps, kind_of
from mlops_spec.runtime.data.database import connected
from mlops_spec.runtime.declare import Table
from mlops_spec.runtime.refusal import Refusal

RELEASE: Final = "release"
_OUTPUT: Final = "`output` of the batch block"
_UPSERTS: Final[dict[str, Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a job put into the table."""

    rows: int
    keyless: int  # rows of the source without a key: a table has no place for them


def load(
    target: Table, parts: Iterable[pa.Table], schema: pa.Schema, key: str, release: str
) -> Loaded:
    """Put all parts into the table, which is made if it is not there: all of them or nothing.

    `Refusal` MLS719 when the table cannot take them, MLS702 when a key is there twice, MLS701 for
    what the database says.
    """
    with connected(target.url_env, _OUTPUT) as connection:
        if connection.dialect.name not in _UPSERTS:
            raise _unfit(target, f"is in {connection.dialect.name}", "use PostgreSQL or SQLite")
        table = _table(target, schema, key)
        _require_fit(connection, target, table, key)
        _require_kept(connection, target, schema)
        table.create(connection, checkfirst=True)
        # A temporary one is gone with the connection, whatever happens to us.
        staging = _staging(schema)
        staging.create(connection)
        read = sum(_stage(connection, staging, part, release) for part in parts)
        keyless = connection.execute(_count(staging).where(staging.c[key].is_(None))).scalar_one()
        _require_unique(connection, staging, key)
        connection.execute(_upsert(connection.dialect.name, staging, table, key))
        connection.commit()
    return Loaded(read - keyless, keyless)


def holds(target: Table, release: str, rows: int) -> bool:
    """Whether so many rows of the table are by this release: no other has replaced them since."""
    with connected(target.url_env, _OUTPUT) as connection:
        schema, name = _named(target)
        if not sql.inspect(connection).has_table(name, schema):
            return False
        table = sql.table(name, sql.column(RELEASE), schema=schema)
        found = connection.execute(_count(table).where(table.c[RELEASE] == release)).scalar_one()
        return bool(found >= rows)


def _named(target: Table) -> tuple[str | None, str]:
    schema, _, name = target.name.rpartition(".")
    return schema or None, name


def _count(table: sql.FromClause) -> sql.Select[int]:
    return sql.select(sql.func.count()).select_from(table)


def _table(target: Table, schema: pa.Schema, key: str) -> sql.Table:
    place, name = _named(target)
    columns = (
        sql.Column(field.name, kind_of(field.type), primary_key=field.name == key)
        for field in schema
    )
    return sql.Table(name, sql.MetaData(), *columns, sql.Column(RELEASE, sql.Text), schema=place)


def _staging(schema: pa.Schema) -> sql.Table:
    columns = (sql.Column(field.name, kind_of(field.type)) for field in schema)
    return sql.Table(
        "mlops_spec_staging", sql.MetaData(), *columns, sql.Column(RELEASE, sql.Text),
        prefixes=["TEMPORARY"],
    )  # fmt: skip


def _require_fit(connection: sql.Connection, target: Table, table: sql.Table, key: str) -> None:
    """A table that is there must have our columns, and at most one row a key."""
    inspector = sql.inspect(connection)
    if not inspector.has_table(table.name, table.schema):
        return
    there = {column["name"] for column in inspector.get_columns(table.name, table.schema)}
    missing = [column.name for column in table.columns if column.name not in there]
    if missing:
        raise _unfit(
            target, f"has no column {missing[0]!r}",
            "add the columns, or name a table that is not there yet: it is made",
            *(f"no column {name!r}" for name in missing),
        )  # fmt: skip
    unique = [inspector.get_pk_constraint(table.name, table.schema)["constrained_columns"]]
    unique += [
        u["column_names"] for u in inspector.get_unique_constraints(table.name, table.schema)
    ]
    if [key] not in unique:
        raise _unfit(
            target, f"may hold a {key!r} twice", f"make {key!r} its primary key, or unique"
        )


def _require_kept(connection: sql.Connection, target: Table, schema: pa.Schema) -> None:
    """The columns of a table that is there must not change what is put into them."""
    place, name = _named(target)
    inspector, dialect = sql.inspect(connection), connection.dialect
    if not inspector.has_table(name, place):
        return
    there = {column["name"]: column["type"] for column in inspector.get_columns(name, place)}
    other = {
        field.name: (there[field.name], in_words(field.type, dialect))
        for field in schema.append(pa.field(RELEASE, pa.string()))
        if not keeps(there[field.name], field.type, dialect.name)
    }
    for column, (found, wanted) in other.items():
        raise _unfit(
            target, f"has {column!r} as {found}, which would change it",
            f"make it {wanted}, or name a table that is not there yet: it is made",
            *(f"{name!r} is {found}, must be {wanted}" for name, (found, wanted) in other.items()),
        )  # fmt: skip


def _stage(connection: sql.Connection, staging: sql.Table, part: pa.Table, release: str) -> int:
    told = part.append_column(RELEASE, pa.array([release] * part.num_rows, pa.string()))
    if connection.dialect.driver == "psycopg":
        _copy(connection, staging, told)
    elif part.num_rows:
        connection.execute(sql.insert(staging), told.to_pylist())
    return int(part.num_rows)


def _copy(connection: sql.Connection, staging: sql.Table, part: pa.Table) -> None:
    """PostgreSQL's own way in, which takes text and no value one by one.

    Arrow puts quotes around all text and around nothing else: what is not there stays null.
    """
    lists = [field.name for field in part.schema if pa.types.is_list(field.type)]
    for name in lists:
        texts = (None if value is None else json.dumps(value) for value in part[name].to_pylist())
        at = part.column_names.index(name)
        part = part.set_column(at, name, pa.array(texts, pa.string()))
    text = io.BytesIO()
    pa_csv.write_csv(part, text, pa_csv.WriteOptions(include_header=False))
    names = ", ".join(connection.dialect.identifier_preparer.quote(c.name) for c in staging.columns)
    raw: Any = connection.connection.driver_connection
    into = f"COPY {staging.name} ({names}) FROM STDIN (FORMAT csv)"
    with raw.cursor() as cursor, cursor.copy(into) as copy:
        copy.write(text.getvalue())


def _require_unique(connection: sql.Connection, staging: sql.Table, key: str) -> None:
    column = staging.c[key]
    twice = sql.select(column).where(column.is_not(None)).group_by(column)
    found = list(
        connection.scalars(twice.having(sql.func.count() > 1).order_by(column).limit(_SHOWN))
    )
    if found:
        raise Refusal(
            "MLS702",
            f"{key} {found[0]} is in the source more than once; a table has one row a key",
            "correct the data, or write Parquet, which keeps every row",
            tuple(f"{key} {value}" for value in found),
        )


def _upsert(dialect: str, staging: sql.Table, table: sql.Table, key: str) -> Any:
    names = [column.name for column in table.columns]
    # SQLite reads ON CONFLICT as part of a SELECT that has no WHERE.
    keyed = sql.select(*(staging.c[name] for name in names)).where(staging.c[key].is_not(None))
    insert = _UPSERTS[dialect](table).from_select(names, keyed)
    return insert.on_conflict_do_update(
        index_elements=[key],
        set_={name: insert.excluded[name] for name in names if name != key},
    )


def _unfit(target: Table, what: str, advice: str, *details: str) -> Refusal:
    return Refusal("MLS719", f"the table {target.name} {what}", advice, details)
