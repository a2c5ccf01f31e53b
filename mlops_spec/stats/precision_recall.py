"""Average precision: the area under the precision-recall steps, with each row's influence."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mlops_spec.stats.estimate import Floats
from mlops_spec.stats.influence import Influenced


def average_precision_influence(positive: npt.NDArray[np.bool_], score: Floats) -> Influenced:
    """The mean, over positives, of the precision at their score; and each row's influence.

    With P(s) = hits / rows at or above s, a row has its own P - value if it is positive, and moves
    P of every positive at or below its score by (y - P) / rows above: linearised, so that rows
    are many against what one of them moves. O(n log n). NaN without a positive.
    """
    n, positives = len(score), int(positive.sum())
    if positives == 0:
        return Influenced(math.nan, np.zeros(n), 0)
    order = np.argsort(-score, kind="stable")
    hits = positive[order].astype(float)
    ends = np.append(np.flatnonzero(np.diff(score[order])), n - 1)
    tie = np.concatenate([[0], np.cumsum(np.diff(score[order]) != 0)]).astype(np.int64)
    rows = ends + 1.0
    precision = np.cumsum(hits)[ends] / rows
    of_tie = np.diff(np.cumsum(hits)[ends], prepend=0.0)
    value = float(of_tie @ precision) / positives
    # Sums over positives at or below a score: of 1 / rows, and of precision / rows.
    below = np.cumsum((of_tie / rows)[::-1])[::-1]
    below_precise = np.cumsum((of_tie * precision / rows)[::-1])[::-1]
    own = hits * (precision[tie] - value)
    moved = hits * below[tie] - below_precise[tie]
    influence = np.empty(n)
    influence[order] = (own + moved) * n / positives
    return Influenced(value, influence, n)
