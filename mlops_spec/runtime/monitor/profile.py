"""Profiles: counts per column on bins that are frozen with the baseline, so that they add up.

One profile a chunk, and addition merges them: the same counts come out of one machine, of many,
and of a stream (docs/adr/0040).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_spec.runtime.declare import Dataset, Recipe

if TYPE_CHECKING:
    import pandas as pd

# A KS distance found on 256 bins of equal mass is too small by at most 1/256; a column with no
# more distinct values than this is counted value by value, and the distance is exact.
BINS: Final = 256
# A category column keeps its most frequent values; what comes after them is OTHER.
CATEGORIES: Final = 1000
OTHER: Final = "__other__"
NEW: Final = "__new__"
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Numbers:
    """Counts of a numeric column: bin i is (edges[i-1], edges[i]], the last one what is above."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int = 0

    @property
    def rows(self) -> int:
        return sum(self.counts)

    def __add__(self, other: Numbers) -> Numbers:
        if self.edges != other.edges:
            raise ValueError("profiles add up only on the same frozen edges")
        counts = tuple(a + b for a, b in zip(self.counts, other.counts, strict=True))
        return Numbers(self.edges, counts, self.missing + other.missing)


@dataclass(frozen=True, slots=True)
class Categories:
    """Counts of a category column by value, in the baseline's order; OTHER and NEW are last."""

    values: tuple[str, ...]
    counts: tuple[int, ...]
    missing: int = 0
    rare: tuple[str, ...] = ()  # known values that are counted as OTHER

    @property
    def rows(self) -> int:
        return sum(self.counts)

    def __add__(self, other: Categories) -> Categories:
        if self.values != other.values:
            raise ValueError("profiles add up only on the same frozen values")
        counts = tuple(a + b for a, b in zip(self.counts, other.counts, strict=True))
        return replace(self, counts=counts, missing=self.missing + other.missing)


Column = Numbers | Categories


@dataclass(frozen=True, slots=True)
class Profile:
    """The counts of many rows: one entry a watched feature, and those of the model's answers."""

    columns: Mapping[str, Column]
    answers: Mapping[str, Column]

    def __add__(self, other: Profile) -> Profile:
        return Profile(_added(self.columns, other.columns), _added(self.answers, other.answers))

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "columns": {name: asdict(column) for name, column in self.columns.items()},
            "answers": {name: asdict(column) for name, column in self.answers.items()},
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Profile:
        return cls(
            {name: _column(column) for name, column in found["columns"].items()},
            {name: _column(column) for name, column in found["answers"].items()},
        )


def baseline(
    frame: pd.DataFrame, dataset: Dataset, recipe: Recipe, scores: ArrayLike
) -> dict[str, Any]:
    """The profile that later rows are compared with, as JSON.

    `frame`: the rows that the model was fitted on, since there its errors are known. `scores`: the
    model's answers on held-out rows, since those on its own rows are too sure of themselves;
    numbers (probability, prediction), or labels for a multiclass model.
    """
    columns = {name: measure(frame[name], kind) for name, kind in watched(dataset, recipe).items()}
    kind = "category" if recipe.task == "multiclass" else "float"
    return Profile(columns, {"score": measure(scores, kind)}).to_json()


def watched(dataset: Dataset, recipe: Recipe) -> dict[str, str]:
    """The features whose distribution is compared. A timestamp always moves on, so it is not."""
    kinds = {name: dataset.column(name).type for name in recipe.features}
    return {name: kind for name, kind in kinds.items() if kind != "timestamp"}


def measure(values: ArrayLike | pd.Series[Any], kind: str) -> Column:
    """Count a column of the baseline, choosing its bins."""
    if kind in ("float", "integer"):
        return _measure_numbers(_numbers(values))
    return _measure_categories(values)


def counted(values: ArrayLike | pd.Series[Any], frozen: Column) -> Column:
    """Count a later column on the bins of the baseline."""
    match frozen:
        case Numbers(edges=edges):
            found = _numbers(values)
            present = np.sort(found[~np.isnan(found)])
            return Numbers(edges, _on_edges(present, edges), int(np.isnan(found).sum()))
        case Categories():
            return _counted_categories(values, frozen)


