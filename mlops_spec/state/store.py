"""The connection to the state. Every write is one short transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.exc import SQLAlchemyError

from mlops_spec.state.tables import FORMAT, FORMAT_TABLE, METADATA


class StateUnusable(Exception):
    """The state cannot be opened, read or written; the message says why and what to do."""


class Store:
    """The state of one project. `clock` gives seconds since 1970 and is replaced in tests."""

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        self.url = url
        self.clock = clock
        self.engine = _engine(url)
        self._prepare()

    @classmethod
    def at(cls, path: Path, clock: Callable[[], float] = time.time) -> Store:
        """The state in a SQLite file, made when missing."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateUnusable(f"cannot create {path.parent}: {error.strerror}") from error
        return cls(f"sqlite:///{path}", clock)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction: all of it is written, or nothing."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StateUnusable(_explain(self.url, error)) from error

    def close(self) -> None:
        self.engine.dispose()

    def _prepare(self) -> None:
        with self.begin() as connection:
            METADATA.create_all(connection)
            found = connection.execute(select(FORMAT_TABLE.c.version)).scalar()
            if found is None:
                connection.execute(insert(FORMAT_TABLE).values(version=FORMAT))
        if found is not None and found > FORMAT:
            raise StateUnusable(
                f"the state at {_redacted(self.url)} has format {found}, this version reads "
                f"{FORMAT}; use a newer mlops-spec"
            )


def _engine(url: str) -> Engine:
    try:
        engine = create_engine(url)
    except (SQLAlchemyError, ImportError, ValueError) as error:
        raise StateUnusable(f"cannot open the state: {error}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_immediate)
    return engine


def _configure_sqlite(connection: Any, _: Any) -> None:
    # Python's own transaction handling starts a transaction only at the first write; two readers
    # that both go on to write would then deadlock. BEGIN IMMEDIATE below takes its place.
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout = 15000")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _redacted(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _explain(url: str, error: SQLAlchemyError) -> str:
    cause = str(getattr(error, "orig", None) or error).splitlines()[0]
    advice = "look at the disk, the permissions and the server, then run the same command again"
    if "locked" in cause:
        advice = "another program holds it; end that program, then run the same command again"
    if "full" in cause:
        advice = "the disk is full; make room, then run the same command again"
    return f"the state at {_redacted(url)} cannot be used: {cause}; {advice}"
