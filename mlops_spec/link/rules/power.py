"""Limits that the policy's own numbers can never decide. Closed forms; no data is read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist
from typing import Final

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import POWERLESS_LIMIT
from mlops_spec.link.scope import Scope
from mlops_spec.model.project import Document
from mlops_spec.model.spec.describe import one_of
from mlops_spec.model.spec.gates import GatesSpec
from mlops_spec.model.spec.rollout import RolloutSpec
from mlops_spec.model.units import Share
from mlops_spec.terms.metrics import METRICS

_QUANTILE: Final = 0.99
_POWER: Final = 0.8
# Rows on which the candidate and production are right and wrong the other way round. A prior:
# successive versions of a model differ on about one row in ten.
_DISAGREEMENT: Final = 0.1
_DEFAULT_CONFIDENCE: Final = Share(0.95)


def requests_to_bound(share: float, confidence: float) -> int:
    """Fewest observations, all within a limit, that put less than 1 - `share` beyond it.

    The largest of n values lies above the `share` quantile with probability 1 - share^n (the
    order-statistic bound), so that share^n <= 1 - confidence.
    """
    return math.ceil(math.log(1 - confidence) / math.log(share))


def rows_for_margin(margin: float, confidence: float) -> int:
    """Paired rows that show a difference within `margin` with 80 % power.

    n = (z_confidence + z_power)^2 * disagreement / margin^2 (Connor, Biometrics 43, 1987, the
    unconditional form for a paired difference of proportions).
    """
    z = NormalDist().inv_cdf(confidence) + NormalDist().inv_cdf(_POWER)
    return math.ceil(z * z * _DISAGREEMENT / (margin * margin))


def canary_steps_can_bound_their_limits(scope: Scope, found: Diagnostics) -> None:
    """MLS310: p99 and the error rate need enough answers before anything can be said."""
    for document in scope.of(RolloutSpec):
        spec = document.spec
        requests = spec.canary.each.min_requests
        if not 0 < spec.confidence.value < 1:
            continue
        needs = {limit: requests_to_bound(q, spec.confidence.value) for limit, q in _shares(spec)}
        short = [limit for limit, needed in needs.items() if requests < needed]
        if short:
            most = max(needs[limit] for limit in short)
            found.add(
                POWERLESS_LIMIT,
                f"{requests} requests a step cannot bound {one_of(short, 'and')} at "
                f"{spec.confidence} confidence: that takes {most:,}",
                at=document.places.value("canary", "each", "min_requests"),
                help=f"write min_requests: {math.ceil(most / 100) * 100} or more; fewer leave a "
                "step inconclusive until it gives up",
            )


def _shares(spec: RolloutSpec) -> Iterator[tuple[str, float]]:
    yield "p99", _QUANTILE
    errors = spec.abort_when.errors.above
    if 0 < errors.value < 1:
        yield f"an error rate of {errors}", 1 - errors.value


def margins_can_be_shown(scope: Scope, found: Diagnostics) -> None:
    """MLS310: a margin that `min_rows` rows cannot tell from chance is a coin flip."""
    for document in scope.of(GatesSpec):
        rows, margins = document.spec.min_rows, dict(_margins(document))
        confidence = (document.spec.confidence or _DEFAULT_CONFIDENCE).value
        if rows is None or not margins or not 0 < confidence < 1:
            continue
        name = min(margins, key=lambda metric: margins[metric])
        needed = rows_for_margin(margins[name], confidence)
        if rows < needed:
            margin = document.spec.production[name].margin
            found.add(
                POWERLESS_LIMIT,
                f"a margin of {margin} on {name} takes about {needed:,} rows; min_rows is {rows}",
                at=document.places.value("min_rows"),
                help="raise min_rows, or widen the margin; the estimate takes two versions to "
                "disagree on one row in ten",
            )


def _margins(document: Document[GatesSpec]) -> Iterator[tuple[str, float]]:
    for name, comparison in document.spec.production.items():
        margin = comparison.margin
        is_share = name == "primary" or (name in METRICS and METRICS[name].share)
        # A relative margin is at most that share of 1: fewer rows never suffice.
        if margin is not None and margin.unit and margin.value > 0 and is_share:
            yield name, margin.value


RULES: Final = (canary_steps_can_bound_their_limits, margins_can_be_shown)
