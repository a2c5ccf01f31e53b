"""Raw columns to the matrix an estimator takes, as plain tables, without scikit-learn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Kind = Literal["number", "category", "boolean"]
Cell = tuple[int, float]  # position in the row of the matrix, value there
Row = list[float]
Matrix = NDArray[np.float64]

# From so many rows on, arrays by column are faster than lists by row: at 100,000 rows ten times.
BY_COLUMN: Final = 64


@dataclass(frozen=True, slots=True)
class Coded(Sequence[Any]):
    """Values by number, as Arrow's dictionaries have them: `values[codes[i]]` is that of row i."""

    codes: NDArray[np.intp]
    values: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, at: Any) -> Any:
        return Coded(self.codes[at], self.values) if isinstance(at, slice) else self.value(at)

    def value(self, at: int) -> Any:
        """The value of one row."""
        return self.values[self.codes[at]]

    def __iter__(self) -> Iterator[Any]:
        return map(self.values.__getitem__, self.codes.tolist())


class Encoder(Protocol):
    """What one column becomes in a row of the matrix."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    def fill(self, row: Row, value: Any) -> None: ...
    def fill_column(self, matrix: Matrix, values: Sequence[Any]) -> None: ...
    def to_json(self) -> dict[str, Any]: ...


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

    def fill(self, row: Row, value: Any) -> None:
        if value is None or math.isnan(value):
            for position, missing in zip(self.at, self.missing, strict=True):
                row[position] = missing
            return
        for position, scale, offset in zip(self.at, self.scale, self.offset, strict=True):
            row[position] = value * scale + offset

    def fill_column(self, matrix: Matrix, values: Sequence[Any]) -> None:
        numbers = np.array(values, dtype=np.float64)
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

    def fill(self, row: Row, value: Any) -> None:
        missing = _is_missing(value)
        for position, cell in self.missing if missing else self.values.get(value, self.unknown):
            row[position] = cell

    def fill_column(self, matrix: Matrix, values: Sequence[Any]) -> None:
        kinds = (*self.values.values(), self.unknown, self.missing)
        at = sorted({position for cells in kinds for position, _ in cells})
        # A line for each kind of value; no other column touches these positions.
        lines = np.tile(matrix[:1, at], (len(kinds), 1))
        for line, cells in zip(lines, kinds, strict=True):
            for position, cell in cells:
                line[at.index(position)] = cell
        line_of = {value: number for number, value in enumerate(self.values)}
        unknown, missing = len(self.values), len(self.values) + 1
        of = values.values if isinstance(values, Coded) else values
        found = np.array(
            [missing if _is_missing(v) else line_of.get(v, unknown) for v in of], dtype=np.intp
        )
        matrix[:, at] = lines[found[values.codes] if isinstance(values, Coded) else found]

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "kind": self.kind,
            "values": [[value, _cells(cells)] for value, cells in self.values.items()],
            "unknown": _cells(self.unknown), "missing": _cells(self.missing),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Encoding:
    """All columns of a model. A row starts as `start`, then each column fills its cells."""

    start: tuple[float, ...]
    columns: tuple[Encoder, ...]

    def matrix(self, columns: Mapping[str, Sequence[Any]]) -> Matrix:
        """Rows × width, from one sequence of values per column; `KeyError` for an absent column."""
        if len(columns[self.columns[0].name]) >= BY_COLUMN:
            return self._by_column(columns)
        sources: list[tuple[Callable[[Row, Any], None], Sequence[Any]]] = [
            (column.fill, columns[column.name]) for column in self.columns
        ]
        rows = [list(self.start) for _ in sources[0][1]]
        for fill, values in sources:
            for row, value in zip(rows, values, strict=True):
                fill(row, value)
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(self.start))

    def _by_column(self, columns: Mapping[str, Sequence[Any]]) -> Matrix:
        matrix = np.tile(np.array(self.start), (len(columns[self.columns[0].name]), 1))
        for column in self.columns:
            column.fill_column(matrix, columns[column.name])
        return matrix

    def to_json(self) -> dict[str, Any]:
        return {"start": _to(self.start), "columns": [column.to_json() for column in self.columns]}


def encoding_from_json(found: Mapping[str, Any]) -> Encoding:
    """The encoding that `to_json` printed."""
    return Encoding(tuple(_from(found["start"])), tuple(map(_encoder, found["columns"])))


def _encoder(found: Mapping[str, Any]) -> Encoder:
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


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _to(numbers: Sequence[float]) -> list[float | None]:
    """JSON has no NaN: null stands for it."""
    return [None if math.isnan(number) else number for number in numbers]


def _from(found: Sequence[float | None]) -> list[float]:
    return [math.nan if number is None else float(number) for number in found]


def _cells(cells: Sequence[Cell]) -> list[list[Any]]:
    return [[at, None if math.isnan(value) else value] for at, value in cells]


def _read_cells(found: Sequence[Sequence[Any]]) -> tuple[Cell, ...]:
    return tuple((at, math.nan if value is None else float(value)) for at, value in found)
