"""A few rows to the matrix that a model takes, by a plan made once from its tables.

`Encoding.matrix` walks the columns anew for each request, which takes as long as the model does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import numpy as np

from mlops_spec.runtime.portable.encoding import (
    BY_COLUMN,
    Cell,
    Encoding,
    Matrix,
    NumberTable,
    ValueTable,
)
from mlops_spec.runtime.service.compiled_rows import Values
from mlops_spec.runtime.service.rows import Many, Rows

# A value's cells by its place among the values of a row.
_Words = tuple[tuple[int, Callable[..., tuple[Cell, ...]], tuple[Cell, ...], tuple[Cell, ...]], ...]
_Numbers = tuple[tuple[int, int, float, float, float], ...]


class RowMatrix(Protocol):
    """Rows × width, from a tuple a row. As `Encoding.matrix` of the same columns."""

    def __call__(self, rows: Many) -> Matrix: ...


def row_matrix(encoding: Encoding, names: Sequence[str]) -> RowMatrix:
    """The plan for rows whose values stand in the order of `names`."""
    features = tuple(names)
    place = {name: number for number, name in enumerate(names)}
    numbers = [table for table in encoding.columns if isinstance(table, NumberTable)]
    words = [table for table in encoding.columns if isinstance(table, ValueTable)]
    cells = [
        (at, place[table.name], scale, offset, missing)
        for table in numbers
        for at, scale, offset, missing in zip(
            table.at, table.scale, table.offset, table.missing, strict=True
        )
    ]
    if not words and sorted(at for at, *_ in cells) == list(range(len(encoding.start))):
        return _OfNumbers(sorted(cells), len(names))
    few = _OfAll(
        encoding.start,
        tuple((source, at, scale, off, none) for at, source, scale, off, none in cells),
        tuple((place[t.name], t.values.get, t.unknown, t.missing) for t in words),
    )

    def of_any(rows: Many) -> Matrix:
        if len(rows) < BY_COLUMN:
            return few(rows)
        return encoding.matrix(Rows(features, rows, (), ()).columns)

    return of_any


class _OfNumbers:
    """Every cell is a number of the row."""

    def __init__(self, cells: list[tuple[int, int, float, float, float]], width: int) -> None:
        _, source, scale, offset, missing = (np.array(each) for each in zip(*cells, strict=True))
        self._source = None if source.tolist() == list(range(width)) else source
        self._scale = scale
        self._offset = offset
        self._missing = missing
        self._moves = bool((scale != 1.0).any() or (offset != 0.0).any())
        self._fills = not np.isnan(missing).all()

    def __call__(self, rows: Many) -> Matrix:
        # None becomes NaN; no number of a request is NaN by itself.
        matrix: Matrix = np.asarray(rows, dtype=np.float64)
        if self._source is not None:
            matrix = matrix[:, self._source]
        # Looked for among the values: a number may well become NaN.
        nothing = np.isnan(matrix) if self._moves or self._fills else None
        if self._moves:
            matrix = matrix * self._scale + self._offset
        if nothing is not None and nothing.any():
            matrix = np.where(nothing, self._missing, matrix)
        return matrix


class _OfAll:
    """Words among the numbers: lists, because a few cells are faster than a few arrays."""

    def __init__(self, start: tuple[float, ...], numbers: _Numbers, words: _Words) -> None:
        self._start: Final = start
        self._numbers: Final = numbers
        self._words: Final = words

    def __call__(self, rows: Many) -> Matrix:
        if isinstance(rows, np.ndarray):
            # Here nothing has one word: a cell that looked for two would cost every other row.
            values = rows.astype(object)
            values[np.isnan(rows)] = None
            rows = values.tolist()
        return np.array([self._row(row) for row in rows], dtype=np.float64)

    def _row(self, row: Values) -> list[float]:
        found = list(self._start)
        for source, at, scale, offset, missing in self._numbers:
            value = row[source]
            found[at] = missing if value is None else value * scale + offset
        for source, cells_of, unknown, missing_cells in self._words:
            value = row[source]
            for at, cell in missing_cells if value is None else cells_of(value, unknown):
                found[at] = cell
        return found
