"""Adjusted p-values: comparing one with alpha keeps the error rate over the whole family.

A p-value that is NaN was not obtained: it counts in the family and is adjusted as 1, so it is never
a rejection. "All gates must pass" is an intersection and needs none of these; "any metric may stop"
is a union and does (STATISTICS.md, rule 2).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_spec.stats.estimate import Floats

Places = NDArray[np.intp]


def holm(p_values: ArrayLike) -> list[float]:
    """Family-wise error, any dependence: adj_i = max over j <= i of (m - j + 1) p_j (Holm 1979)."""
    ordered, order = _sorted(p_values)
    left = np.arange(len(ordered), 0, -1)
    return _unsorted(np.maximum.accumulate(ordered * left), order)


def hochberg(p_values: ArrayLike) -> list[float]:
    """Family-wise error under independence or positive dependence: adj_i = min over j >= i.

    Hochberg, Biometrika 75 (1988) 800-802: Holm's steps from the largest p-value down.
    """
    ordered, order = _sorted(p_values)
    left = np.arange(len(ordered), 0, -1)
    return _unsorted(_least_from(ordered * left), order)


def benjamini_hochberg(p_values: ArrayLike) -> list[float]:
    """The p-values adjusted so that calling all below alpha wrong has a rate of at most alpha.

    adj_i = min over j >= i of m p_j / j, in order of the p-values (Benjamini and Hochberg 1995);
    independence or positive dependence.
    """
    ordered, order = _sorted(p_values)
    ranks = np.arange(1, len(ordered) + 1)
    return _unsorted(_least_from(ordered * len(ordered) / ranks), order)


def benjamini_yekutieli(p_values: ArrayLike) -> list[float]:
    """The false discovery rate under any dependence: Benjamini-Hochberg times 1 + 1/2 + … + 1/m.

    Benjamini and Yekutieli, Annals of Statistics 29 (2001) 1165-1188.
    """
    ordered, order = _sorted(p_values)
    ranks = np.arange(1, len(ordered) + 1)
    scale = len(ordered) * float((1 / ranks).sum())
    return _unsorted(_least_from(ordered * scale / ranks), order)


def bonferroni_level(level: float, family: int) -> float:
    """The level of each of `family` intervals that hold together with probability `level`.

    1 - (1 - level) / m. Holm's p-values have no simple intervals; these go with Bonferroni's.
    """
    return 1 - (1 - level) / max(family, 1)


def selected_level(level: float, selected: int, family: int) -> float:
    """The level of each interval reported because it was one of `selected` discoveries.

    1 - R q / m keeps the false coverage rate at q (Benjamini and Yekutieli, JASA 100 (2005) 71-81).
    """
    return 1 - (1 - level) * max(selected, 1) / max(family, selected, 1)


def _sorted(p_values: ArrayLike) -> tuple[Floats, Places]:
    found = np.nan_to_num(np.asarray(p_values, dtype=float), nan=1.0)
    order = np.argsort(found, kind="stable")
    return found[order], order


def _least_from(steps: Floats) -> Floats:
    least: Floats = np.minimum.accumulate(steps[::-1])[::-1]
    return least


def _unsorted(steps: Floats, order: Places) -> list[float]:
    adjusted = np.empty_like(steps)
    adjusted[order] = np.minimum(1.0, steps)
    return [float(value) for value in adjusted]
