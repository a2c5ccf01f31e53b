"""Which columns of a table that is there keep our values as they are.

A database casts without a word: PostgreSQL rounds a score to a whole number for a column of
integers, moves a time by the session's zone for one without, and SQLite reads the key "007" as 7.
"""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

Kind = sql.types.TypeEngine[Any]


def kind_of(kind: pa.DataType) -> Kind:
    """As a reader of the table expects it; several probabilities are a list in JSON."""
    found: dict[pa.DataType, Kind] = {
        pa.float64(): sql.Double(), pa.int64(): sql.BigInteger(), pa.bool_(): sql.Boolean(),
        pa.string(): sql.Text(), pa.list_(pa.float64()): sql.JSON(none_as_null=True),
    }  # fmt: skip
    return found.get(kind) or sql.DateTime(timezone=True)


def in_words(kind: pa.DataType, dialect: sql.Dialect) -> str:
    """The type that we would have made, as the database names it."""
    return kind_of(kind).compile(dialect)


def keeps(there: Kind, kind: pa.DataType, dialect: str) -> bool:
    """Whether a column of the type `there` gives back each value of `kind` that it took.

    What the database itself refuses, such as a text that is too long, is left to it.
    """
    if isinstance(there, sql.types.NullType):
        return True  # a type of the user's own
    wanted = _wanted(kind)
    return _in_postgresql(there, wanted) if dialect == "postgresql" else _in_sqlite(there, wanted)


def _wanted(kind: pa.DataType) -> str:
    return next((word for known, word in _WORDS.items() if known == kind), "time")


_WORDS: Final = {
    pa.float64(): "float", pa.int64(): "whole", pa.bool_(): "boolean", pa.string(): "text",
    pa.list_(pa.float64()): "list",
}  # fmt: skip


def _in_postgresql(there: Kind, wanted: str) -> bool:
    match wanted:
        case "float":
            if isinstance(there, sql.Float):
                return not isinstance(there, sql.REAL)
            return isinstance(there, sql.Numeric) and there.scale is None
        case "whole":
            return isinstance(there, sql.Numeric | sql.Integer)
        case "time":
            return isinstance(there, postgresql.TIMESTAMP) and there.timezone
        case _:
            return isinstance(there, _OTHERS[wanted])


def _in_sqlite(there: Kind, wanted: str) -> bool:
    """It keeps numbers whole whatever its columns say, unless they say text."""
    match wanted:
        case "float":
            return isinstance(there, sql.Numeric | sql.Float | sql.Integer)
        case "whole":
            return isinstance(there, sql.Numeric | sql.Integer)
        case "boolean":
            return isinstance(there, sql.Numeric | sql.Integer | sql.Boolean)
        case "time":
            return isinstance(there, sqlite.DATETIME | sql.DateTime | sql.String)
        case _:
            return isinstance(there, _OTHERS[wanted])


_OTHERS: Final[dict[str, Any]] = {
    "boolean": sql.Boolean, "text": sql.String, "list": sql.JSON | sql.String,
}  # fmt: skip
