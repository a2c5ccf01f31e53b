"""What a rendered file says, as literals: plain frozen values, no pydantic, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

Task = Literal["binary", "multiclass", "regression"]
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


@dataclass(frozen=True, slots=True)
class AtLeast:
    metric: str
    limit: float


@dataclass(frozen=True, slots=True)
class AtMost:
    metric: str
    limit: float


@dataclass(frozen=True, slots=True)
class Against:
    """A comparison with production. `unit` of the margin: `%` relative, `pp` or "" absolute."""

    metric: str
    hypothesis: Literal["superiority", "margin", "non_inferiority"]
    margin: float = 0.0  # 0.02 for 2%, 0.005 for 0.5pp
    unit: Literal["%", "pp", ""] = ""


Gate = AtLeast | AtMost | Against


@dataclass(frozen=True, slots=True)
class Gates:
    gates: tuple[Gate, ...]
    confidence: float = 0.95  # one-sided
    decide_on: Literal["bound", "point"] = "bound"
    min_rows: int = 100
    on_inconclusive: Literal["hold", "fail"] = "hold"


@dataclass(frozen=True, slots=True)
class Shadow:
    min_requests: int
    min_agreement: float  # share
    at_most: float  # seconds


@dataclass(frozen=True, slots=True)
class CanaryStep:
    share: float
    min_requests: int  # answered by the candidate
    at_least: float  # seconds
    at_most: float  # seconds


@dataclass(frozen=True, slots=True)
class Limits:
    """More than any is harm: error rate (share), p99 (seconds), score shift (KS distance)."""

    errors: float
    p99: float
    score_shift: float
    confidence: float = 0.95


@dataclass(frozen=True, slots=True)
class Service:
    """What is needed to start one copy of a model's service."""

    name: str
    workers: int
    max_rows: int
    timeout: float  # seconds


@dataclass(frozen=True, slots=True)
class Drift:
    window: float  # seconds
    min_rows: int
    ks: float
    psi: float
    confidence: float
    baseline: float  # seconds after promotion
    performance_window: float  # seconds
    drop: float  # relative
    performance_min_rows: int


@dataclass(frozen=True, slots=True)
class Retrain:
    when: tuple[Literal["drift", "performance"], ...]
    cooldown: float  # seconds
    budget: int
    budget_seconds: float
