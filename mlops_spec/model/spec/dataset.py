"""kind: Dataset. Where rows come from, what each column may hold, how they are split."""

from __future__ import annotations

from typing import Literal

from mlops_spec.model.names import ColumnName, Name
from mlops_spec.model.spec.base import Change, SpecModel, field
from mlops_spec.model.units import Duration, Share

ColumnType = Literal["float", "integer", "boolean", "category", "timestamp"]


class SqlSource(SpecModel):
    """Rows from a database, read through SQLAlchemy."""

    url_env: str = field(
        Change.DATA,
        "name of the environment variable with the database URL: no secret is written here",
        pattern=r"^[A-Z_][A-Z0-9_]*$",
    )
    query: str = field(Change.DATA, "the SELECT that gives the rows", min_length=1)
    watermark: str | None = field(
        Change.DATA, "a SELECT of one value that changes when the rows do", None
    )


class Source(SpecModel):
    """Exactly one of parquet, csv or sql."""

    parquet: str | None = field(
        Change.DATA, "a path or glob, relative to mlops.yaml", None, min_length=1
    )
    csv: str | None = field(
        Change.DATA, "a path or glob, relative to mlops.yaml", None, min_length=1
    )
    sql: SqlSource | None = field(Change.DATA, "a query on a database", None)


class Label(SpecModel):
    """What the model learns to predict."""

    column: ColumnName = field(Change.TRAIN, "the column that holds the truth")
    arrives_after: Duration = field(
        Change.MONITOR, "how long after the prediction the truth is known", Duration(0)
    )


class Column(SpecModel):
    """What a column may hold; a row outside of it is a bad row."""

    type: ColumnType = field(Change.TRAIN, "float, integer, boolean, category or timestamp")
    nullable: bool = field(Change.TRAIN, "whether a value may be missing", False)
    min: float | int | None = field(Change.TRAIN, "the smallest value allowed", None)
    max: float | int | None = field(Change.TRAIN, "the largest value allowed", None)
    values: tuple[str, ...] | None = field(Change.TRAIN, "the only values allowed (category)", None)
    description: str = field(Change.DOCS, "what it means", "")


class Split(SpecModel):
    """Which rows are held out."""

    by: Literal["time", "random"] = field(Change.TRAIN, "time: the newest rows are held out")
    test: Share = field(Change.TRAIN, "rows to judge the model on", Share(0.2))
    validation: Share = field(Change.TRAIN, "rows to choose thresholds on", Share(0.1))


class Expected(SpecModel):
    """What to reckon with where no snapshot has been taken yet: the prior of power warnings."""

    rows: int | None = field(Change.DOCS, "rows in all", None, ge=1)
    positives: Share | None = field(Change.DOCS, "share of the positive label (binary)", None)
    groups: dict[ColumnName, int] = field(Change.DOCS, "values that a column has", {})
    disagreement: Share | None = field(
        Change.DOCS, "share of rows on which two versions decide differently (default 10%)", None
    )


class DatasetSpec(SpecModel):
    """Rows to learn from, and the contract that they and every request must meet."""

    kind: Literal["Dataset"] = field(Change.DOCS, "Dataset")
    name: Name = field(Change.DATA, "the name that models refer to")
    description: str = field(Change.DOCS, "what the rows are", "")
    source: Source = field(Change.DATA, "where the rows are")
    key: ColumnName = field(Change.DATA, "identifies a row; joins a prediction to its label")
    time: ColumnName | None = field(
        Change.DATA, "when the row was known; splits and windows follow it", None
    )
    label: Label = field(Change.TRAIN, "what is predicted")
    columns: dict[ColumnName, Column] = field(
        Change.TRAIN, "every column that is used, label, key and time included", min_length=1
    )
    bad_rows: Share = field(
        Change.DATA, "share of bad rows that is dropped rather than refused", Share(0)
    )
    split: Split = field(Change.TRAIN, "which rows are held out")
    expected: Expected | None = field(
        Change.DOCS, "numbers for power warnings before there is a snapshot", None
    )
