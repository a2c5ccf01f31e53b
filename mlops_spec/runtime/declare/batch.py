"""Where batch predictions go, as literals of rendered flows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Folder:
    """Parquet: a folder for each job in this one, relative to the project root."""

    path: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a database, one row a key. `url_env`: the variable with the SQLAlchemy URL."""

    url_env: str
    name: str  # may have a schema before it: `scores.flights`
