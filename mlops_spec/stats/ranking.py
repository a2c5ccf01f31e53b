"""Metrics of ranked lists: a value a list, the mean over lists, with lists as what is independent.

Järvelin and Kekäläinen, ACM TOIS 20 (2002) 422-446, for the discounted gain. Rows of one list have
the same `group`. Relevance is a number, at least 0, and relevant is what is above 0. A list without
anything relevant has no value: it is left out, as it would be for every model. Equal scores are not
broken in favour of the model: the gain of a tie is averaged, and a rank is the last of its tie.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from mlops_spec.stats.estimate import Estimate, Floats, flat, unknown
from mlops_spec.stats.influence import Influenced
from mlops_spec.stats.judged import Judged
from mlops_spec.stats.proportions import wilson

LEAST_LISTS: Final = 10
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Lists:
    """The value of each list that has one, the first row of each, and how many have none."""

    values: Floats
    first_rows: Places
    left_out: int
    reason: str = ""


def lists(metric: str, rows: Judged) -> Lists:
    """A metric list by list. No list, with the reason, where the rows do not define one."""
    obstacle = _obstacle(rows)
    if obstacle:
        return Lists(np.zeros(0), np.zeros(0, dtype=np.int64), 0, obstacle)
    assert rows.group is not None
    _, first, of_row = np.unique(rows.group, return_index=True, return_inverse=True)
    relevance = rows.truth.astype(float)
    defined = np.bincount(of_row, weights=relevance) > 0
    values = _OF_LISTS[metric](of_row, relevance, rows.scores)
    reason = "" if defined.any() else "no list has anything relevant"
    return Lists(values[defined], first[defined], int((~defined).sum()), reason)


def _obstacle(rows: Judged) -> str:
    if rows.group is None:
        return "the rows do not say to which list they belong"
    if not rows.usable:
        return "a score is not a number" if len(rows.truth) else "no rows"
    relevance = rows.truth.astype(float)
    known = bool(np.isfinite(relevance).all() and (relevance >= 0).all())
    return "" if known else "a relevance is negative or not a number"


def ranked(metric: str, rows: Judged, level: float) -> Estimate:
    """Mean over lists ± t; `n` is the lists. Perfect lists get Wilson's interval instead."""
    found = lists(metric, rows)
    if len(found.values) and np.ptp(found.values) == 0 and found.values[0] in {0.0, 1.0}:
        n = len(found.values)
        return wilson(round(float(found.values.sum())), n, level)
    return _student(found.values, found.reason, level)


def ranked_difference(metric: str, first: Judged, second: Judged, level: float) -> Estimate:
    """First minus second list by list. Identical rankings are `flat`, and `reason` says so."""
    one, other = lists(metric, first), lists(metric, second)
    gaps = one.values - other.values if not (one.reason or other.reason) else np.zeros(0)
    if len(gaps) >= LEAST_LISTS and not gaps.any():
        return flat(len(gaps), "both rank these lists alike")
    return _student(gaps, one.reason or other.reason, level)


def _student(values: Floats, reason: str, level: float) -> Estimate:
    n = len(values)
    value = float(values.mean()) if n else math.nan
    if n < LEAST_LISTS:
        return unknown(n, reason or f"{n} lists; {LEAST_LISTS} are the least", value)
    if np.ptp(values) == 0:
        return unknown(n, "every list gives the same value", value)
    half = float(stdtrit(n - 1, (1 + level) / 2)) * float(values.std(ddof=1)) / math.sqrt(n)
    return Estimate(value, value - half, value + half, n)


def ranked_influence(metric: str, rows: Judged) -> Influenced:
    """A list's influence stands on its first row, so that rows may be put into larger units.

    Scaled so that the variance of all rows' influences over the rows is that of the mean of lists.
    """
    found, total = lists(metric, rows), len(rows.truth)
    influence, n = np.zeros(total), len(found.values)
    if n < 2:
        return Influenced(float(found.values[0]) if n else math.nan, influence, n)
    value = float(found.values.mean())
    scale = math.sqrt(total * (total - 1) / (n * (n - 1)))
    influence[found.first_rows] = (found.values - value) * scale
    return Influenced(value, influence, n)


def _ndcg(of_row: Places, relevance: Floats, scores: Floats, at: float = math.inf) -> Floats:
    """Gain of the ranking over the gain of the best one; relevance is the gain, as scikit-learn's.

    NaN for a list without gain.
    """
    got = _gain(of_row, relevance, scores, at)
    best = _gain(of_row, relevance, relevance, at)
    return np.divide(got, best, out=np.full_like(got, np.nan), where=best > 0)


def _gain(of_row: Places, relevance: Floats, scores: Floats, at: float) -> Floats:
    order = np.lexsort((-scores, of_row))
    ordered, ranks = of_row[order], _ranks(of_row[order])
    discount = np.where(ranks <= at, 1 / np.log2(ranks + 1), 0.0)
    tie = _ties(ordered, scores[order])
    shared = (np.bincount(tie, weights=discount) / np.bincount(tie))[tie]
    return np.asarray(np.bincount(ordered, weights=relevance[order] * shared), dtype=np.float64)


def _reciprocal_rank(of_row: Places, relevance: Floats, scores: Floats) -> Floats:
    """One over the rank of the first relevant row; 0 without one."""
    ranks, _ = _last_ranks(of_row, relevance > 0, scores)
    found: Floats = np.zeros(int(of_row.max()) + 1)
    np.maximum.at(found, of_row, np.where(relevance > 0, 1 / ranks, 0.0))
    return found


def _average_precision(of_row: Places, relevance: Floats, scores: Floats) -> Floats:
    """Mean over relevant rows of the share of relevant ones down to their rank."""
    relevant = relevance > 0
    ranks, hits = _last_ranks(of_row, relevant, scores)
    sums = np.bincount(of_row, weights=np.where(relevant, hits / ranks, 0.0))
    return np.asarray(sums / np.maximum(np.bincount(of_row, weights=relevant), 1))


def _last_ranks(
    of_row: Places, relevant: npt.NDArray[np.bool_], scores: Floats
) -> tuple[Floats, Floats]:
    """For each row: the rows of its list, and the relevant ones, that score at least as high."""
    order = np.lexsort((-scores, of_row))
    ordered = of_row[order]
    tie = _ties(ordered, scores[order])
    last = np.append(np.flatnonzero(np.diff(tie)), len(tie) - 1)[tie]
    before = np.searchsorted(ordered, ordered, side="left")
    hits = np.concatenate([[0.0], np.cumsum(relevant[order])])
    ranks, found = np.empty(len(order)), np.empty(len(order))
    ranks[order] = last - before + 1
    found[order] = hits[last + 1] - hits[before]
    return ranks, found


def _ranks(ordered: Places) -> Floats:
    """1, 2, 3 … within each list, of rows in order of their list."""
    before = np.searchsorted(ordered, ordered, side="left")
    return np.arange(1.0, len(ordered) + 1) - before


def _ties(ordered: Places, scores: Floats) -> Places:
    """A number for each run of rows with the same list and score."""
    changed = (np.diff(ordered) != 0) | (np.diff(scores) != 0)
    return np.concatenate([[0], np.cumsum(changed)]).astype(np.int64)


_OF_LISTS: Final[dict[str, Callable[[Places, Floats, Floats], Floats]]] = {
    "ndcg": _ndcg,
    "ndcg_at_10": lambda of_row, relevance, scores: _ndcg(of_row, relevance, scores, 10),
    "mean_reciprocal_rank": _reciprocal_rank,
    "mean_average_precision": _average_precision,
}
NAMES: Final = frozenset(_OF_LISTS)