def counted_rows(frame: pd.DataFrame, frozen: Profile) -> Profile:
    """Count later rows on the bins of the baseline; a column that is not there is all missing."""
    import pandas as pd

    absent = pd.Series([None] * len(frame), dtype=object)

    def found(name: str) -> pd.Series[Any]:
        # The prediction log keeps its prefix for a feature that is named like one of its columns.
        prefixed = f"feature.{name}"
        return frame[prefixed] if prefixed in frame else frame.get(name, absent)

    return Profile(
        {name: counted(found(name), column) for name, column in frozen.columns.items()},
        {name: counted(frame.get(name, absent), column) for name, column in frozen.answers.items()},
    )


def _measure_numbers(found: NDArray[np.float64]) -> Numbers:
    present = np.sort(found[~np.isnan(found)])
    finite = present[np.isfinite(present)]
    edges = _edges(finite)
    return Numbers(edges, _on_edges(present, edges), len(found) - len(present))


def _edges(ordered: NDArray[np.float64]) -> tuple[float, ...]:
    """Every distinct value when there are few, otherwise quantiles of equal mass."""
    if not len(ordered):
        return ()
    first_of_its_value = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    distinct = ordered[first_of_its_value]
    if len(distinct) > BINS:
        ranks = np.arange(1, BINS + 1) * len(ordered) // BINS - 1
        distinct = np.unique(ordered[ranks])
    return tuple(float(edge) for edge in distinct)


def _on_edges(ordered: NDArray[np.float64], edges: Sequence[float]) -> tuple[int, ...]:
    up_to = np.searchsorted(ordered, np.asarray(edges, dtype=np.float64), side="right")
    bounds = [0, *(int(rank) for rank in up_to), len(ordered)]
    return tuple(after - before for before, after in pairwise(bounds))


def _measure_categories(values: ArrayLike | pd.Series[Any]) -> Categories:
    by_value, missing = _tally(values)
    ordered = sorted(by_value, key=lambda value: (-by_value[value], value))
    kept, rare = ordered[:CATEGORIES], ordered[CATEGORIES:]
    counts = [by_value[value] for value in kept]
    other = sum(by_value[value] for value in rare)
    return Categories((*kept, OTHER, NEW), (*counts, other, 0), missing, tuple(rare))


def _counted_categories(values: ArrayLike | pd.Series[Any], frozen: Categories) -> Categories:
    by_value, missing = _tally(values)
    kept = frozen.values[:-2]
    other = sum(by_value.get(value, 0) for value in frozen.rare)
    counts = [by_value.get(value, 0) for value in kept]
    new = sum(by_value.values()) - sum(counts) - other
    return replace(frozen, counts=(*counts, other, new), missing=missing)


def _tally(values: ArrayLike | pd.Series[Any]) -> tuple[dict[str, int], int]:
    import pandas as pd

    series = values if isinstance(values, pd.Series) else pd.Series(np.asarray(values))
    tally: dict[str, int] = {}
    for value, count in series.value_counts(dropna=True).items():
        text = canonical(value)
        tally[text] = tally.get(text, 0) + int(count)
    return {text: count for text, count in tally.items() if count}, int(series.isna().sum())


def canonical(value: Any) -> str:
    """A category as text, the same whether it was read from CSV, Parquet, SQL or a request.

    True and "True" are `true`; 1, 1.0 and "1" are `1`, since pandas reads integers with gaps as
    floats.
    """
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    text = str(value)
    return text.lower() if text in ("True", "False") else text


def _numbers(values: ArrayLike | pd.Series[Any]) -> NDArray[np.float64]:
    import pandas as pd

    series = values if isinstance(values, pd.Series) else pd.Series(np.asarray(values))
    return pd.to_numeric(series, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def _column(found: Mapping[str, Any]) -> Column:
    if "edges" in found:
        return Numbers(tuple(found["edges"]), tuple(found["counts"]), found["missing"])
    return Categories(
        tuple(found["values"]), tuple(found["counts"]), found["missing"], tuple(found["rare"])
    )


def _added(first: Mapping[str, Column], second: Mapping[str, Column]) -> dict[str, Column]:
    return {name: _sum(column, second[name]) for name, column in first.items()}


def _sum(first: Column, second: Column) -> Column:
    match first, second:
        case Numbers(), Numbers():
            return first + second
        case Categories(), Categories():
            return first + second
        case _:
            raise ValueError("profiles add up only on columns of the same type")
