"""What a fitted preprocessor does to each column, found by asking it, written down as tables.

`askable` says of which steps that may be done. What they do is found with probe rows that differ
from one base row in one column; whatever cannot be written as tables shows when the tables are
compared with the preprocessor itself (`export` does that), and then the model is not exported.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from mlops_spec.runtime.portable.encoding import Cell, Column, Encoding, Kind, NumberTable
from mlops_spec.runtime.portable.encoding import ValueTable as Values

if TYPE_CHECKING:
    import pandas as pd

Matrix = NDArray[np.float64]
Preprocess = Callable[["pd.DataFrame"], Matrix]

# A value that no data holds: what the preprocessor does with it is what it does with the unknown.
UNKNOWN: Final = "\x00 a value never seen"
# Probe rows × width of the matrix; beyond it a column has too many values to be written as a table.
MAX_CELLS: Final = 50_000_000
# No number is tried that is farther out: its square would be infinite.
_FARTHEST: Final = 1e150
NUMBER: Final = (int, float, np.integer, np.floating)


class NotTabular(Exception):
    """The preprocessor cannot be written as tables; the message says which column and why."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One column and the values it is tried with."""

    name: str
    kind: Kind
    values: tuple[Any, ...]


def kind_of(column: pd.Series[Any]) -> Kind:
    """What a column of the training frame holds, by its values rather than its dtype."""
    from pandas.api.types import infer_dtype, is_bool_dtype, is_numeric_dtype

    if is_bool_dtype(column.dtype) or infer_dtype(column, skipna=True) == "boolean":
        return "boolean"
    if is_numeric_dtype(column.dtype):
        return "number"
    if infer_dtype(column.dropna().astype(object), skipna=True) in {"string", "empty"}:
        return "category"
    raise NotTabular(f"column {column.name!r} holds {infer_dtype(column)}")


def missing_of(column: pd.Series[Any]) -> float | None:
    """How a column writes a missing value: encoders tell None and NaN apart."""
    missing = column[column.isna()]
    if column.dtype == object and (missing.empty or missing.iloc[0] is None):
        return None
    return math.nan


def probes_of(steps: Sequence[Any], frame: pd.DataFrame) -> tuple[Probe, ...]:
    """The values worth trying: those of the frame, and those the fitted encoders remember."""
    return tuple(_probe(steps, frame[name]) for name in map(str, frame.columns))


def _probe(steps: Sequence[Any], column: pd.Series[Any]) -> Probe:
    name, kind = str(column.name), kind_of(column)
    match kind:
        case "number":
            known = {float(v) for v in _remembered(steps, name) if isinstance(v, NUMBER)}
            tried = sorted(v for v in known if math.isfinite(v))
            return Probe(name, kind, (*_numbers(column), *tried, math.nan))
        case "boolean":
            return Probe(name, kind, (False, True, None))
        case "category":
            seen = set(column.dropna().unique()) | set(_remembered(steps, name))
            texts = sorted(value for value in seen if isinstance(value, str))
            return Probe(name, kind, (*texts, UNKNOWN, None))


def _numbers(column: pd.Series[Any]) -> list[float]:
    """Two numbers far apart in the column, first, and more between and beyond them.

    A line through two of its own values loses nothing where the column is far from zero.
    """
    known = column.dropna().astype("float64")
    known = known[np.isfinite(known)]
    low, middle, high = (0.0, 0.5, 1.0) if known.empty else known.quantile([0.0, 0.5, 1.0])
    high = high if high > low else low + max(1.0, abs(low))
    span = high - low
    between = [low + span * share for share in (0.1, 0.3, 0.7, 0.9)]
    asked = [low, high, middle, *between, low - span, high + span, 0.0, 1.0]
    return [float(value) for value in np.clip(asked, -_FARTHEST, _FARTHEST)]


def _remembered(steps: Sequence[Any], name: str) -> Iterator[Any]:
    """What fitted steps know of a column, wherever they stand: categories, words for missing."""
    for step in steps:
        yield from _categories(step, name)
        yield getattr(step, "missing_values", None)
        for _, part, names in getattr(step, "transformers_", ()):
            if not isinstance(names, str) and name in map(str, names):
                yield from _remembered((part,), name)
        for _, part in (*getattr(step, "steps", ()), *getattr(step, "transformer_list", ())):
            yield from _remembered((part,), name)


def _categories(encoder: Any, name: str) -> Iterator[Any]:
    """What an encoder was fitted with; of every column where it was not told their names."""
    categories = getattr(encoder, "categories_", ())
    names = list(map(str, getattr(encoder, "feature_names_in_", ())))
    if len(names) != len(categories):
        yield from (value for known in categories for value in known)
    elif name in names:
        yield from categories[names.index(name)]


def tabulate(preprocess: Preprocess, probes: Sequence[Probe], frame: pd.DataFrame) -> Encoding:
    """The tables of a preprocessor. `NotTabular` when two columns meet in one cell."""
    answers, width = _ask(preprocess, probes, frame)
    owned = [_varying(answer) for answer in answers]
    if sum(map(len, owned)) != len(set().union(*owned)):
        raise NotTabular("the preprocessor mixes columns")
    encoders = tuple(map(_table, probes, answers, owned))
    start = answers[0][0].copy() if answers else np.zeros(width)
    return Encoding(tuple(_resting(start, probes, answers, owned)), encoders)


