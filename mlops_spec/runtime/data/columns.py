"""From stored values to the declared types. What does not fit becomes missing, and is reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from mlops_spec.runtime.declare import Column

_TRUE: Final = frozenset({"true", "t", "yes", "y", "1", "1.0"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "0", "0.0"})
_NOT_BOOLEAN: Final = "none of true, false, yes, no, 1, 0"
# What pandas can parse: nanoseconds since 1970 in 64 bits.
_NOT_A_TIME: Final = "not a time in ISO 8601 between 1677 and 2262"
_ZONE: Final = r"(?:[Zz]|:\d\d(?:\.\d+)?\s*[+-]\d\d(?::?\d\d)?)$"
EXACT_IN_FLOATS: Final = 2**53  # a float holds every whole number up to here
_MISSING: Final = frozenset({"", "na", "n/a", "nan", "null", "none"})


@dataclass(frozen=True, slots=True)
class Parsed:
    """A column in its declared type; `unfit` marks the values that could not be read as it.

    float: float64. integer: int64; when some are missing float64, or Int64 where a float would
    round. boolean and category: objects with None for missing. timestamp: UTC.
    """

    values: pd.Series
    unfit: pd.Series
    rule: str


def parse(stored: pa.ChunkedArray, column: Column) -> Parsed:
    """The values of one column as its declared type."""
    raw = _raw(stored)
    match column.type:
        case "float":
            return _floats(raw)
        case "integer":
            return _integers(raw)
        case "boolean":
            return _booleans(raw)
        case "timestamp":
            return _timestamps(raw)
        case "category":
            return _categories(raw)


def _raw(stored: pa.ChunkedArray) -> pd.Series:
    """Whole numbers keep their type although some are missing; all else as pandas has it."""
    if pa.types.is_integer(stored.type) and stored.null_count:
        return pd.Series(stored.to_pandas(integer_object_nulls=True))
    return pd.Series(stored.to_pandas())


def _numbers(raw: pd.Series) -> tuple[pd.Series, pd.Series]:
    """As numbers, and where text is not one."""
    if raw.dtype != object:
        numeric = raw.astype("float64") if raw.dtype == bool else raw
        if not pd.api.types.is_numeric_dtype(numeric):
            return pd.Series(np.nan, raw.index), raw.notna()
        return numeric, pd.Series(False, raw.index)
    numeric = pd.to_numeric(raw, errors="coerce")
    return numeric, _unread(raw, numeric)


def _unread(raw: pd.Series, values: pd.Series) -> pd.Series:
    """Where there is no value, though something stands there that does not say so."""
    unread = values.isna() & raw.notna()
    # Only of these few: the words of every row take longer than all else.
    words = raw[unread].astype(str).str.strip().str.lower()
    unread.loc[words.index[words.isin(_MISSING)]] = False
    return unread


def _floats(raw: pd.Series) -> Parsed:
    numeric, unfit = _numbers(raw)
    values = numeric.astype("float64")
    unfit = unfit | np.isinf(values)
    return Parsed(values.mask(unfit), unfit, "not a finite number")


def _integers(raw: pd.Series) -> Parsed:
    """Exact as long as they fit into 64 bits: a key of 19 digits must stay itself."""
    numeric, unfit = _numbers(raw)
    # Once more without what is no number: beside a gap pandas rounds whole numbers to floats.
    found = pd.to_numeric(raw[numeric.notna()])
    if pd.api.types.is_bool_dtype(found):
        found = found.astype("int64")
    if pd.api.types.is_float_dtype(found):
        fits = (found == np.trunc(found)) & (found.abs() <= EXACT_IN_FLOATS)
    else:
        fits = (found >= -(2**63)) & (found < 2**63)
    values = found[fits].astype("int64").astype("Int64").reindex(raw.index)
    unfit = unfit | (numeric.notna() & values.isna())
    return Parsed(_compact(values), unfit, "not a whole number of at most 64 bits")


def _compact(whole: pd.Series) -> pd.Series:
    """int64 without gaps; with gaps float64 where that is exact, otherwise Int64."""
    if whole.notna().all():
        return whole.astype("int64")
    exact = bool((whole.dropna().abs() <= EXACT_IN_FLOATS).all())
    return whole.astype("float64") if exact else whole


def _booleans(raw: pd.Series) -> Parsed:
    if raw.dtype == bool:
        return Parsed(raw.astype(object), pd.Series(False, raw.index), _NOT_BOOLEAN)
    words = raw.astype(str).str.strip().str.lower()
    present = raw.notna() & ~words.isin(_MISSING)
    values = pd.Series(None, raw.index, dtype=object)
    values[words.isin(_TRUE)] = True
    values[words.isin(_FALSE)] = False
    return Parsed(values, present & values.isna(), _NOT_BOOLEAN)


def _timestamps(raw: pd.Series) -> Parsed:
    if pd.api.types.is_datetime64_any_dtype(raw):
        values = pd.to_datetime(raw, utc=True).astype("datetime64[us, UTC]")
        return Parsed(values, pd.Series(False, raw.index), _NOT_A_TIME)
    if raw.dtype != object:
        # A bare number could be seconds, milliseconds or a date such as 20130301.
        return Parsed(
            pd.to_datetime(pd.Series(pd.NaT, raw.index), utc=True),
            raw.notna(),
            "a number, not a time such as 2013-03-01T06:30Z",
        )
    # Apart, because pandas 2.3 gives a time without a zone the zone of the one before it.
    zoned = raw.astype(str).str.contains(_ZONE, regex=True)
    values = _iso(raw.where(zoned)).fillna(_iso(raw.where(~zoned)))
    return Parsed(values, _unread(raw, values), _NOT_A_TIME)


def _iso(text: pd.Series) -> pd.Series:
    found = pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601")
    return found.astype("datetime64[us, UTC]")


def _categories(raw: pd.Series) -> Parsed:
    text = raw.astype(object)
    if pd.api.types.is_float_dtype(raw):
        # 7.0 is the code 7 where a column of codes has gaps.
        whole = raw.notna() & (raw == np.trunc(raw)) & (raw.abs() < 2**53)
        text[whole] = raw[whole].astype("int64").astype(object)
    missing = raw.isna() | (raw == "")
    words = text.map(lambda value: str(value).lower() if isinstance(value, bool) else str(value))
    return Parsed(words.where(~missing, None), pd.Series(False, raw.index), "not text")
