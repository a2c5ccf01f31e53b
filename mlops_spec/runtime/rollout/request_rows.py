"""Rows of a Dataset as a service takes them: features, key and time, each of its type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from mlops_spec.runtime.declare import ColumnType, Dataset

if TYPE_CHECKING:
    import pandas as pd

# A service is strict about types, and pandas is not: a column of integers with a gap holds floats.
_PLAIN: Final[Mapping[ColumnType, Callable[[Any], Any]]] = MappingProxyType(
    {
        "float": float,
        "integer": int,
        "boolean": bool,
        "category": str,
        "timestamp": lambda value: value.isoformat(),
    }
)


def request_rows(
    rows: pd.DataFrame, dataset: Dataset, features: Sequence[str]
) -> list[dict[str, Any]]:
    """One mapping a row, ready for JSON; what is missing is None. The label is left out."""
    wanted = [*features, dataset.key, *([dataset.time] if dataset.time else [])]
    columns = {
        name: _plain(rows[name], dataset.column(name).type) for name in dict.fromkeys(wanted)
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _plain(column: pd.Series, kind: ColumnType) -> list[Any]:
    missing = column.isna().to_numpy()
    convert = _PLAIN[kind]
    return [None if gone else convert(value) for value, gone in zip(column, missing, strict=True)]