def _ask(
    preprocess: Preprocess, probes: Sequence[Probe], frame: pd.DataFrame
) -> tuple[list[Matrix], int]:
    width = preprocess(frame.head(1)).shape[1]
    rows = sum(len(probe.values) for probe in probes)
    if rows * width > MAX_CELLS:
        most = max(probes, key=lambda probe: len(probe.values))
        raise NotTabular(
            f"column {most.name!r} has {len(most.values)} values, too many for a table"
        )
    asked = _asked(probes, frame)
    with warnings.catch_warnings():
        # Encoders warn of unknown values, and those are what is asked about.
        warnings.simplefilter("ignore")
        answer = preprocess(asked)
    bounds = np.cumsum([len(probe.values) for probe in probes])[:-1]
    return list(np.split(answer, bounds)), width


def _asked(probes: Sequence[Probe], frame: pd.DataFrame) -> pd.DataFrame:
    """The first row of the frame, once for each value of each probe, with that value in it."""
    import pandas as pd

    base = frame.iloc[[0]].astype(object)
    rows = sum(len(probe.values) for probe in probes)
    columns = {name: np.full(rows, base[name].iloc[0], dtype=object) for name in frame.columns}
    start = 0
    for probe in probes:
        missing = missing_of(frame[probe.name])
        values = [missing if value is None else value for value in probe.values]
        columns[probe.name][start : start + len(values)] = values
        start += len(values)
    return pd.DataFrame(columns).astype(_dtypes(frame))


def _dtypes(frame: pd.DataFrame) -> dict[str, Any]:
    """The frame's dtypes, where they can hold a missing value; float and object otherwise."""
    return {str(name): _can_miss(dtype) for name, dtype in frame.dtypes.items()}


def _can_miss(dtype: Any) -> Any:
    from pandas.api.types import is_bool_dtype, is_extension_array_dtype, is_numeric_dtype

    if is_extension_array_dtype(dtype) and str(dtype) != "category":
        return dtype
    if is_bool_dtype(dtype) or not is_numeric_dtype(dtype):
        return object
    return np.float64


def _varying(answer: Matrix) -> set[int]:
    """The positions that a column has a say in: where its probes do not all give the same."""
    same = (answer == answer[0]) | (np.isnan(answer) & np.isnan(answer[0]))
    return set(np.flatnonzero(~same.all(axis=0)).tolist())


def _table(probe: Probe, answer: Matrix, owned: set[int]) -> Column:
    at = tuple(sorted(owned))
    if probe.kind == "number":
        return _number_table(probe, answer, at)
    resting = _unknown(probe, answer)
    cells = {
        value: _different(row, resting, at)
        for value, row in zip(probe.values, answer, strict=True)
        if value is not None and value != UNKNOWN
    }
    return Values(
        probe.name, probe.kind, cells,
        unknown=(),
        missing=_different(answer[probe.values.index(None)], resting, at),
    )  # fmt: skip


def _number_table(probe: Probe, answer: Matrix, at: tuple[int, ...]) -> NumberTable:
    """The line through the first two probes; all others have to lie on it."""
    asked, told = np.array(probe.values[:-1])[:, None], answer[:-1, at]
    slope = (told[1] - told[0]) / (asked[1] - asked[0])
    same = (told == asked).all(axis=0)
    slope = np.where(same, 1.0, slope)
    # Where a column is passed on as it is, nothing is rounded.
    offset = np.where(same, 0.0, told[0] - asked[0] * slope)
    if not np.allclose(asked * slope + offset, told, 1e-9, 1e-9):
        raise NotTabular(f"column {probe.name!r} is bent or cut")
    numbers = (tuple(values.tolist()) for values in (slope, offset, answer[-1, at]))
    return NumberTable(probe.name, at, *numbers)


def _unknown(probe: Probe, answer: Matrix) -> NDArray[np.float64]:
    """The row a column leaves as it is: of an unknown value, or of a missing boolean."""
    row: NDArray[np.float64] = answer[
        probe.values.index(UNKNOWN if UNKNOWN in probe.values else None)
    ]
    return row


def _different(
    row: NDArray[np.float64], resting: NDArray[np.float64], at: Sequence[int]
) -> tuple[Cell, ...]:
    return tuple(
        (position, float(row[position]))
        for position in at
        if row[position] != resting[position]
        and not (math.isnan(row[position]) and math.isnan(resting[position]))
    )


def _resting(
    start: NDArray[np.float64],
    probes: Sequence[Probe],
    answers: Sequence[Matrix],
    owned: Sequence[set[int]],
) -> list[float]:
    for probe, answer, positions in zip(probes, answers, owned, strict=True):
        if probe.kind != "number":
            at = sorted(positions)
            start[at] = _unknown(probe, answer)[at]
    return [float(value) for value in start]
