"""One column of a chunk: what the scorer takes, what the answer keeps, which rows break a rule.

What a stored value means is said by `runtime.data.columns`. Here is the short way for what Arrow
holds in its declared type already, or can cast exactly; all else goes through `parse`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlops_spec.runtime.data.columns import EXACT_IN_FLOATS, parse
from mlops_spec.runtime.declare import Column
from mlops_spec.runtime.portable.encoding import Coded

Mask = NDArray[np.bool_]
Numbers = NDArray[np.float64]

TYPES: Final = {
    "float": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "category": pa.string(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fitted:
    """`broken`: the rows that break a rule, by rule in words; of several, the first counts."""

    values: Numbers | Coded  # NaN or None for a missing one; a time is seconds since 1970
    broken: tuple[tuple[str, Mask], ...]

    def take(self, rows: NDArray[np.intp]) -> Numbers | Coded:
        """The values of some rows."""
        if isinstance(self.values, Coded):
            return Coded(self.values.codes[rows], self.values.values)
        return self.values[rows]


def fitted(stored: pa.Array, column: Column, may_miss: bool) -> Fitted:
    """A feature, or any other column that is not kept in the answer."""
    if column.type in ("category", "boolean"):
        return _coded(stored, column, may_miss)
    numbers, unfit, rule = _numbers(stored, column)
    return Fitted(numbers, tuple(_broken(numbers, unfit, rule, column, may_miss)))


def kept(stored: pa.Array, column: Column, may_miss: bool) -> tuple[pa.Array, Fitted]:
    """The column as the answer holds it, in its declared type; and the same as `fitted`.

    A category that is kept is a key: its values differ, so they are not numbered.
    """
    if column.type == "category" and pa.types.is_large_string(stored.type):
        empty = pc.equal(stored, "")
        values = pc.if_else(empty, None, stored) if pc.any(empty).as_py() else stored
        missing = values.is_null().to_numpy(zero_copy_only=False)
        rules = () if may_miss or not missing.any() else (("is missing", missing),)
        return values.cast(pa.string()), Fitted(np.empty(0), rules)
    found = fitted(stored, column, may_miss)
    if stored.type == TYPES[column.type] and not found.broken:
        return stored, found
    values = parse(pa.chunked_array([stored]), column).values
    # Whole numbers with gaps are floats to pandas; Arrow takes them as whole ones again.
    whole = values.astype("Int64") if column.type == "integer" else values
    return pa.array(whole, TYPES[column.type]), found


def _numbers(stored: pa.Array, column: Column) -> tuple[Numbers, Mask, str]:
    """As floats, which rows could not be read, and the rule in words."""
    quick = _cast(stored, column)
    if quick is None:
        found = parse(pa.chunked_array([stored]), column)
        return _floats_of(found.values), found.unfit.to_numpy(dtype=bool), found.rule
    numbers = quick.to_numpy(zero_copy_only=False)
    if column.type == "timestamp":
        return numbers, np.zeros(len(numbers), dtype=bool), ""
    unfit = np.isinf(numbers)
    if unfit.any():
        numbers = np.where(unfit, np.nan, numbers)
    return numbers, unfit, "not a finite number"


def _cast(stored: pa.Array, column: Column) -> pa.Array | None:
    """In 64-bit floats, where Arrow can tell what is meant as exactly as `parse` can."""
    kind = stored.type
    whole = pa.types.is_integer(kind) and not pa.types.is_uint64(kind)
    if column.type == "timestamp":
        # Seconds with their fraction, as the online service has them.
        exact = kind == TYPES["timestamp"]
        return pc.divide(_as_floats(stored.cast(pa.int64())), 1e6) if exact else None
    if pa.types.is_large_string(kind):
        return _of_text(stored, TYPES[column.type])
    if whole or (pa.types.is_floating(kind) and (column.type == "float" or _whole(stored))):
        return _as_floats(stored)
    return None


def _as_floats(stored: pa.Array) -> pa.Array:
    return stored.cast(pa.float64(), safe=False)


def _whole(stored: pa.Array) -> bool:
    """Whether these floats are whole numbers with gaps, as pandas stores them."""
    numbers = stored.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        fits = (numbers == np.trunc(numbers)) & (np.abs(numbers) <= EXACT_IN_FLOATS)
    return bool((fits | np.isnan(numbers)).all())


def _of_text(stored: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """None when a word is not simply a number: `parse` knows the others."""
    try:
        return _as_floats(stored.cast(kind))
    except pa.ArrowInvalid:
        return None


def _floats_of(values: pd.Series) -> Numbers:
    if pd.api.types.is_datetime64_any_dtype(values):
        values = (values - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _broken(
    numbers: Numbers, unfit: Mask, rule: str, column: Column, may_miss: bool
) -> Iterator[tuple[str, Mask]]:
    """Where a rule is broken, in the words of the training's check."""
    checks: list[tuple[str, Any]] = [(rule, unfit)]
    if not may_miss:
        checks.append(("is missing", np.isnan(numbers)))
    if column.min is not None:
        checks.append((f"is below {column.min:g}", numbers < column.min))
    if column.max is not None:
        checks.append((f"is above {column.max:g}", numbers > column.max))
    yield from ((rule, mask) for rule, mask in checks if mask.any())


def _coded(stored: pa.Array, column: Column, may_miss: bool) -> Fitted:
    """Each value is read once, however many rows have it."""
    encoded = stored.dictionary_encode()
    found = parse(pa.chunked_array([encoded.dictionary]), column)
    missing_code = len(encoded.dictionary)
    codes = encoded.indices.fill_null(missing_code).to_numpy().astype(np.intp)
    missing = np.append(found.values.isna().to_numpy(dtype=bool), True)
    values = (*found.values.astype(object).where(~missing[:-1], None).tolist(), None)
    checks = [(found.rule, np.append(found.unfit.to_numpy(dtype=bool), False))]
    if not may_miss:
        checks.append(("is missing", missing))
    if column.values:
        known = np.array([value in column.values for value in values])
        checks.append(("has another value than declared", ~missing & ~known))
    broken = ((rule, mask[codes]) for rule, mask in checks if mask.any())
    return Fitted(Coded(codes, values), tuple((rule, mask) for rule, mask in broken if mask.any()))
