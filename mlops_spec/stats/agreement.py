"""How far decisions agree with the truth beyond chance, over any number of classes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mlops_spec.stats.estimate import Floats
from mlops_spec.stats.influence import Classes, Influenced


@dataclass(frozen=True, slots=True)
class _Table:
    """Shares of the table truth × decision, and what each row adds to them.

    `right`: share on the diagonal; `chance`: what it would be of independent margins.
    """

    right: float
    chance: float
    of_right: Floats
    of_chance: Floats
    truth: Floats  # of each row: the share of rows with the same truth
    decided: Floats  # of each row: the share of rows with the same decision


def matthews(truth: Classes, decided: Classes) -> Influenced:
    """(right - chance) / √((1 - Σ p²)(1 - Σ q²)), p and q the margins; -1 to 1.

    Gorodkin, Computational Biology and Chemistry 28 (2004) 367-374; with two classes it is phi. NaN
    where all rows have one truth, or one decision.
    """
    table = _table(truth, decided)
    spread = [1 - float(share.mean()) for share in (table.truth, table.decided)]
    if min(spread) <= 1e-12:
        return Influenced(math.nan, np.zeros(len(truth)), 0)
    scale = math.sqrt(spread[0] * spread[1])
    value = (table.right - table.chance) / scale
    of_spread = [-2 * (share - share.mean()) for share in (table.truth, table.decided)]
    relative = of_spread[0] / spread[0] + of_spread[1] / spread[1]
    influence = (table.of_right - table.of_chance) / scale - value / 2 * relative
    return Influenced(value, influence, len(truth))


def kappa(truth: Classes, decided: Classes) -> Influenced:
    """(right - chance) / (1 - chance): Cohen (1960). NaN where chance alone is always right."""
    table = _table(truth, decided)
    if 1 - table.chance <= 1e-12:
        return Influenced(math.nan, np.zeros(len(truth)), 0)
    wrong = (1 - table.right) / (1 - table.chance)
    influence = (table.of_right - wrong * table.of_chance) / (1 - table.chance)
    return Influenced(1 - wrong, influence, len(truth))


def _table(truth: Classes, decided: Classes) -> _Table:
    present, codes = np.unique(np.concatenate([truth, decided]), return_inverse=True)
    n, classes = len(truth), len(present)
    rows, columns = codes[:n], codes[n:]
    p = np.bincount(rows, minlength=classes) / n
    q = np.bincount(columns, minlength=classes) / n
    right = (rows == columns).astype(float)
    chance = float(p @ q)
    return _Table(
        float(right.mean()),
        chance,
        right - right.mean(),
        q[rows] + p[columns] - 2 * chance,
        p[rows],
        q[columns],
    )
