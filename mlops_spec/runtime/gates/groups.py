"""The groups of held-out rows that rules judge: values of columns, crossed; ranges of numbers.

A group is named as people would write it: `carrier=UA × distance 5–20`. Rows without a value are a
group of their own. Codes are made by hashing whole columns, names only for the groups that are
shown, so that five million rows cost seconds and five million groups no memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Places = npt.NDArray[np.int64]
MISSING: Final = "(missing)"


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """`of_row` is the group of each row, from 0; `rows` how many rows each has."""

    of_row: Places
    rows: Places
    words: tuple[tuple[Any, ...], ...]  # of each column, by code
    codes: Places  # (groups, columns): which word of each column

    def name(self, group: int) -> str:
        return " × ".join(
            str(words[code]) for words, code in zip(self.words, self.codes[group], strict=True)
        )

    def places(self) -> list[Places]:
        """The rows of each group."""
        if not len(self.rows):
            return []
        order = np.argsort(self.of_row, kind="stable")
        return [one.astype(np.int64) for one in np.split(order, np.cumsum(self.rows)[:-1])]


def grouped(rows: pd.DataFrame, by: Sequence[str], cuts: Mapping[str, Sequence[float]]) -> Groups:
    """The group of every row. `KeyError` where a column is not among the rows: ask `lacking`."""
    columns = [
        _ranges(rows[name], cuts[name]) if name in cuts else _values(rows[name]) for name in by
    ]
    of_row = np.zeros(len(rows), dtype=np.int64)
    for codes, words in columns:
        # Numbered anew at each crossing, so that the product of many columns cannot overflow.
        of_row, _ = _numbered(of_row * len(words) + codes)
    of_row, first = _numbered(of_row)
    table = np.stack([codes[first] for codes, _ in columns], axis=1)
    return Groups(
        of_row, np.bincount(of_row, minlength=len(first)), tuple(w for _, w in columns), table
    )


def lacking(rows: pd.DataFrame, by: Sequence[str]) -> str:
    """Why rows cannot be grouped so; "" when they can."""
    gone = [name for name in by if name not in rows.columns]
    if not gone:
        return ""
    return (
        f"the held-out rows of this run have no column {gone[0]!r}; declare it in the Dataset and "
        "train again"
    )


def _numbered(values: Places) -> tuple[Places, Places]:
    """Values as numbers from 0 in order of appearance, and the first place of each."""
    codes, found = pd.factorize(values)
    first = np.full(len(found), len(values), dtype=np.int64)
    # Written backwards, the first row of a group is the one that stays.
    first[codes[::-1]] = np.arange(len(values) - 1, -1, -1)
    return codes.astype(np.int64), first


def _values(column: pd.Series) -> tuple[Places, tuple[str, ...]]:
    codes, found = pd.factorize(column)
    words = tuple(f"{column.name}={_word(value)}" for value in found)
    return _with_missing(codes.astype(np.int64), words, str(column.name))


def _ranges(column: pd.Series, cuts: Sequence[float]) -> tuple[Places, tuple[str, ...]]:
    """Half-open ranges: a value on a cut belongs to the range that begins there."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    codes = np.searchsorted(np.asarray(cuts, dtype=np.float64), numbers, side="right")
    codes = np.where(np.isnan(numbers), -1, codes).astype(np.int64)
    edges = [_word(float(cut)) for cut in cuts]
    between = [f"{low}–{high}" for low, high in pairwise(edges)]
    texts = [f"<{edges[0]}", *between, f"≥{edges[-1]}"]
    return _with_missing(codes, tuple(f"{column.name} {text}" for text in texts), str(column.name))


def _with_missing(
    codes: Places, words: tuple[str, ...], name: str
) -> tuple[Places, tuple[str, ...]]:
    if not (codes < 0).any():
        return codes, words
    return np.where(codes < 0, len(words), codes), (*words, f"{name}={MISSING}")


def _word(value: Any) -> str:
    """A value as a spec would write it: `true`, `5`, `0.25`, the text itself."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)
