"""The step `check`: every row against the Dataset's columns; what does not fit is shown."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mlops_spec.runtime.context import Context, First, Output, Progress, nothing
from mlops_spec.runtime.data.columns import EXACT_IN_FLOATS, Parsed, parse
from mlops_spec.runtime.data.fingerprint import when_read_again
from mlops_spec.runtime.data.snapshot import rows_of
from mlops_spec.runtime.data.usable import require_rows, require_usable
from mlops_spec.runtime.declare import Column, Dataset, Recipe
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.keys import check_key

EXAMPLES: Final = 5
_SHOWN: Final = 60  # characters of a value


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in one column: the rule, how many rows break it, the first few by their key."""

    column: str
    rule: str
    rows: int
    examples: tuple[str, ...]

    def line(self) -> str:
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        return f"{self.column}: {self.rule} in {rows}; {', '.join(self.examples)}"


@dataclass(frozen=True, slots=True)
class Checked:
    """Typed rows that fit, and what was wrong with the others."""

    rows: pd.DataFrame
    bad: pd.DataFrame
    problems: tuple[Problem, ...]


def check(
    context: Context, dataset: Dataset, recipe: Recipe, data: str, first: First = nothing
) -> Output:
    """Step `check`: `rows`, `bad_rows`, `unlabelled`, `problems`.

    `Refusal` MLS702 when more than `dataset.bad_rows` of the rows are bad, MLS703 to MLS706 when
    the good ones cannot teach. What `first` refuses, the step refuses, before it looks at a row.
    """
    key = check_key(data, context.facets)

    def work(_: Progress) -> Output:
        first()
        return _check(context, dataset, recipe, data)

    return context.step("check", key, "", work, lambda _: checked_path(context, data))


def _check(context: Context, dataset: Dataset, recipe: Recipe, data: str) -> Output:
    checked = checked_rows(rows_of(context, data), dataset)
    total = len(checked.rows) + len(checked.bad)
    require_rows(total, dataset)
    # Before anything is said of the good rows: what they lack may be in the bad ones.
    if len(checked.bad) > dataset.bad_rows * total:
        raise _too_many_bad(checked, total, dataset)
    require_usable(checked.rows, dataset, recipe)
    labelled = _without_gaps(_those(checked.rows, checked.rows[dataset.label].notna()), dataset)
    _write(labelled, checked_path(context, data))
    return {
        "rows": len(labelled),
        "bad_rows": len(checked.bad),
        "unlabelled": len(checked.rows) - len(labelled),
        "problems": [asdict(problem) for problem in checked.problems],
    }


def checked_path(context: Context, data: str) -> Path:
    """The typed, labelled rows that passed the check, beside their snapshot."""
    name = f"checked-{check_key(data, context.facets)}.parquet"
    return context.workspace.snapshot(data) / name


def read_checked(context: Context, data: str) -> pd.DataFrame:
    """The rows that steps after `check` work on."""
    path = checked_path(context, data)
    if not path.exists():
        raise Refusal("MLS701", f"{path} is gone", "run the same command again: it checks anew")
    return pd.read_parquet(path)


def checked_rows(table: pa.Table, dataset: Dataset) -> Checked:
    """The table in its declared types, without its bad rows."""
    parsed = {column.name: parse(table[column.name], column) for column in dataset.columns}
    frame = pd.DataFrame({name: found.values for name, found in parsed.items()})
    failures = pd.concat([_unfit(parsed), _against_schema(frame, parsed, dataset)])
    bad = pd.Series(frame.index.isin(failures["row"].unique()))
    good = _without_gaps(_those(frame, ~bad), dataset)
    return Checked(good, frame[bad], _problems(failures, frame, table, dataset))


def _those(rows: pd.DataFrame, chosen: pd.Series) -> pd.DataFrame:
    """The chosen rows, counted from 0; most often all, and a copy of millions would be large."""
    return rows if chosen.all() else rows[chosen].reset_index(drop=True)


def _unfit(parsed: dict[str, Parsed]) -> pd.DataFrame:
    return pd.concat(
        pd.DataFrame({"row": found.unfit.index[found.unfit], "column": name, "rule": found.rule})
        for name, found in parsed.items()
    )


