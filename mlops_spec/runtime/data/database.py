"""Rows and single values from a database, through SQLAlchemy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from mlops_spec.runtime.declare import Sql
from mlops_spec.runtime.refusal import Refusal


def value_of(source: Sql, query: str) -> Any:
    """The first value of the first row, None when there is no row."""
    with connected(source.url_env) as connection:
        return connection.execute(text(query)).scalar()


def rows_of(source: Sql) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The names of the query's columns and all its rows."""
    with connected(source.url_env) as connection:
        found = connection.execute(text(source.query))
        return list(found.keys()), [tuple(row) for row in found]


def pages_of(source: Sql, most: int) -> Iterator[tuple[list[str], list[tuple[Any, ...]]]]:
    """The same in pages of at most `most` rows; the database holds the others back if it can."""
    with connected(source.url_env) as connection:
        streaming = connection.execution_options(stream_results=True, max_row_buffer=most)
        found = streaming.execute(text(source.query))
        names = list(found.keys())
        for page in found.partitions(most):
            yield names, [tuple(row) for row in page]


@contextmanager
def connected(url_env: str, spec: str = "`query` of the Dataset") -> Iterator[Connection]:
    """A connection to the database in an environment variable; `spec` is where a mistake may be.

    `Refusal` MLS701 for all that the database or the URL says.
    """
    url = os.environ.get(url_env)
    if not url:
        raise Refusal(
            "MLS701",
            f"the environment variable {url_env} is not set",
            "set it to the SQLAlchemy URL of the database, such as postgresql+psycopg://user@host/name",
        )
    try:
        engine = create_engine(url)
    except (SQLAlchemyError, ImportError, ValueError) as error:
        # The error may quote the URL, and the URL may hold a password: only its kind is told.
        raise Refusal(
            "MLS701",
            f"the URL in {url_env} cannot be used ({type(error).__name__})",
            "write dialect+driver://user:password@host/database, and install the driver",
        ) from None
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise Refusal(
            "MLS701",
            f"the database in {url_env} refused: {cause}",
            f"look at the server and at {spec}, then run the same command again",
            transient=isinstance(error, OperationalError),
        ) from error
    finally:
        engine.dispose()
