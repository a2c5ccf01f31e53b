"""Metrics on rows that come in clusters: cluster-robust intervals from influences (docs/adr/0058).

A cluster counts where some row of it has influence: recall has as many clusters as hold positives.
For the AUC it is the clusters of the rarer class. Metrics between 0 and 1 get their interval on the
logit scale, for a symmetric one reaches beyond 1 and is too short on the other side.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy.special import expit, logit, stdtrit

from mlops_spec.stats.cluster import LEAST_CLUSTERS, cluster_variance
from mlops_spec.stats.estimate import Estimate, unknown
from mlops_spec.stats.influence import Influenced
from mlops_spec.stats.judged import Bools, Judged
from mlops_spec.stats.proportions import wilson
from mlops_spec.stats.resample import Units


def clusters_that_count(found: Influenced, units: Units, rows: Judged | None = None) -> int:
    """The clusters with a row of influence; with `rows`, of the class that has fewer of them."""
    if rows is None:
        return clusters_of(found.influence != 0, units)
    return min(clusters_of(rows.is_positive, units), clusters_of(~rows.is_positive, units))


def clusters_of(inside: Bools | None, units: Units) -> int:
    """The clusters with a row of these; None: of any."""
    if inside is None:
        return units.count
    if units.of_row is None:
        return int(inside.sum())
    return int((np.bincount(units.of_row[inside], minlength=units.count) > 0).sum())


def all_or_none(found: Influenced, clusters: int, level: float) -> Estimate:
    """Perfect answers, or none right: Wilson's interval, of as many clusters as there are."""
    if clusters < LEAST_CLUSTERS:
        return _too_few(found, clusters)
    return replace(wilson(round(found.value * clusters), clusters, level), n=found.n)


def _too_few(found: Influenced, clusters: int) -> Estimate:
    reason = f"{clusters} clusters count; {LEAST_CLUSTERS} are the least"
    return unknown(found.n, reason, found.value)


def robust(
    found: Influenced, units: Units, level: float, clusters: int, *, share: bool = False
) -> Estimate:
    """Value ± t(clusters - 1) · cluster-robust error; on the logit scale for a `share`.

    Unknown, with the reason: fewer than 10 clusters that count, no variance, not defined.
    """
    if not (math.isfinite(found.value) and np.isfinite(found.influence).all()):
        return unknown(found.n, "these rows do not define it")
    if clusters < LEAST_CLUSTERS:
        return _too_few(found, clusters)
    labels = np.arange(units.rows) if units.of_row is None else units.of_row
    variance, _ = cluster_variance(found.influence, labels)
    if variance <= 0:
        return unknown(found.n, "no variance between clusters", found.value)
    half = float(stdtrit(clusters - 1, (1 + level) / 2)) * math.sqrt(variance)
    return _logit(found, half) if share else _plain(found, half)


def _plain(found: Influenced, half: float) -> Estimate:
    return Estimate(found.value, found.value - half, found.value + half, found.n)


def _logit(found: Influenced, half: float) -> Estimate:
    value = found.value
    if not 0 < value < 1:
        return unknown(found.n, "no variance between clusters", value)
    centre, half = float(logit(value)), half / (value * (1 - value))
    return Estimate(value, float(expit(centre - half)), float(expit(centre + half)), found.n)