def _against_schema(
    frame: pd.DataFrame, parsed: dict[str, Parsed], dataset: Dataset
) -> pd.DataFrame:
    """The rows that break the declared bounds, one line per row, column and rule."""
    os.environ.setdefault("DISABLE_PANDERA_IMPORT_WARNING", "True")
    from pandera.errors import SchemaErrors

    try:
        _schema(dataset).validate(frame, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
        found = pd.DataFrame(
            {
                "row": cases["index"].astype("int64"),
                "column": cases["column"],
                "rule": cases["check"].map(_RULES).fillna(cases["check"]),
            }
        )
        # A value that could not be read is missing now; it is one problem, not two.
        unread = pd.Series(False, found.index)
        for name, values in parsed.items():
            unread |= (found["column"] == name) & found["row"].isin(
                values.unfit.index[values.unfit]
            )
        return found[~unread]
    return pd.DataFrame({"row": [], "column": [], "rule": []})


_RULES: Final = {"not_nullable": "missing", "field_uniqueness": "repeats an earlier key"}


def _schema(dataset: Dataset) -> Any:
    import pandera.pandas as pa_pandas

    return pa_pandas.DataFrameSchema(
        {
            column.name: pa_pandas.Column(
                None,
                _checks(column, dataset),
                nullable=_may_be_missing(column, dataset),
                unique=column.name == dataset.key,
                report_duplicates="exclude_first",
            )
            for column in dataset.columns
        }
    )


def _may_be_missing(column: Column, dataset: Dataset) -> bool:
    return column.nullable and column.name not in (dataset.key, dataset.time)


def _checks(column: Column, dataset: Dataset) -> list[Any]:
    from pandera.pandas import Check

    checks = []
    if column.type == "integer" and column.name != dataset.key:
        # A model sees floats, and a service refuses requests beyond this for the same reason.
        checks.append(
            Check.in_range(
                -EXACT_IN_FLOATS, EXACT_IN_FLOATS, error="beyond ±2^53, where floats round"
            )
        )
    if column.min is not None:
        checks.append(Check.ge(column.min, error=f"below {column.min:g}"))
    if column.max is not None:
        checks.append(Check.le(column.max, error=f"above {column.max:g}"))
    if column.values:
        shown = ", ".join(column.values[:6]) + (", …" if len(column.values) > 6 else "")
        checks.append(Check.isin(column.values, error=f"none of {shown}"))
    return checks


def _without_gaps(good: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    """Whole numbers are int64 again once their bad rows are gone."""
    whole = {
        column.name: "int64"
        for column in dataset.columns
        if column.type == "integer"
        and good[column.name].dtype != "int64"
        and good[column.name].notna().all()
    }
    return good.astype(whole) if whole else good


def _problems(
    failures: pd.DataFrame, frame: pd.DataFrame, table: pa.Table, dataset: Dataset
) -> tuple[Problem, ...]:
    """Most frequent first."""
    found = []
    for (column, rule), group in failures.groupby(["column", "rule"], sort=True):
        rows = np.sort(group["row"].unique().astype("int64"))
        found.append(
            Problem(
                str(column),
                str(rule),
                len(rows),
                tuple(_example(frame, table, dataset.key, column, row) for row in rows[:EXAMPLES]),
            )
        )
    return tuple(sorted(found, key=lambda problem: (-problem.rows, problem.column, problem.rule)))


def _example(frame: pd.DataFrame, table: pa.Table, key: str, column: Any, row: int) -> str:
    """One bad value and the key of its row; its number from 1 where the key itself is bad."""
    place = f"row {row + 1:,}" if column == key else f"{key} {_shown(frame[key].iloc[row])}"
    return f"{place}: {_shown(table[column][int(row)].as_py())}"


def _shown(value: Any) -> str:
    """A stored value on one line: data may hold pages of text, and what drives a terminal."""
    text = str(value)
    plain = text.isprintable() and text == text.strip() and text
    text = text if plain else repr(text)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _too_many_bad(checked: Checked, total: int, dataset: Dataset) -> Refusal:
    bad, allowed = len(checked.bad), dataset.bad_rows
    return Refusal(
        "MLS702",
        f"{bad:,} of {total:,} rows ({bad / total:.2%}) do not fit the Dataset's columns; "
        f"{allowed:.2%} may be bad",
        "correct the data, or the columns (nullable, min, max, values), or allow more: bad_rows"
        + when_read_again(dataset.source),
        tuple(problem.line() for problem in checked.problems),
    )


def _write(rows: pd.DataFrame, path: Path) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    table = pa.Table.from_pandas(rows, preserve_index=False)
    pq.write_table(table, unfinished, compression="zstd")
    unfinished.replace(path)
