"""Columns of numbers to rows, all at once, where a service has no other features.

What is in order is taken in a tenth of the time that a walk over its values takes. Whatever is not
goes through `RowReader.read`, which says what is wrong: a client sees one set of messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic.fields import FieldInfo

from mlops_spec.runtime.portable.encoding import Matrix
from mlops_spec.runtime.service.compiled_rows import limits_of
from mlops_spec.runtime.service.rows import Columns, Rows

_KINDS = frozenset("fiu")  # of arrays that hold numbers
_TYPES = frozenset((float, int))  # of a list's values that are numbers; a bool is none


@dataclass(frozen=True, slots=True)
class NumberColumns:
    """What each feature of a service allows, in the order of its columns."""

    names: tuple[str, ...]
    most_rows: int
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    required: NDArray[np.bool_]  # whether a value may not be missing

    @classmethod
    def of(cls, fields: Mapping[str, FieldInfo], most_rows: int) -> NumberColumns:
        """Of floats, by the names that requests have for them."""
        least, most, nullable = zip(*map(limits_of, fields.values()), strict=True)
        return cls(tuple(fields), most_rows, np.array(least), np.array(most), ~np.array(nullable))

    def rows(self, columns: Columns) -> Rows | None:
        """The rows of columns of one length. None unless they are the features, and in order."""
        if columns.keys() != set(self.names):
            return None
        values = [columns[name] for name in self.names]
        if not (0 < len(values[0]) <= self.most_rows and all(map(_are_numbers, values))):
            return None
        try:
            matrix = np.array(values, np.float64)
        except OverflowError:  # a whole number that no double is near
            return None
        return self._checked(np.ascontiguousarray(matrix.T))

    def _checked(self, matrix: Matrix) -> Rows | None:
        missing = np.isnan(matrix)
        within = (matrix >= self.least) & (matrix <= self.most) & np.isfinite(matrix)
        if not (within | (missing & ~self.required)).all():
            return None
        nothing = [None] * len(matrix)
        return Rows(self.names, matrix, nothing, nothing)


def _are_numbers(values: Sequence[Any] | NDArray[Any]) -> bool:
    if isinstance(values, np.ndarray):
        return values.dtype.kind in _KINDS
    return _TYPES.issuperset(map(type, values))
