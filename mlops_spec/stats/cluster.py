"""Standard errors when rows come in clusters: users, sessions, days.

Liang and Zeger, Biometrika 73 (1986) 13-22: sum influences within a cluster, square the sums.
With the factor G / (G - 1) and Student's t with G - 1 degrees of freedom (Cameron and Miller,
Journal of Human Resources 50 (2015) 317-372).
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from mlops_spec.stats.estimate import Estimate, Floats, unknown
from mlops_spec.stats.influence import Influenced
from mlops_spec.stats.resample import of_clusters

# Below this many clusters a t interval misses too often.
LEAST_CLUSTERS: Final = 10


def clustered(found: Influenced, clusters: npt.NDArray[Any], level: float) -> Estimate:
    """A metric with an interval that allows rows of one cluster to go together.

    Unknown, with the reason: fewer than 10 clusters, a value that is not finite, no variance.
    """
    variance, count = cluster_variance(found.influence, clusters)
    if count < LEAST_CLUSTERS:
        reason = f"{count} clusters; {LEAST_CLUSTERS} are the least"
        return unknown(found.n, reason, found.value)
    if not (math.isfinite(found.value) and math.isfinite(variance)):
        return unknown(found.n, "these rows do not define it")
    if variance == 0:
        return unknown(found.n, "no variance between clusters", found.value)
    half = float(stdtrit(count - 1, (1 + level) / 2)) * math.sqrt(variance)
    return Estimate(found.value, found.value - half, found.value + half, found.n)


def cluster_variance(influence: Floats, clusters: npt.NDArray[Any]) -> tuple[float, int]:
    """Variance of the mean of row influences, and the number of clusters G.

    G / (G - 1) * sum over clusters of (sum of influences)² / n². Infinite for one cluster.
    """
    units = of_clusters(clusters)
    if units.count < 2 or units.of_row is None:
        return math.inf, units.count
    sums = np.bincount(units.of_row, weights=influence, minlength=units.count)
    sums -= sums.mean()
    scale = units.count / (units.count - 1)
    return float(scale * (sums**2).sum()) / units.rows**2, units.count


def design_effect(influence: Floats, clusters: npt.NDArray[Any]) -> float:
    """How many times the variance of independent rows; 1 + (m - 1) rho for clusters of m rows.

    Rows divided by it is the effective number of rows. 1 where nothing varies.
    """
    variance, _ = cluster_variance(influence, clusters)
    alone = float(influence.var(ddof=1)) / len(influence) if len(influence) > 1 else 0.0
    return variance / alone if alone > 0 else 1.0
