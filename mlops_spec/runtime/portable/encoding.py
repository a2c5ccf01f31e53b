"""Raw columns to the matrix a model takes, as plain tables, without scikit-learn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["number", "category", "boolean"]
Cell = tuple[int, float]  # position in the row of the matrix, value there
Row = list[float]
Matrix = NDArray[np.float64]

# From so many rows on, arrays by column are faster than lists by row: at 100,000 rows ten times.
BY_COLUMN: Final = 16


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of categories as codes into its `values`; -1 is a missing one.

    What Arrow calls a dictionary array: a batch of a million rows has its few words once.
    """

    codes: NDArray[np.integer[Any]]
    values: Sequence[Any]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, at: int) -> Any:
        code = self.codes[at]
        return None if code < 0 else self.values[code]


Values = Sequence[Any] | NDArray[Any] | Coded


@dataclass(frozen=True, slots=True)
class NumberTable:
    """`value * scale + offset` at each position; `missing` there for None and NaN."""

    name: str
    at: tuple[int, ...]
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    missing: tuple[float, ...]

    @property
    def kind(self) -> Kind:
        return "number"

    @property
    def plain(self) -> bool:
        """Whether the value goes to one position as it is."""
        return self.scale == (1.0,) and self.offset == (0.0,)

    @property
    def exact(self) -> bool:
        """Whether each cell is the value itself, or does not depend on it."""
        cells = zip(self.scale, self.offset, strict=True)
        return all(scale == 0.0 or (scale == 1.0 and offset == 0.0) for scale, offset in cells)

    def moved(self, by: int) -> NumberTable:
        return replace(self, at=tuple(at + by for at in self.at))

    def fill(self, row: Row, value: Any) -> None:
        if value is None or value != value:  # noqa: PLR0124  NaN
            for position, missing in zip(self.at, self.missing, strict=True):
                row[position] = missing
            return
        for position, scale, offset in zip(self.at, self.scale, self.offset, strict=True):
            row[position] = value * scale + offset

    def fill_column(self, matrix: Matrix, values: Values) -> None:
        numbers = np.asarray(values, dtype=np.float64)
        nothing = np.isnan(numbers)
        cells = zip(self.at, self.scale, self.offset, self.missing, strict=True)
        for position, scale, offset, missing in cells:
            matrix[:, position] = np.where(nothing, missing, numbers * scale + offset)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "kind": self.kind, "at": list(self.at), "scale": _to(self.scale),
            "offset": _to(self.offset), "missing": _to(self.missing),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class ValueTable:
    """The cells that each known value sets; `unknown` for every other, `missing` for None."""

    name: str
    kind: Kind
    values: Mapping[Any, tuple[Cell, ...]]
    unknown: tuple[Cell, ...]
    missing: tuple[Cell, ...]

    def moved(self, by: int) -> ValueTable:
        def shifted(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
            return tuple((at + by, value) for at, value in cells)

        values = {value: shifted(cells) for value, cells in self.values.items()}
        return replace(
            self, values=values, unknown=shifted(self.unknown), missing=shifted(self.missing)
        )

    def fill(self, row: Row, value: Any) -> None:
        for position, cell in self._cells(value):
            row[position] = cell

    def _cells(self, value: Any) -> tuple[Cell, ...]:
        found = self.values.get(value)
        if found is not None:
            return found
        return self.missing if value is None or value != value else self.unknown  # noqa: PLR0124

    def lines(self, start: Sequence[float]) -> Lines:
        """The same for many values at once, in rows that begin as `start`."""
        kinds = (*self.values.values(), self.unknown, self.missing)
        at = sorted({position for cells in kinds for position, _ in cells})
        # A line for each kind of value; no other column touches these positions.
        cells = np.tile(np.array(start)[at], (len(kinds), 1))
        for line, kind in zip(cells, kinds, strict=True):
            for position, cell in kind:
                line[at.index(position)] = cell
        number = {value: place for place, value in enumerate(self.values)}
        # One position is a slice, which NumPy fills faster than a list of them.
        return Lines(self.name, at if len(at) != 1 else slice(at[0], at[0] + 1), cells, number)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "kind": self.kind,
            "values": [[value, _cells(cells)] for value, cells in self.values.items()],
            "unknown": _cells(self.unknown), "missing": _cells(self.missing),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lines:
    """A table of values for arrays: the cells of each known value, the unknown, the missing."""

    name: str
    at: list[int] | slice
    cells: Matrix
    number: Mapping[Any, int]

    def fill_column(self, matrix: Matrix, values: Values) -> None:
        matrix[:, self.at] = self.cells[self._places(values)]

    def _places(self, values: Values) -> NDArray[np.int64]:
        if isinstance(values, Coded):
            places = np.array([*map(self._place, values.values), len(self.number) + 1], np.int64)
            return places.take(values.codes, mode="wrap")  # code -1 is the last of the list
        return np.fromiter(map(self._place, values), np.int64, len(values))

    def _place(self, value: Any) -> int:
        found = self.number.get(value)
        if found is not None:
            return found
        missing = value is None or value != value  # noqa: PLR0124  NaN
        return len(self.number) + (1 if missing else 0)


Column = NumberTable | ValueTable


@dataclass(frozen=True, slots=True)
class Encoding:
    """All columns of a model. A row starts as `start`, then each column fills its cells."""

    start: tuple[float, ...]
    columns: tuple[Column, ...]
    # Numbers that stay as they are need no call each: name, position, and what is missing there.
    _plain: tuple[tuple[str, int, float], ...] = field(init=False, repr=False, compare=False)
    _others: tuple[Column, ...] = field(init=False, repr=False, compare=False)
    _filled: tuple[NumberTable | Lines, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        numbers = (column for column in self.columns if isinstance(column, NumberTable))
        plain = tuple((c.name, c.at[0], c.missing[0]) for c in numbers if c.plain)
        others = [c for c in self.columns if not (isinstance(c, NumberTable) and c.plain)]
        filled = (c if isinstance(c, NumberTable) else c.lines(self.start) for c in others)
        object.__setattr__(self, "_plain", plain)
        object.__setattr__(self, "_others", tuple(others))
        object.__setattr__(self, "_filled", tuple(filled))

    @property
    def width(self) -> int:
        return len(self.start)

    @property
    def exact(self) -> bool:
        """Whether no number is computed with."""
        return all(each.exact for each in self.columns if isinstance(each, NumberTable))

    def matrix(self, columns: Mapping[str, Values]) -> Matrix:
        """Rows × width, from one sequence of values per column.

        `KeyError` for an absent column, `ValueError` for columns of unlike lengths.
        """
        count = len(columns[self.columns[0].name])
        if any(len(columns[each.name]) != count for each in self.columns):
            raise ValueError("shape mismatch: the columns have unlike numbers of rows")
        if count >= BY_COLUMN:
            return self._by_column(columns, count)
        rows = [self._row(columns, at) for at in range(count)]
        return np.array(rows, dtype=np.float64).reshape(count, len(self.start))

    def _row(self, columns: Mapping[str, Any], at: int) -> Row:
        row = list(self.start)
        for name, position, missing in self._plain:
            value = columns[name][at]
            row[position] = missing if value is None or value != value else value  # noqa: PLR0124
        for column in self._others:
            column.fill(row, columns[column.name][at])
        return row

    def _by_column(self, columns: Mapping[str, Values], count: int) -> Matrix:
        matrix = np.tile(np.array(self.start), (count, 1))
        if self._plain:
            numbers = np.array([columns[name] for name, _, _ in self._plain], dtype=np.float64)
            for line, (_, position, missing) in zip(numbers, self._plain, strict=True):
                if not math.isnan(missing):
                    line[np.isnan(line)] = missing
                matrix[:, position] = line
        for column in self._filled:
            column.fill_column(matrix, columns[column.name])
        return matrix

    def to_json(self) -> dict[str, Any]:
        return {"start": _to(self.start), "columns": [column.to_json() for column in self.columns]}


def side_by_side(parts: Sequence[Encoding]) -> Encoding:
    """Several encodings as one, left to right; a column may be in more than one."""
    start: list[float] = []
    columns: list[Column] = []
    for part in parts:
        columns.extend(column.moved(len(start)) for column in part.columns)
        start.extend(part.start)
    return Encoding(tuple(start), tuple(columns))


def encoding_from_json(found: Mapping[str, Any]) -> Encoding:
    """The encoding that `to_json` printed."""
    return Encoding(tuple(_from(found["start"])), tuple(map(_column, found["columns"])))


def _column(found: Mapping[str, Any]) -> Column:
    if found["kind"] == "number":
        return NumberTable(
            found["name"],
            tuple(found["at"]),
            tuple(_from(found["scale"])),
            tuple(_from(found["offset"])),
            tuple(_from(found["missing"])),
        )
    return ValueTable(
        found["name"],
        found["kind"],
        {value: _read_cells(cells) for value, cells in found["values"]},
        _read_cells(found["unknown"]),
        _read_cells(found["missing"]),
    )


def _to(numbers: Sequence[float]) -> list[float | None]:
    """JSON has no NaN: null stands for it."""
    return [None if math.isnan(number) else number for number in numbers]


def _from(found: Sequence[float | None]) -> list[float]:
    return [math.nan if number is None else float(number) for number in found]


def _cells(cells: Sequence[Cell]) -> list[list[Any]]:
    return [[at, None if math.isnan(value) else value] for at, value in cells]


def _read_cells(found: Sequence[Sequence[Any]]) -> tuple[Cell, ...]:
    return tuple((at, math.nan if value is None else float(value)) for at, value in found)
