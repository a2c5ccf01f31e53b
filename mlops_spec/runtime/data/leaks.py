"""Features that give the label away: each of their values has one label, or they order as it does.

Of many rows a sample is looked at first: what holds of all rows holds of a sample of them, so that
an honest feature, which nearly every one is, costs little.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_spec.runtime.declare import Recipe, Task
from mlops_spec.stats.auc import midranks

# Below this many rows an honest feature may rank two classes perfectly by luck or by nature (iris).
_MIN_ROWS_FOR_RANKING: Final = 200
_MIN_ROWS_OF_CLASS: Final = 10
_MIN_VALUES_FOR_RANKING: Final = 10
_PERFECT: Final = 0.9999
# A sample of a perfect order is above this but for luck: one case in 10,000 may be out of order,
# and with 50 of a class in the sample it takes five of them.
_SUSPECT: Final = 0.9
_MIN_SAMPLED_OF_CLASS: Final = 50
# Among n rows with n/2 values or fewer are n/2 pairs of equal rows or more. This many roots of n
# drawn of them hold 25 such pairs on average, though half of the rows lack a value; none once in
# exp(25) times.
_ROOTS: Final = 10
_MIN_ROWS_TO_SAMPLE: Final = 50_000


@dataclass(frozen=True, slots=True)
class _Rows:
    """Values of one feature and the labels of the same rows."""

    feature: pd.Series
    label: pd.Series
    codes: npt.NDArray[np.intp]  # of the labels, the same in a sample as in all rows

    def __len__(self) -> int:
        return len(self.codes)

    def of_labels(self) -> npt.NDArray[np.intp]:
        """How many rows each label has, of those that occur."""
        counts = np.bincount(self.codes)
        return counts[counts > 0]

    def sampled(self, places: npt.NDArray[np.int64]) -> _Rows:
        return _Rows(self.feature.iloc[places], self.label.iloc[places], self.codes[places])

    def known(self) -> _Rows:
        """Those with a value."""
        known = self.feature.notna().to_numpy()
        if known.all():
            return self
        return _Rows(self.feature[known], self.label[known], self.codes[known])


def leaks(rows: pd.DataFrame, label: str, recipe: Recipe) -> Mapping[str, str]:
    """How each feature that tells the label does it; every row has a label."""
    codes, _ = pd.factorize(rows[label])
    sample = _sample(len(rows))
    found = {}
    for name in recipe.features:
        every = _Rows(rows[name], rows[label], codes)
        if sample is not None and not _suspicious(every.sampled(sample).known(), recipe.task):
            continue
        if how := _leak(every.known(), len(rows), recipe.task):
            found[name] = how
    return found


def _sample(rows: int) -> npt.NDArray[np.int64] | None:
    """Places in ascending order, the same each time. None: all rows are few enough."""
    if rows < _MIN_ROWS_TO_SAMPLE:
        return None
    drawn = np.random.default_rng(0).choice(rows, _ROOTS * math.isqrt(rows), replace=False)
    return np.sort(drawn)


def _suspicious(sample: _Rows, task: Task) -> bool:
    """Whether the feature may give the label away in all rows, of which these are a sample."""
    values, each = pd.factorize(sample.feature)
    # All different in a sample means too many values in all rows to say anything by them.
    if len(each) < len(sample) and _is_function(values, len(each), sample.codes):
        return True
    if not _is_number(sample.feature):
        return False
    match task:
        case "regression" | "ranking":
            # Not a number where one of them is constant in the sample.
            return not _agreement(sample) < _SUSPECT
        case "binary":
            few = min(sample.of_labels(), default=0) < _MIN_SAMPLED_OF_CLASS
            return few or len(sample.of_labels()) < 2 or _area(sample) >= _SUSPECT
        case "multiclass":
            return _parts_all(sample)


def _leak(known: _Rows, rows: int, task: Task) -> str | None:
    """How a feature tells the label, or None. `rows`: those without a value too."""
    if len(known) < rows / 2 or len(known.of_labels()) < 2:
        return None
    if _decides(known):
        return "each of its values has one label"
    if not _is_number(known.feature) or len(known) < _MIN_ROWS_FOR_RANKING:
        return None
    match task:
        case "regression" | "ranking":
            return "it orders the rows as the label does" if _same_order(known) else None
        case "binary":
            return _ranks_perfectly(known)
        case "multiclass":
            return _sorts(known)


def _is_number(feature: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(feature)


def _decides(known: _Rows) -> bool:
    """Whether a few values of the feature map to the label; many values would do so by chance."""
    values, each = pd.factorize(known.feature)
    one_to_one = len(each) == len(known.of_labels())
    if len(each) * (2 if one_to_one else 10) > len(known):
        return False
    return _is_function(values, len(each), known.codes)


def _is_function(values: npt.NDArray[np.intp], number: int, codes: npt.NDArray[np.intp]) -> bool:
    """Whether all rows of a value, of so many, have the label of its first row."""
    label = np.empty(number, dtype=codes.dtype)
    label[values[::-1]] = codes[::-1]
    return bool((label[values] == codes).all())


def _same_order(known: _Rows) -> bool:
    each = known.of_labels()
    by_luck = len(each) < _MIN_VALUES_FOR_RANKING and min(each) < _MIN_ROWS_OF_CLASS
    return not by_luck and _agreement(known) >= _PERFECT


def _agreement(known: _Rows) -> float:
    """How far the feature orders the rows as the label does, or the other way: 0 to 1.

    Spearman's correlation; rows of one label may have any order.
    """
    columns = (known.feature, known.label)
    ranks = np.stack([midranks(column.to_numpy(dtype=float)) for column in columns])
    (of_feature, both), (_, of_label) = np.cov(ranks, ddof=0)
    most = np.sqrt(of_label * min(of_feature, of_label))
    return abs(float(both)) / float(most) if most > 0 else math.nan


def _ranks_perfectly(known: _Rows) -> str | None:
    """Whether the feature alone tells two classes, each of a number that luck does not part."""
    if min(known.of_labels()) < _MIN_ROWS_OF_CLASS:
        return None
    area = _area(known)
    return f"alone it has an AUC of {area:.6f}" if area >= _PERFECT else None


def _area(known: _Rows) -> float:
    """The AUC of the feature for one of two classes, or that of the other where it is larger."""
    ranks = midranks(known.feature.to_numpy(dtype=float))
    first = known.codes == known.codes[0]
    cases, controls = int(first.sum()), int((~first).sum())
    area = (ranks[first].sum() - cases * (cases + 1) / 2) / (cases * controls)
    return float(max(area, 1 - area))


def _sorts(known: _Rows) -> str | None:
    """Whether rows in the feature's order have each class in one piece.

    One class apart from all others is common in honest data (iris); all of them apart are not.
    """
    classes = len(known.of_labels())
    if classes * _MIN_ROWS_OF_CLASS > len(known) or not _parts_all(known):
        return None
    return f"its order alone parts all {classes} labels"


def _parts_all(known: _Rows) -> bool:
    """Whether each label is one piece of the rows in the order of the feature."""
    values = known.feature.to_numpy(dtype=float)
    order = np.lexsort((known.codes, values))
    values, codes = values[order], known.codes[order]
    ends = codes[1:] != codes[:-1]
    # Rows of one value have no order.
    parted = not (ends & (values[1:] == values[:-1])).any()
    return parted and 1 + int(ends.sum()) == len(known.of_labels())
