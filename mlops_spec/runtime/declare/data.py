"""Data and training as literals of rendered files: plain frozen values, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

Task = Literal["binary", "multiclass", "regression", "ranking"]
ColumnType = Literal["float", "integer", "boolean", "category", "timestamp"]


@dataclass(frozen=True, slots=True)
class Parquet:
    path: str  # path or glob, relative to the project root


@dataclass(frozen=True, slots=True)
class Csv:
    path: str


@dataclass(frozen=True, slots=True)
class Sql:
    url_env: str  # the environment variable with the SQLAlchemy URL
    query: str
    watermark: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: ColumnType
    nullable: bool = False
    min: float | None = None
    max: float | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Split:
    by: Literal["time", "random"]
    test: float  # share of rows, 0 to 1
    validation: float


@dataclass(frozen=True, slots=True)
class Dataset:
    name: str
    source: Parquet | Csv | Sql
    key: str
    time: str | None
    label: str
    columns: tuple[Column, ...]
    split: Split
    bad_rows: float = 0.0  # share of bad rows that is dropped rather than refused
    label_arrives_after: float = 0.0  # seconds

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is fitted: the features, the estimator by dotted path, its parameters, the seed."""

    task: Task
    features: tuple[str, ...]
    estimator: str
    params: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    seed: int = 0
    positive: str | int | bool | None = None
    group: str | None = None  # ranking: the column of the list that a row belongs to
    weight: str | None = None  # the column of how much a training row counts
