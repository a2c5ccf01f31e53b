"""Whether a candidate treats groups more differently than production does, on the same rows.

The difference of two largest gaps is not smooth: each is biased up, the more the more alike the
groups are, and a bootstrap of it promises 5 % and misses in 17 to 33 %. But it is at most the
change of that pair of groups which is furthest apart for the candidate, and at least the change of
production's furthest pair. So the ends are bounds of changes of pairs, which are smooth, over all
pairs that may be the furthest. Errors come from a paired bootstrap of rows or of clusters, on
counts of cells (group, candidate's decision, production's): a million rows cost no more than many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtri

from mlops_spec.stats.estimate import Estimate, Floats, unknown
from mlops_spec.stats.fairness import (
    LEAST_DENOMINATOR,
    Decisions,
    RateName,
    compared,
    counted_rows,
    rates,
)
from mlops_spec.stats.influence import Bools
from mlops_spec.stats.multiplicity import Places
from mlops_spec.stats.resample import Units

_DRAWS: Final = 2000
LEAST_UNITS: Final = 10
ALIKE: Final = "both models decide alike on every row"


@dataclass(frozen=True, slots=True)
class _Cells:
    """Rows of each unit in each cell; cells go group by group: neither, second, first, both."""

    of_unit: Floats
    groups: int


def disparity_change(
    name: RateName, candidate: Decisions, said_before: Bools, units: Units, level: float, seed: int
) -> Estimate:
    """Gap of the candidate less gap of production (`said_before`), as a difference of shares.

    Each end is a one-sided bound of confidence (1 + level) / 2; half of its error goes to choosing
    the pairs. Wide where many groups are alike.
    Groups with a denominator below 30 are left out. Unknown, with the reason: fewer than two groups
    left, fewer than 10 units, or models that decide alike on every row.
    """
    found = rates(name, candidate)
    kept, _ = compared(found, LEAST_DENOMINATOR)
    _, number = np.unique(candidate.group, return_inverse=True)
    enough = np.array([one in kept for one in found], dtype=bool)
    counted = counted_rows(name, candidate.positive) & enough[number]
    n = min((one.n for one in kept), default=0)
    if len(kept) < 2:
        return unknown(n, f"{len(kept)} group with enough rows to compare; 2 are the least")
    if units.count < LEAST_UNITS:
        return unknown(n, f"{units.count} units; {LEAST_UNITS} are the least")
    if not (candidate.said_positive != said_before)[counted].any():
        return unknown(n, ALIKE, 0.0)
    cells = _cells(candidate, said_before, counted, units)
    first, second = _rates(cells.of_unit.sum(axis=0, keepdims=True), cells.groups)
    drawn = _rates(_drawn(cells, units, np.random.default_rng(seed)), cells.groups)
    tail = (1 - level) / 2
    high = _most(first[0], second[0], drawn, tail)
    low = -_most(second[0], first[0], (drawn[1], drawn[0]), tail, either_way=True)
    value = float(np.ptp(first[0]) - np.ptp(second[0]))
    return Estimate(value, min(low, value), max(high, value), n)


def unseen_change(rows: int, level: float) -> Estimate:
    """The change that models which decided alike on every row may still have on other rows.

    A group of n rows without one on which they differ has a rate of such rows of at most
    1 - e^(1/n) at error e (Clopper and Pearson 1934); a gap is between two groups, each with half
    of the error. `rows` is the smallest denominator.
    """
    if rows < 1:
        return unknown(0, "no rows")
    most = min(1.0, 2 * (1 - ((1 - level) / 4) ** (1 / rows)))
    return Estimate(0.0, -most, most, rows, ALIKE)


def _most(
    first: Floats,
    second: Floats,
    drawn: tuple[Floats, Floats],
    tail: float,
    *,
    either_way: bool = False,
) -> float:
    """Upper bound of gap of the first less gap of the second.

    The second's gap is at least that of the same pair, in either order: with `either_way` both are
    tried at half of the error, which tells a gap that grew from one that changed its direction.
    """
    one, other = np.nonzero(~np.eye(len(first), dtype=bool))
    apart, errors = first[one] - first[other], _errors(drawn[0], one, other)
    surely = (apart + ndtri(tail / 4 / len(one)) * errors).max()
    furthest = apart - ndtri(tail / 4) * errors >= surely
    change = apart - (second[one] - second[other])
    z = -ndtri(tail / 4 if either_way else tail / 2)
    upper = change + z * _errors(drawn[0] - drawn[1], one, other)
    if either_way:
        turned = apart + (second[one] - second[other])
        upper = np.minimum(upper, turned + z * _errors(drawn[0] + drawn[1], one, other))
    return float(upper[furthest].max())


def _errors(drawn: Floats, one: Places, other: Places) -> Floats:
    covariance = np.cov(drawn, rowvar=False)
    own = np.diag(covariance)
    squared = own[one] + own[other] - 2 * covariance[one, other]
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


def _cells(candidate: Decisions, before: Bools, counted: Bools, units: Units) -> _Cells:
    groups, number = np.unique(candidate.group[counted], return_inverse=True)
    decided = 2 * candidate.said_positive[counted] + before[counted]
    cell, count = 4 * number + decided, 4 * len(groups)
    if units.of_row is None:
        return _Cells(np.bincount(cell, minlength=count)[np.newaxis].astype(float), len(groups))
    place = units.of_row[counted] * count + cell
    table = np.bincount(place, minlength=units.count * count).reshape(units.count, count)
    return _Cells(table.astype(float), len(groups))


def _drawn(cells: _Cells, units: Units, random: np.random.Generator) -> Floats:
    """Rows in each cell for every draw."""
    if units.of_row is None:
        totals = cells.of_unit[0]
        rows = int(totals.sum())
        return random.multinomial(rows, totals / rows, _DRAWS).astype(float)
    tables = [
        np.bincount(random.integers(0, units.count, units.count), minlength=units.count)
        @ cells.of_unit
        for _ in range(_DRAWS)
    ]
    return np.stack(tables)


def _rates(tables: Floats, groups: int) -> tuple[Floats, Floats]:
    """Rates of the first and of the second model by group, for each table of cells."""
    split = tables.reshape(len(tables), groups, 4)
    rows = np.maximum(split.sum(axis=2), 1)
    return (split[:, :, 2] + split[:, :, 3]) / rows, (split[:, :, 1] + split[:, :, 3]) / rows
